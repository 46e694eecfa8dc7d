"""The ledger of a home, to be appended to: batches of rows go to the files of their days."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from indexing.errors import LedgerUnavailable, StorageFull
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import database_path, size_of
from indexing.ledger.feedback import COLUMNS as FEEDBACK_COLUMNS
from indexing.ledger.feedback import FeedbackRow, feedback_values
from indexing.ledger.ids import day_of
from indexing.ledger.records import RequestRow, ViewChange
from indexing.ledger.retention import enforce_retention
from indexing.ledger.row_columns import COLUMNS, SKETCH_COLUMNS, Value, as_json, sketch_values, values_of

logger = logging.getLogger(__name__)
LEDGER_FOLDER = "ledger"
"""Where the ledger stands in a home."""
_OPEN_DAYS = 2
"""Files kept open for appending: today's, and yesterday's around midnight. Our choice."""
_TIDY_SECONDS = 600.0
"""Between two looks of a process at whether days are too many: cheap, and at 100 requests/s a day grows 30 MB in it.
Our choice."""
_ROWS_A_TURN = 16
"""Rows that are packed before another thread that waits gets the interpreter: some 0.4 ms. Our choice."""
_CHANGE_COLUMNS = ("process", "number", "at", "body")
_TRIES = 3
"""How often a batch is written to a day whose file is replaced meanwhile, as compaction and retention do.
Our choice."""


@dataclass(frozen=True, slots=True)
class _DayRows:
    """What is to be stored of one day, in one transaction."""

    requests: list[tuple[Value, ...]]
    sketches: list[tuple[Value, ...]]

    def insert(self, file: DayFile) -> None:
        file.insert("requests", COLUMNS, self.requests)
        file.insert("query_sketches", SKETCH_COLUMNS, self.sketches)


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
        days: int | None = None,
        max_mb: int | None = None,
        require_room: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Keep the days in ``folder``.

        Args:
            folder: ``HOME/ledger``; it need not exist.
            busy_timeout_seconds: How long a batch waits for other processes.
            days: How many days are kept, today's included; with ``max_mb`` what appends now and then removes others.
            max_mb: What all days may take, in megabytes; a day that takes as much alone gets no more rows.
            require_room: Called before each batch; it raises where the disk's last room is kept for deletions.
            now: Tells the present moment, UTC.
        """
        self.folder = folder
        self.busy_timeout_seconds = busy_timeout_seconds
        self._days, self._max_mb, self._now = days, max_mb, now
        self._next_tidying = 0.0
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
        by_day: dict[date, _DayRows] = {}
        for place, row in enumerate(rows):
            if place % _ROWS_A_TURN == 0:
                time.sleep(0)  # let a search go on that waits for the interpreter
            of_day = by_day.setdefault(day_of(row.id), _DayRows([], []))
            of_day.requests.append(values_of(row))
            if (sketch := sketch_values(row)) is not None:
                of_day.sketches.append(sketch)
        for day in sorted(by_day):
            self._write(day, by_day[day].insert)

    def append_feedback(self, rows: Sequence[FeedbackRow]) -> None:
        """Store feedback in the files of the days of its queries; an event of a query that is stored is left out.

        Errors as in ``append``.
        """
        by_day: dict[date, list[tuple[Value, ...]]] = {}
        for row in rows:
            by_day.setdefault(day_of(row.query_id), []).append(feedback_values(row))
        for day in sorted(by_day):
            self._write(day, partial(DayFile.insert, table="feedback", columns=FEEDBACK_COLUMNS, rows=by_day[day]))

    def append_view_changes(self, day: date, changes: Sequence[ViewChange]) -> None:
        """Store changes of live views in a day's file, in one transaction; errors as in ``append``."""
        cells = [(one.process, one.number, one.at, as_json(one.body)) for one in changes]
        self._write(day, partial(DayFile.insert, table="view_changes", columns=_CHANGE_COLUMNS, rows=cells))

    def put_counts(
        self,
        process: str,
        *,
        accepted: int,
        dropped: int,
        written: int,
        missing: int = 0,
        day: date | None = None,
    ) -> None:
        """Let the file of ``day``, by default today's, say what a process has counted since its start.

        Later counts take the place of earlier ones; ``missing`` are the rows that it dropped or lost since then, which
        are kept with this moment. Errors as in ``append``.
        """
        now = self._now()
        cells = (process, accepted, dropped, written)
        lost = (int(now.timestamp() * 1000), process, missing)
        self._write(day or now.date(), partial(_put_counts, cells=cells, lost=lost))

    def bytes_of_today(self) -> int:
        """How many bytes the rows of this UTC day take on the disk."""
        return size_of(database_path(self.folder, self._now().date()))

    def _write(self, day: date, action: Callable[[DayFile], object]) -> None:
        """Do ``action`` in a transaction; again if the file was removed meanwhile, and with it what was written."""
        with self._lock:
            self._tidy()
            self._require_room()
            self._require_within_bound(day)
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

    def _tidy(self) -> None:
        """Remove days that are too many, at the first batch and then rarely; no batch fails for it."""
        if self._days is None or self._max_mb is None or time.monotonic() < self._next_tidying:
            return
        self._next_tidying = time.monotonic() + _TIDY_SECONDS
        try:
            for one in enforce_retention(self.folder, days=self._days, max_mb=self._max_mb, now=self._now()):
                fields = {"day": str(one.day), "size_bytes": one.size_bytes, "reason": one.reason}
                logger.info("ledger.day_removed", extra={"fields": fields})
        except OSError as error:
            logger.warning("ledger.days_not_removed", extra={"fields": {"reason": str(error)}})

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
        if self._max_mb is None:
            return
        size_bytes, most_bytes = size_of(database_path(self.folder, day)), self._max_mb * 1_000_000
        if size_bytes > most_bytes:
            raise StorageFull(
                f"The ledger's file of {day} holds {size_bytes:,} bytes, more than GROUNDWORK_LEDGER_MAX_MB allows for"
                f" all days ({most_bytes:,} bytes): raise it, or set GROUNDWORK_LEDGER=off."
            )


def _put_counts(file: DayFile, cells: tuple[Value, ...], lost: tuple[int, str, int]) -> None:
    file.execute("INSERT OR REPLACE INTO counters (process, accepted, dropped, written) VALUES (?, ?, ?, ?)", cells)
    if lost[2]:
        sql = (
            "INSERT INTO missing_rows (at_ms, process, rows) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET rows = rows + excluded.rows"
        )
        file.execute(sql, lost)
