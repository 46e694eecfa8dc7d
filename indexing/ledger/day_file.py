"""One day of the ledger as a SQLite file: opening, schema, transactions, errors. The ledger opens SQLite here alone."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path

from indexing.catalogue.database import enable_wal
from indexing.catalogue.sqlite_errors import translated
from indexing.errors import (
    ArtefactCorrupt,
    CatalogueBusy,
    CatalogueReplaced,
    CatalogueUnavailable,
    FormatUnknown,
    LedgerUnavailable,
    StorageFull,
)
from indexing.ledger.feedback import COLUMNS as FEEDBACK_COLUMNS
from indexing.ledger.row_columns import COLUMNS, Value
from indexing.records import Json
from indexing.storage.atomic_files import is_full
from indexing.storage.permissions import PRIVATE_FILE

VERSION = 5
"""Of the schema and of what cells hold; it stands in each file as ``user_version``. A file of an older one gets the
tables that it lacks, and its cells are read for ever: 3 brought hits and named values that are no squeezed
JSON, 4 sketches of query vectors, 5 the table of feedback."""
_PARAMETERS = 999
"""Question marks of one statement: what every version of SQLite takes, and 27 rows of requests."""
_COLUMNS = ", ".join(f"{name} {kind}" + (" PRIMARY KEY" if name == "id" else "") for name, kind in COLUMNS.items())
_FEEDBACK_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in FEEDBACK_COLUMNS.items())
_SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS requests ({_COLUMNS})",
    # An id says its moment, so that ids in order are moments in order. The two hold what shares and counts are made of.
    "CREATE INDEX IF NOT EXISTS by_tenant ON requests (tenant, id, recipe, build, arm, kind)",
    "CREATE INDEX IF NOT EXISTS by_recipe ON requests (recipe, id, build, arm, kind)",
    "CREATE INDEX IF NOT EXISTS by_request ON requests (substr(request_id, -8))",
    "CREATE TABLE IF NOT EXISTS view_changes"
    " (process TEXT, number INTEGER, at TEXT, body TEXT, PRIMARY KEY (process, number)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS counters"
    " (process TEXT PRIMARY KEY, accepted INTEGER, dropped INTEGER, written INTEGER) WITHOUT ROWID",
    # Rows that a process dropped or lost, by the moment at which it said so: rows that were erased are not among them.
    "CREATE TABLE IF NOT EXISTS missing_rows"
    " (at_ms INTEGER, process TEXT, rows INTEGER, PRIMARY KEY (at_ms, process)) WITHOUT ROWID",
    # What users said and did about the day's queries, whenever it came; one event of a query once.
    f"CREATE TABLE IF NOT EXISTS feedback ({_FEEDBACK_COLUMNS}, PRIMARY KEY (query_id, event)) WITHOUT ROWID",
    # Sketches of query vectors, of a sample of the rows; they go when their rows are erased, and with the day.
    "CREATE TABLE IF NOT EXISTS query_sketches (id BLOB PRIMARY KEY, tenant TEXT, collection TEXT, recipe INTEGER,"
    " user_hash BLOB, model TEXT, sketch BLOB) WITHOUT ROWID",
    # What is counted of them, before a sample of them is read, stands in this index alone; older files lack it.
    "CREATE INDEX IF NOT EXISTS sketches_by_collection ON query_sketches (model, tenant, collection, id, recipe)",
    # A row stands here from a deletion on until the file is written anew, so that a kill in between is made good.
    "CREATE TABLE IF NOT EXISTS vacuum_due (is_due INTEGER PRIMARY KEY)",
    f"PRAGMA user_version = {VERSION}",
)
_STATEMENTS = 128
"""Statements that are remembered, as many as a connection does. Our choice."""
_PAGE_BYTES = 8192
"""Half as many bytes left over at the ends of pages as with SQLite's 4,096, at rows of some 700 bytes: 8 % of a day.
Source: decision 30."""
_PRIVATE_FOLDER = 0o700
"""The owner alone, as for the files in it."""
SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside an open file, by the end of its name."""


class DayFile:
    """The open file of one day: one connection, to be used by one thread at a time."""

    def __init__(self, path: Path, *, busy_timeout_seconds: float, creates: bool = False) -> None:
        """Open ``path``; where there is none, make it if it ``creates``, with its folder, the owner's alone.

        Raises:
            ArtefactCorrupt, LedgerUnavailable, StorageFailed, StorageFull: it cannot be opened, with the reason.
            FormatUnknown: a newer version of Groundwork wrote it.
        """
        self.path = path
        self._busy_timeout_seconds = busy_timeout_seconds
        if creates:
            _make_file(path)
        with self._translated():
            uri = f"{path.absolute().as_uri()}?mode=rw"
            self._connection = sqlite3.connect(
                uri, uri=True, timeout=busy_timeout_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(creates)
                self._identity = _identity_of(path)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, creates: bool) -> None:
        self._connection.execute("PRAGMA synchronous = NORMAL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise FormatUnknown(
                f"{self.path.name} of the ledger has schema {version}, this version reads up to {VERSION}: upgrade."
            )
        if creates:
            self._connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # heeded by a new file alone
            enable_wal(self._connection, self._busy_timeout_seconds)
        if version == VERSION:
            return
        with self.write():  # a reader, too, may come before the process that has just made the file
            for statement in _SCHEMA:
                self._connection.execute(statement)

    def close(self) -> None:
        """Close the connection; the last of a file saves its log into it."""
        self._connection.close()

    @property
    def is_in_place(self) -> bool:
        """Whether what stands at the path is still the file that was opened; what is written to another is lost."""
        return _identity_of(self.path) == self._identity

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction that holds the write lock from its beginning: all of the block is stored, or nothing.

        Raises:
            StorageFull, StorageFailed, ArtefactCorrupt, LedgerUnavailable: SQLite said so.
        """
        with self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite may have rolled back by itself; the first error says why
                    self._connection.execute("ROLLBACK")
                raise

    def insert(self, table: str, columns: Iterable[str], rows: Sequence[Sequence[Value]]) -> None:
        """Add rows, whose cells are in the order of ``columns``.

        One whose key is there already is left out, so that a batch may be written again.

        Many rows are one statement, in which SQLite works without the interpreter's lock: else each row would wait for
        that, and take it from a search.
        """
        if not rows:
            return
        names = tuple(columns)
        step = _PARAMETERS // len(names)
        with self._translated():
            for first in range(0, len(rows), step):
                some = rows[first : first + step]
                self._connection.execute(_insert_sql(table, names, len(some)), list(chain.from_iterable(some)))

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run one statement that changes rows; how many it changed."""
        with self._translated():
            return self._connection.execute(sql, parameters).rowcount

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> Iterator[tuple[Json, ...]]:
        """The rows of a query, lazily."""
        with self._translated():
            # Not "yield from", which would close the cursor when the rest is given up, and fail after the connection.
            for row in self._connection.execute(sql, parameters):  # noqa: UP028
                yield row

    @property
    def generation(self) -> int:
        """Which compacted file holds the rest of this day's rows, 0 for none."""
        with self._translated():
            return int(self._connection.execute("PRAGMA application_id").fetchone()[0])

    def set_generation(self, generation: int) -> None:
        """Say so within ``write()``: it holds from the same moment on as all else of the transaction."""
        self.execute(f"PRAGMA application_id = {generation:d}")

    def delete_securely(self) -> None:
        """Overwrite from now on what this connection deletes, instead of only unlinking it."""
        self.execute("PRAGMA secure_delete = ON")

    def mark_vacuum_due(self) -> None:
        """Say within ``write()`` that what it deletes is to leave no trace."""
        self.execute("INSERT OR IGNORE INTO vacuum_due (is_due) VALUES (1)")

    @property
    def is_vacuum_due(self) -> bool:
        """Whether something was deleted whose traces may still be there."""
        return any(True for _ in self.rows("SELECT 1 FROM vacuum_due"))

    def vacuum(self) -> None:
        """Leave no trace in the file or its log of what was deleted: write the file anew, and empty the log.

        Raises:
            LedgerUnavailable: another process still reads what the log holds.
            StorageFull: there is no room for a second copy of the day.
        """
        with self._translated():
            self._connection.execute("VACUUM")
            is_busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if is_busy:
            raise LedgerUnavailable(
                f"The log of {self.path.name} could not be emptied within {self._busy_timeout_seconds:g} s, since"
                " another process reads that day: it may still hold what was erased. Try again."
            )
        self.execute("DELETE FROM vacuum_due")

    def copy_to(self, path: Path) -> None:
        """Write the day as it is at this moment into the new file ``path``; others may append meanwhile.

        Raises:
            ArtefactCorrupt: SQLite finds a fault in the copy, and so in the day.
            StorageFull: there is no room for the copy.
        """
        path.touch(mode=PRIVATE_FILE, exist_ok=False)
        with self._translated():
            copy = sqlite3.connect(path)
            try:
                self._connection.backup(copy)
                found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            finally:
                copy.close()
        if found != "ok":
            raise ArtefactCorrupt(f"{self.path.name} of the ledger is damaged ({found}): restore it from a backup.")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            ours = translated(error, self.path, self._busy_timeout_seconds, "day of the ledger")
            if ours is None:
                raise
            if isinstance(ours, CatalogueBusy | CatalogueUnavailable | CatalogueReplaced):
                ours = LedgerUnavailable(str(ours))
            raise ours from error


@lru_cache(_STATEMENTS)
def _insert_sql(table: str, columns: tuple[str, ...], rows: int) -> str:
    """What adds so many rows; the same text each time, by which the connection knows the statement."""
    marks = f"({', '.join('?' * len(columns))})"
    return f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES {', '.join([marks] * rows)}"


def remove_day_file(path: Path) -> None:
    """Remove a day's file and what SQLite keeps beside it; processes that have it open notice at their next write."""
    for name in (path.name, *(f"{path.name}{end}" for end in SIDE_FILES)):
        path.with_name(name).unlink(missing_ok=True)


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        # Only where there is none: closing a file that SQLite has open would give up this process's locks on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
    except OSError as error:
        if is_full(error):
            raise StorageFull(f"No room to make {path.name} of the ledger: free some space.") from error
        raise LedgerUnavailable(f"{path} cannot be made ({error.strerror}): check the folder's permissions.") from error


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
