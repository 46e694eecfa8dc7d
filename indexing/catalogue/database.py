"""The catalogue: one SQLite file that knows tenants, documents, versions and releases. SQLite is opened only here."""

import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from indexing.catalogue.documents import _KEY, DocumentKey, WriteCounts, document_of
from indexing.catalogue.migrations import catalogue_migrations
from indexing.catalogue.quotas import require_room
from indexing.catalogue.tenants import require_name
from indexing.errors import ArtefactCorrupt, CatalogueBusy, InvalidInput, NotFound, StorageFull
from indexing.records import Document, Json, Partition, is_narrower

Row = dict[str, Json]


def utc_now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _Handle:
    """One thread's connection."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __del__(self) -> None:
        # The wrapper is part of reference cycles: its connection would stay open until some later garbage collection.
        self.database.conn.close()


class Catalogue:
    """Safe to share between threads and to open from many processes at once.

    Every thread gets a connection of its own. Writes run inside ``write()``, which takes the write lock at once
    (``BEGIN IMMEDIATE``), so a read followed by a write inside it is never refused or lost.
    """

    def __init__(self, path: Path, *, busy_timeout_seconds: float = 30.0) -> None:
        """Open or create the catalogue at ``path`` and bring its schema up to date."""
        self.path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise InvalidInput(f"{path.parent} is not a folder: give another --home or GROUNDWORK_HOME.") from None
        if catalogue_migrations.pending(self._database()):
            with self.write() as db:
                catalogue_migrations.apply(db)

    def close(self) -> None:
        """Close the connections of every thread; the catalogue must not be used afterwards."""
        with self._lock:
            for handle in list(self._handles):
                handle.database.conn.close()

    def _database(self) -> Database:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None:
            with self._translated():
                connection = sqlite3.connect(
                    self.path, timeout=self._busy_timeout_seconds, isolation_level=None, check_same_thread=False
                )
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only unlinked
                _enable_wal(connection)
            # The thread alone holds the handle, so its connection is closed when the thread ends.
            # Recursive triggers: a document that is replaced counts as deleted and inserted, not as inserted alone.
            database = Database(connection, execute_plugins=False, recursive_triggers=True)
            handle = self._local.handle = _Handle(database)
            with self._lock:
                self._handles.add(handle)
        return handle.database

    @contextmanager
    def write(self) -> Iterator[Database]:
        """One write transaction: all of the block is stored durably, or nothing. Nested blocks join the outer one."""
        database = self._database()
        if database.conn.in_transaction:
            yield database
            return
        with self._translated():
            database.conn.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.conn.execute("COMMIT")
            except BaseException:
                database.rollback()
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's words for a lock held too long and for a full disk into errors of ours."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if "unable to open" in str(error):
                raise InvalidInput(f"{self.path} cannot be opened: expected a file that may be written.") from error
            if "not a database" in str(error) or "malformed" in str(error):
                raise ArtefactCorrupt(
                    f"{self.path} is no readable catalogue ({error}): restore it from a backup."
                ) from error
            if "locked" in str(error) or "busy" in str(error):
                raise CatalogueBusy(
                    f"The catalogue {self.path} stayed locked for {self._busy_timeout_seconds:g} s by another"
                    " writer. Try again, or raise GROUNDWORK_BUSY_TIMEOUT_SECONDS."
                ) from error
            if "full" in str(error) or "disk I/O" in str(error):
                raise StorageFull(f"No room to write {self.path}: {error}. Free some space and try again.") from error
            raise

    def compact(self) -> None:
        """Leave no trace in the files of anything that was deleted or overwritten; call it outside ``write()``.

        The file is written anew without free pages, and the write-ahead log is emptied.

        Raises:
            CatalogueBusy: another connection still reads or writes what the log holds after the busy timeout.
            StorageFull: there is no room for a second copy of the catalogue.
        """
        with self._translated():
            connection = self._database().conn
            connection.execute("VACUUM")
            is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        log = self.path.with_name(f"{self.path.name}-wal")
        left_bytes = log.stat().st_size if log.exists() else 0
        if is_busy or left_bytes:
            raise CatalogueBusy(
                f"{log} could not be emptied within {self._busy_timeout_seconds:g} s, since another process reads the"
                f" catalogue: its {left_bytes} bytes may still hold deleted text. End that process, then try again."
            )

    @contextmanager
    def at_one_moment(self) -> Iterator["Catalogue"]:
        """The catalogue as it is now, whatever is written meanwhile: to be read only, and by this thread only."""
        reader = Catalogue(self.path, busy_timeout_seconds=self._busy_timeout_seconds)
        try:
            reader._database().conn.execute("BEGIN")
            reader.sequence()  # the first read decides which moment it is
            yield reader
        finally:
            reader.close()

    def rows(self, sql: str, parameters: Sequence[Json] = ()) -> Iterator[Row]:
        """The rows of a query as dicts, lazily."""
        with self._translated():
            cursor = self._database().conn.execute(sql, parameters)
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))

    def row(self, sql: str, parameters: Sequence[Json] = ()) -> Row | None:
        """The first row of a query, or ``None``."""
        return next(iter(self.rows(sql, parameters)), None)

    # Tenants and collections

    def ensure_tenant(self, tenant: str) -> None:
        """Create ``tenant``, without limits, unless it exists.

        Raises:
            InvalidInput: the name is empty, longer than 128 characters or holds ``/`` or a control character.
        """
        require_name("tenant", tenant)
        with self.write() as db:
            db.conn.execute("INSERT OR IGNORE INTO tenants (id, created_at) VALUES (?, ?)", (tenant, utc_now()))

    def ensure_collection(self, partition: Partition) -> None:
        """Create the tenant and the collection of ``partition`` unless they exist.

        Raises:
            InvalidInput: a name is empty, longer than 128 characters or holds ``/`` or a control character.
        """
        require_name("tenant", partition.tenant)
        require_name("collection", partition.collection)
        with self.write() as db:
            self.ensure_tenant(partition.tenant)
            db.conn.execute(
                "INSERT OR IGNORE INTO collections (tenant, name, created_at) VALUES (?, ?, ?)",
                (partition.tenant, partition.collection, utc_now()),
            )

    def collections(self, tenant: str) -> dict[str, int]:
        """The collections of ``tenant`` with their document counts, by name."""
        rows = self.rows("SELECT name, documents FROM collections WHERE tenant = ? ORDER BY name", (tenant,))
        return {row["name"]: row["documents"] for row in rows}

    # Documents

    def put_documents(
        self, partition: Partition, documents: Iterable[Document], *, source: str = "", live: bool = False
    ) -> WriteCounts:
        """Insert or replace ``documents``, all or none; a document that is the same already is left untouched.

        Those that are ``live`` are to be found before the next build holds them.

        Raises:
            QuotaExceeded: the tenant would hold more than it may. Let it end an outer ``write()`` as well.
        """
        counts = {"added": 0, "changed": 0, "unchanged": 0}
        with self.write() as db:
            self.ensure_collection(partition)
            for document in documents:
                counts[self._put_document(db, partition, document, source, live)] += 1
            require_room(db, partition.tenant, added=counts["added"], changed=counts["changed"])
            seq = db.conn.execute("SELECT value FROM write_sequence").fetchone()[0]
        return WriteCounts(**counts, seq=seq)

    def _put_document(self, db: Database, partition: Partition, document: Document, source: str, live: bool) -> str:
        key = (partition.tenant, partition.collection, document.id)
        old = db.conn.execute(f"SELECT record_sha256, source, allow FROM documents WHERE {_KEY}", key).fetchone()
        if old is not None and old[:2] == (document.record_sha256, source):
            return "unchanged"
        db.conn.execute("UPDATE write_sequence SET value = value + 1")
        if live:
            db.conn.execute(f"DELETE FROM deletions WHERE {_KEY}", key)
            db.conn.execute(f"DELETE FROM superseded WHERE {_KEY}", key)
        elif old is not None and is_narrower(document.allow, None if old[2] is None else json.loads(old[2])):
            # The old version must not answer until a build has the new one: somebody may no longer see it.
            db.conn.execute("INSERT OR REPLACE INTO deletions SELECT ?, ?, ?, value FROM write_sequence", key)
            db.conn.execute(f"DELETE FROM superseded WHERE {_KEY}", key)
        else:
            db.conn.execute(f"INSERT OR REPLACE INTO superseded SELECT * FROM documents WHERE {_KEY} AND live = 1", key)
        db.conn.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
            " (SELECT value FROM write_sequence), ?, ?, ?)",
            (
                *key,
                document.title,
                document.text,
                document.url,
                json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
                document.content_type,
                source,
                document.content_sha256,
                document.record_sha256,
                utc_now(),
                None if document.allow is None else json.dumps(sorted(set(document.allow)), ensure_ascii=False),
                int(live),
            ),
        )
        return "added" if old is None else "changed"

    def remove_documents(self, partition: Partition, ids: Iterable[str]) -> int:
        """Delete the documents with these ids, all or none; returns how many existed.

        When each was deleted is kept under the next sequence number, so that a snapshot from before can hide it.
        """
        removed = 0
        with self.write() as db:
            seq = self.sequence() + 1
            for document_id in ids:
                key = (partition.tenant, partition.collection, document_id)
                db.conn.execute(f"DELETE FROM superseded WHERE {_KEY}", key)
                if db.conn.execute(f"DELETE FROM documents WHERE {_KEY}", key).rowcount:
                    db.conn.execute("INSERT OR REPLACE INTO deletions VALUES (?, ?, ?, ?)", (*key, seq))
                    removed += 1
            if removed:
                db.conn.execute("UPDATE write_sequence SET value = ?", (seq,))
        return removed

    def document_ids(self, partition: Partition, *, source: str) -> set[str]:
        """The ids of the documents that came from ``source``."""
        sql = "SELECT id FROM documents WHERE tenant = ? AND collection = ? AND source = ?"
        return {row["id"] for row in self.rows(sql, (partition.tenant, partition.collection, source))}

    def document_keys(self) -> Iterator[DocumentKey]:
        """Every document of every tenant without its text, ordered by tenant, collection and id."""
        sql = (
            "SELECT tenant, collection, id, content_sha256, record_sha256 FROM documents"
            " ORDER BY tenant, collection, id"
        )
        for row in self.rows(sql):
            partition = Partition(row["tenant"], row["collection"])
            yield DocumentKey(partition, row["id"], row["content_sha256"], row["record_sha256"])

    def document(self, partition: Partition, document_id: str) -> Document:
        """One document.

        Raises:
            NotFound: the collection holds no such document.
        """
        row = self.row(
            "SELECT * FROM documents WHERE tenant = ? AND collection = ? AND id = ?",
            (partition.tenant, partition.collection, document_id),
        )
        if row is None:
            raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
        return document_of(row)

    def sequence(self) -> int:
        """The sequence number of the last write."""
        row = self.row("SELECT value FROM write_sequence")
        return 0 if row is None else int(row["value"])


def _enable_wal(connection: sqlite3.Connection) -> None:
    """Turn on WAL, which lasts in the file; under its own lock, since several processes may do it at once."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    deadline = datetime.now(UTC).timestamp() + 30
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite answers "locked" at once here, without waiting for the busy timeout.
            if "locked" not in str(error) or datetime.now(UTC).timestamp() > deadline:
                raise
            threading.Event().wait(0.02)
