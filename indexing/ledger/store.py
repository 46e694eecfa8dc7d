"""The ledger of a home, to be appended to: batches of rows go to the files of their days."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from indexing.errors import LedgerUnavailable, StorageFull
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import database_path, size_of
from indexing.ledger.ids import day_of
from indexing.ledger.records import RequestRow, ViewChange
from indexing.ledger.row_columns import Value, as_json, values_of

LEDGER_FOLDER = "ledger"
"""Where the ledger stands in a home."""
_OPEN_DAYS = 2
"""Files kept open for appending: today's, and yesterday's around midnight."""
_TRIES = 3
"""How often a batch is written to a day whose file is replaced meanwhile, as compaction and retention do."""


class LedgerStore:
    """Append-only days of rows. Safe to share between threads and to open from many processes at once.

    Nothing is opened or made before the first row. What cannot be written is an error of ours (``StorageFull``,
    ``StorageFailed``, ``ArtefactCorrupt``, ``LedgerUnavailable``), for the caller to count and go on.
    """

    def __init__(
        self,
        folder: Path,
        *,
        busy_timeout_seconds: float = 30.0,
        max_mb: int | None = None,
        require_room: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the days in ``folder``.

        Args:
            folder: ``HOME/ledger``; it need not exist.
            busy_timeout_seconds: How long a batch waits for other processes.
            max_mb: The largest that a single day may grow; retention removes older days before it comes to that.
            require_room: Called before each batch; it raises where the disk's last room is kept for deletions.
        """
        self.folder = folder
        self.busy_timeout_seconds = busy_timeout_seconds
        self._max_bytes = None if max_mb is None else max_mb * 1_000_000
        self._require_room = require_room
        self._lock = threading.Lock()
        self._open: dict[date, DayFile] = {}

    def close(self) -> None:
        """Close the files of the days; they are opened again when rows come."""
        with self._lock:
            for file in self._open.values():
                file.close()
            self._open.clear()

    def append(self, rows: Sequence[RequestRow]) -> None:
        """Store a batch, one transaction for each day in it; rows that are stored already are left out.

        Raises:
            GroundworkError: nothing of the day that failed was stored; days before it were. The batch may be given
                again as it is.
            InvalidInput: a row has another form than ``RequestRow`` says; nothing was stored.
        """
        by_day: dict[date, list[tuple[Value, ...]]] = {}
        for row in rows:
            by_day.setdefault(day_of(row.id), []).append(values_of(row))
        for day in sorted(by_day):
            self._write(day, partial(DayFile.insert, table="requests", rows=by_day[day]))

    def append_view_changes(self, day: date, changes: Sequence[ViewChange]) -> None:
        """Store changes of live views in a day's file, in one transaction; errors as in ``append``."""
        cells = [(one.process, one.number, one.at, as_json(one.body)) for one in changes]
        self._write(day, partial(DayFile.insert, table="view_changes", rows=cells))

    def put_counts(self, process: str, *, accepted: int, dropped: int, written: int, day: date | None = None) -> None:
        """Let the file of ``day``, by default today's, say what a process has counted since its start.

        Later counts take the place of earlier ones. Errors as in ``append``.
        """
        sql = "INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)"
        cells = (process, accepted, dropped, written)
        self._write(day or datetime.now(UTC).date(), partial(DayFile.execute, sql=sql, parameters=cells))

    def bytes_of_today(self) -> int:
        """How many bytes the rows of this UTC day take on the disk."""
        return size_of(database_path(self.folder, datetime.now(UTC).date()))

    def _write(self, day: date, action: Callable[[DayFile], object]) -> None:
        """Do ``action`` in a transaction; again if the file was removed meanwhile, and with it what was written."""
        self._require_room()
        self._require_within_bound(day)
        with self._lock:
            for _ in range(_TRIES):
                file = self._file(day)
                try:
                    with file.write():
                        action(file)
                except BaseException:
                    self._forget(day)
                    raise
                if file.is_in_place:
                    return
                self._forget(day)
        raise LedgerUnavailable(f"The ledger's file of {day} was removed {_TRIES} times during a write: try again.")

    def _file(self, day: date) -> DayFile:
        file = self._open.get(day)
        if file is not None and file.is_in_place:
            return file
        self._forget(day)
        while len(self._open) >= _OPEN_DAYS:
            self._forget(min(self._open))
        path = database_path(self.folder, day)
        file = self._open[day] = DayFile(path, busy_timeout_seconds=self.busy_timeout_seconds, creates=True)
        return file

    def _forget(self, day: date) -> None:
        file = self._open.pop(day, None)
        if file is not None:
            file.close()

    def _require_within_bound(self, day: date) -> None:
        if self._max_bytes is None:
            return
        size_bytes = size_of(database_path(self.folder, day))
        if size_bytes > self._max_bytes:
            raise StorageFull(
                f"The ledger's file of {day} holds {size_bytes:,} bytes, more than GROUNDWORK_LEDGER_MAX_MB allows for"
                f" all days ({self._max_bytes:,} bytes): raise it, or set GROUNDWORK_LEDGER=off."
            )
