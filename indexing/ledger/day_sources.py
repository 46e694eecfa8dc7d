"""Reading days: one query over the files of many days, open or compacted; a day that cannot be read is named."""

import heapq
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Protocol

from indexing.errors import ArtefactCorrupt, FormatUnknown, LedgerUnavailable, NotReady, StorageFailed
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import DayOnDisk, list_days
from indexing.ledger.ids import first_id
from indexing.ledger.parquet_day import ParquetDay
from indexing.ledger.row_columns import Value
from indexing.ledger.store import LedgerStore
from indexing.records import Json

logger = logging.getLogger(__name__)
Cells = tuple[Json, ...]
"""A row as a query gives it."""
_UNREADABLE = (ArtefactCorrupt, FormatUnknown, LedgerUnavailable, NotReady, StorageFailed)
_MOST_MILLISECONDS = (1 << 48) - 1
"""The last moment that an id can say. Source: RFC 9562, section 5.7."""


@dataclass(frozen=True, slots=True)
class DayFault:
    """A day of which an answer lacks rows, and why."""

    day: date
    reason: str
    is_missing: bool = False
    """Whether there is no file at all, as of a day on which nothing was asked."""


OnFault = Callable[[DayFault], None]
"""Told of each day that cannot be read; the others are read all the same."""


def log_fault(fault: DayFault) -> None:
    """Say a fault in the log; what readers do unless told otherwise."""
    logger.warning("ledger.day_unreadable", extra={"fields": {"day": str(fault.day), "reason": fault.reason}})


def require_readable(faults: Sequence[DayFault], consequence: str) -> None:
    """Refuse an answer that lacks days; ``consequence`` says what cannot be done then, and what to do.

    Raises:
        StorageFailed: a day could not be read.
    """
    if faults:
        raise StorageFailed(f"The ledger's day {faults[0].day} cannot be read ({faults[0].reason}), so {consequence}")


class DaySource(Protocol):
    """The rows of one file of a day, asked in SQL that SQLite and DuckDB both understand."""

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> Iterator[Cells]:
        """The rows of a query over ``requests``, lazily."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


@dataclass(frozen=True, slots=True)
class Period:
    """Moments from ``since`` up to and without ``until``; ``None`` for as far as the ledger reaches."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def ids(self) -> tuple[bytes, bytes]:
        """The lowest id within, and the lowest after it."""
        since, until = self.milliseconds
        return first_id(since).bytes, first_id(until).bytes

    @property
    def milliseconds(self) -> tuple[int, int]:
        """The first millisecond since 1970 within, and the first after it."""
        since = 0 if self.since is None else _milliseconds(self.since)
        until = _MOST_MILLISECONDS if self.until is None else _milliseconds(self.until)
        return since, until

    def covers(self, day: date) -> bool:
        """Whether some moment of a day is within."""
        begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
        ends = begins + timedelta(days=1)
        return (self.since is None or self.since < ends) and (self.until is None or begins < self.until)


def _milliseconds(moment: datetime) -> int:
    """Rounded up, since ids hold whole milliseconds: what was before the moment must not count as after it."""
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return min(max(-(-since_epoch // timedelta(milliseconds=1)), 0), _MOST_MILLISECONDS)


def query_days(
    ledger: LedgerStore,
    period: Period,
    sql: str,
    parameters: Sequence[Value] = (),
    *,
    has_ids: bool = True,
    newest_first: bool = False,
    on_fault: OnFault = log_fault,
) -> Iterator[tuple[date, Cells]]:
    """The rows of one query over each day of a period, day by day.

    Args:
        ledger: Whose days.
        period: Which days; the query itself says which of their rows.
        sql: Over the table ``requests``.
        parameters: For its question marks.
        has_ids: Whether its first column is the id, by which it orders: then all rows come in that order.
        newest_first: Whether days, and ids within, come backwards.
        on_fault: Told of each day that cannot be read, and of days within the ledger that have no file.
    """
    days = [one for one in list_days(ledger.folder) if period.covers(one.day)]
    _tell_missing(days, on_fault)
    for one in reversed(days) if newest_first else days:
        paths = _files_of(one, ledger.busy_timeout_seconds, on_fault)
        found = [_told(ledger, one.day, path, sql, parameters, on_fault) for path in paths]
        is_merged = has_ids and len(found) > 1
        for cells in heapq.merge(*found, key=_first, reverse=newest_first) if is_merged else chain.from_iterable(found):
            yield one.day, cells


def merge_days(
    ledger: LedgerStore,
    period: Period,
    sql: str,
    parameters: Sequence[Value],
    *,
    key: Callable[[Cells], tuple[str, bytes]],
    on_fault: OnFault = log_fault,
) -> Iterator[Cells]:
    """The rows of one query over all days of a period, merged into one order; equal ones by day, oldest first.

    All files of the period are open at once, and of each one row is in memory.

    Args:
        ledger: Whose days.
        period: Which days; the query itself says which of their rows.
        sql: Over the table ``requests``, in the order of ``key``.
        parameters: For its question marks.
        key: What rows are ordered by.
        on_fault: Told as by ``query_days``.
    """
    days = [one for one in list_days(ledger.folder) if period.covers(one.day)]
    _tell_missing(days, on_fault)
    found = [
        _told(ledger, one.day, path, sql, parameters, on_fault)
        for one in days
        for path in _files_of(one, ledger.busy_timeout_seconds, on_fault)
    ]
    return heapq.merge(*found, key=key)


def _files_of(one: DayOnDisk, busy_timeout_seconds: float, on_fault: OnFault) -> list[Path]:
    """The files that hold a day's rows: its database, and of what it was compacted to the generation that counts."""
    if one.database is None:
        return [one.compacted[max(one.compacted)]]
    if not one.compacted:
        return [one.database]
    try:
        with closing(DayFile(one.database, busy_timeout_seconds=busy_timeout_seconds)) as file:
            generation = file.generation
    except _UNREADABLE as error:
        on_fault(DayFault(one.day, str(error)))
        return [one.compacted[max(one.compacted)]]
    if generation == 0:
        return [one.database]
    if generation not in one.compacted:
        on_fault(DayFault(one.day, f"Its compacted file (generation {generation}) is gone: restore it from a backup."))
        return [one.database]
    return [one.compacted[generation], one.database]


def _told(
    ledger: LedgerStore, day: date, path: Path, sql: str, parameters: Sequence[Value], on_fault: OnFault
) -> Iterator[Cells]:
    """The rows of one file; where it cannot be read on, that is told, and they end."""
    try:
        with closing(open_source(path, ledger.busy_timeout_seconds)) as source:
            yield from source.rows(sql, parameters)
    except _UNREADABLE as error:
        on_fault(DayFault(day, str(error)))


def open_source(path: Path, busy_timeout_seconds: float) -> DaySource:
    """One file of a day, to be read.

    Raises:
        ArtefactCorrupt, FormatUnknown, LedgerUnavailable, StorageFailed: it cannot be.
        NotReady: it is compacted, and the extra that reads it is not installed.
    """
    if path.suffix == ".parquet":
        return ParquetDay(path)
    return DayFile(path, busy_timeout_seconds=busy_timeout_seconds)


def _first(cells: Cells) -> bytes:
    return bytes(cells[0])


def _tell_missing(days: Sequence[DayOnDisk], on_fault: OnFault) -> None:
    for before, after in pairwise(days):
        for missing in range(1, (after.day - before.day).days):
            reason = "There is no file of this day: nothing was asked, or the file was removed."
            on_fault(DayFault(before.day + timedelta(days=missing), reason, is_missing=True))
