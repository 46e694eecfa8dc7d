"""The catalogue's database: connections, transactions and errors of one SQLite file. SQLite is opened only here."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlite_utils

from indexing.catalogue.migrations import catalogue_migrations
from indexing.errors import ArtefactCorrupt, CatalogueBusy, InvalidInput, StorageFull
from indexing.records import Json

Row = dict[str, Json]


def utc_now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class _Handle:
    """One thread's connection."""

    def __init__(self, database: sqlite_utils.Database) -> None:
        self.database = database

    def __del__(self) -> None:
        # The wrapper is part of reference cycles: its connection would stay open until some later garbage collection.
        self.database.conn.close()


class Database:
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

    def _database(self) -> sqlite_utils.Database:
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
            database = sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=True)
            handle = self._local.handle = _Handle(database)
            with self._lock:
                self._handles.add(handle)
        return handle.database

    @contextmanager
    def write(self) -> Iterator[sqlite_utils.Database]:
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

    def copy_to(self, path: Path) -> None:
        """Write the catalogue as it is at this moment into the new file ``path``; reads and writes go on meanwhile.

        Raises:
            ArtefactCorrupt: SQLite finds a fault in the copy, and so in the catalogue.
            StorageFull: there is no room for the copy.
        """
        path.touch(mode=0o600, exist_ok=False)
        with self._translated():
            copy = sqlite3.connect(path)
            try:
                self._database().conn.backup(copy)
                found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            finally:
                copy.close()
        if found != "ok":
            raise ArtefactCorrupt(f"{self.path} is damaged ({found}): restore it from an earlier backup.")

    @contextmanager
    def at_one_moment(self) -> Iterator["Database"]:
        """The catalogue as it is now, whatever is written meanwhile: to be read only, and by this thread only."""
        reader = Database(self.path, busy_timeout_seconds=self._busy_timeout_seconds)
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
