"""The catalogue's database: connections, transactions and errors of one SQLite file. SQLite is opened only here."""

import logging
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlite_utils

from indexing.catalogue.file_identity import CatalogueFiles
from indexing.catalogue.file_migrations import catalogue_migrations
from indexing.catalogue.sqlite_errors import is_locked, translated
from indexing.errors import ArtefactCorrupt, CatalogueBusy, CatalogueReplaced, InvalidInput
from indexing.records import Json, moment_text

Row = dict[str, Json]
logger = logging.getLogger(__name__)
_SYNCHRONOUS = "PRAGMA synchronous = FULL"
"""What is committed, or copied into the database, is on the disk."""
_WAL_RETRY_SECONDS = 0.02
"""Between two tries to turn on WAL while another process does. Source: our choice."""


def utc_now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds."""
    return moment_text(datetime.now(UTC))


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

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_seconds: float = 30.0,
        require_room: Callable[[], None] = lambda: None,
        keeps_versions: bool = False,
        on_plan_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Open or create the catalogue at ``path`` and bring its schema up to date.

        ``require_room`` is called before each write transaction, and raises where that must not take the disk's room.
        ``keeps_versions`` says whether live versions that are replaced are kept for replays, of tenants that allow it.
        ``on_plan_change`` is called after each commit that changes what API processes must serve.
        """
        self.path = path
        self.keeps_versions = keeps_versions
        self._require_room = require_room
        self._on_plan_change = on_plan_change
        self._busy_timeout_seconds = busy_timeout_seconds
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise InvalidInput(f"{path.parent} is not a folder: give another --home or GROUNDWORK_HOME.") from None
        self._files = CatalogueFiles(path)
        if (fault := self._files.fault_before_opening()) is not None:
            raise CatalogueReplaced(_refusal(fault))
        self._observing = threading.Lock()
        self._observer = self._local.handle = self._opened()
        self._files.remember()
        # Never writes, so that it sees every commit as one of another connection; open until the end, so that the
        # files stay the same as long as nothing else removes them.
        self._observer = self._opened_beside(is_observer=True)
        if catalogue_migrations.pending(self._database()):
            with self.write() as db:
                catalogue_migrations.apply(db)

    def close(self) -> None:
        """Close the connections of every thread; the catalogue must not be used afterwards."""
        with self._lock, self._observing:
            for handle in list(self._handles):
                handle.database.conn.close()

    def _opened(self, *, is_observer: bool = False) -> _Handle:
        """A new connection. One that only observes does not read the schema, which takes a millisecond."""
        with self._translated():
            connection = sqlite3.connect(
                self.path, timeout=self._busy_timeout_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                if is_observer:
                    connection.execute("PRAGMA data_version").fetchone()  # opens the log
                else:
                    self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        # Recursive triggers: a document that is replaced counts as deleted and inserted, not as inserted alone.
        handle = _Handle(sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=True))
        with self._lock:
            self._handles.add(handle)
        return handle

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(_SYNCHRONOUS)
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten, not only unlinked
        enable_wal(connection, self._busy_timeout_seconds)
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()  # opens the log as well

    def _opened_beside(self, *, is_observer: bool = False) -> _Handle:
        """A connection more to the files that are open already."""
        # A connection to another file would share the index over the old one; looked at twice, since it may go in
        # between.
        self._require_files()
        opened = self._opened(is_observer=is_observer)
        self._require_files()
        return opened

    def _database(self) -> sqlite_utils.Database:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None:
            # The thread alone holds the handle, so its connection is closed when the thread ends.
            handle = self._local.handle = self._opened_beside()
        return handle.database

    @contextmanager
    def write(self, *, grows: bool = True) -> Iterator[sqlite_utils.Database]:
        """One write transaction: all of the block is stored durably, or nothing. Nested blocks join the outer one.

        The files are looked at before COMMIT and after it. If one was removed or replaced before the second look, the
        write is not acknowledged, though COMMIT may have stored it. A file that goes after the second look takes what
        it held with it, unless a process that has it open ends in good order or refuses a write: both copy the log
        into the database.

        Args:
            grows: Whether it may take more than a few pages, so that it must leave the disk's reserve its room; not so
                where a single row is marked in place, such as how a job ended.

        Raises:
            CatalogueReplaced: the catalogue's file or log is no longer the one that was opened.
            CatalogueBusy, CatalogueUnavailable, ArtefactCorrupt, StorageFailed, StorageFull: SQLite said so.
            StorageFull: also where it ``grows`` and there is no room but what is kept for deletions.
        """
        database = self._database()
        if database.conn.in_transaction:
            yield database
            return
        if grows:
            self._require_room()
        self._local.changes_plan = False
        with self._translated():
            database.conn.execute("BEGIN IMMEDIATE")
            try:
                yield database
                self._require_files()
                database.conn.execute("COMMIT")
            except BaseException:
                database.rollback()
                raise
            self._require_files()
        if self._local.changes_plan:
            self._on_plan_change()

    def note_plan_change(self) -> None:
        """Let the transaction in progress count as one that changes what API processes must serve."""
        self._local.changes_plan = True

    def health(self) -> str | None:
        """Why the catalogue takes no writes, in words and without a path; ``None`` while its files are in place."""
        fault = self._files.fault()
        if fault is None:
            return None
        self._save_log()
        return _refusal(fault)

    def _require_files(self) -> None:
        refusal = self.health()
        if refusal is not None:
            raise CatalogueReplaced(refusal)

    def _save_log(self) -> None:
        """If the log has lost its name, and the database has not, copy what it holds into the database.

        Every connection that was open before shares that log, so this loses nothing and overtakes no other writer.
        """
        if not self._files.has_database:
            return
        try:
            with self._observing:
                connection = self._observer.database.conn
                connection.execute(_SYNCHRONOUS)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:  # the next write that is refused tries again; this one must say why it is
            logger.warning("catalogue.log_not_saved", extra={"fields": {"reason": str(error)}})

    def version(self) -> int | None:
        """A number that is another one after each commit, of any process; ``None`` if it cannot be had at once.

        What is read from the catalogue after a call holds for as long as later calls give the same number. The header
        of the ``-shm`` file says the same ten times faster, but a process that closes a file of its own over it gives
        up all the locks that SQLite has on it (POSIX), so that only SQLite may open it.
        """
        try:
            with self._observing:
                return int(self._observer.database.conn.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.OperationalError as error:
            if is_locked(error):
                return None
            with self._translated():
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors, and texts that it cannot store, into errors of ours that say what to do."""
        try:
            yield
        except UnicodeEncodeError as error:
            if error.encoding != "utf-8":
                raise
            code = f"U+{ord(error.object[error.start]):04X}"
            raise InvalidInput(
                f"{error.object[:40]!a} holds the lone surrogate {code}, which no UTF-8 can hold: remove or repair it."
            ) from error
        except sqlite3.DatabaseError as error:
            ours = translated(error, self.path, self._busy_timeout_seconds)
            if ours is None:
                raise
            raise ours from error

    def compact(self) -> None:
        """Leave no trace in the files of anything that was deleted or overwritten; call it outside ``write()``.

        The file is written anew without free pages, and the write-ahead log is emptied.

        Raises:
            CatalogueBusy: another connection still reads or writes what the log holds after the busy timeout.
            StorageFull: there is no room for a second copy of the catalogue.
        """
        connection = self._database().conn
        self._require_files()
        with self._translated():
            connection.execute("VACUUM")
            is_busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        log = self.path.with_name(f"{self.path.name}-wal")
        left_bytes = log.stat().st_size if log.exists() else 0
        if is_busy or left_bytes:
            raise CatalogueBusy(
                f"{log.name} could not be emptied within {self._busy_timeout_seconds:g} s, since another process reads"
                f" the catalogue: its {left_bytes} bytes may still hold deleted text. End that process, then try again."
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
        self._require_files()
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


def _refusal(fault: str) -> str:
    return (
        f"{fault}, so writes would be lost and are refused. Stop every process of the home with SIGTERM, which saves"
        " what a removed log holds (SIGKILL may not), restore a backup if catalogue.db itself is not the right one, and"
        " start again."
    )


def enable_wal(connection: sqlite3.Connection, most_seconds: float) -> None:
    """Turn on WAL, which lasts in the file; under its own lock, since several processes may do it at once."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    deadline = time.monotonic() + most_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # SQLite answers "locked" at once here, without waiting for the busy timeout.
            if not is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_RETRY_SECONDS)
