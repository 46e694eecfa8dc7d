"""What each day of the ledger holds: rows, bytes, and what was dropped or lost on the way."""

from contextlib import closing
from dataclasses import dataclass
from datetime import date

from indexing.errors import GroundworkError
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import DayOnDisk, list_days
from indexing.ledger.day_sources import DayFault, Period, query_days
from indexing.ledger.records import Counters
from indexing.ledger.store import LedgerStore

_NONE = Counters("", 0, 0, 0)


@dataclass(frozen=True, slots=True)
class DayTotals:
    """A day in numbers."""

    day: date
    rows: int
    size_bytes: int
    is_compacted: bool
    feedback: int
    """Times that something was said or done about its answers."""
    dropped: int
    """Rows that processes gave up: a full queue, a full disk, a locked file."""
    unwritten: int
    """Rows that were accepted and neither written nor dropped: still queued, or lost with a killed process."""
    faults: tuple[str, ...]
    """Why rows of it cannot be read."""


def day_totals(ledger: LedgerStore) -> list[DayTotals]:
    """Every day that the ledger holds, oldest first."""
    faults: list[DayFault] = []
    rows: dict[date, int] = {}
    from_all = query_days(ledger, Period(), "SELECT count(*) FROM requests", has_ids=False, on_fault=faults.append)
    for day, (count,) in from_all:
        rows[day] = rows.get(day, 0) + count
    totals, before = [], dict[str, Counters]()
    for one in list_days(ledger.folder):
        now, feedback, fault = _counters(ledger, one)
        changes = [_difference(counters, before.get(counters.process, _NONE)) for counters in now]
        before |= {counters.process: counters for counters in now}
        reasons = [found.reason for found in faults if found.day == one.day] or ([fault] if fault else [])
        totals.append(
            DayTotals(
                day=one.day,
                rows=rows.get(one.day, 0),
                size_bytes=one.size_bytes,
                is_compacted=bool(one.compacted),
                feedback=feedback,
                dropped=sum(change.dropped for change in changes),
                unwritten=sum(change.accepted - change.dropped - change.written for change in changes),
                faults=tuple(reasons),
            )
        )
    return totals


def _counters(ledger: LedgerStore, one: DayOnDisk) -> tuple[list[Counters], int, str | None]:
    """What processes counted, how much feedback there is, and why neither can be read."""
    if one.database is None:
        return [], 0, None
    try:
        with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
            cells = file.rows("SELECT process, accepted, dropped, written FROM counters ORDER BY process")
            counters = [Counters(*found) for found in cells]
            ((feedback,),) = file.rows("SELECT count(*) FROM feedback")
            return counters, int(feedback), None
    except GroundworkError as error:
        return [], 0, str(error)


def _difference(now: Counters, before: Counters) -> Counters:
    """What a process counted since the day before: its numbers go on over midnight."""
    return Counters(
        now.process, now.accepted - before.accepted, now.dropped - before.dropped, now.written - before.written
    )
