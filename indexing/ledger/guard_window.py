"""What a rollout's guards compare: of each arm its answers, errors, latencies and units in a window of time."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from indexing.errors import GroundworkError
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.store import LedgerStore

_FAILED = 500
"""Statuses from here on are the service's fault, those below the caller's."""


@dataclass(slots=True)
class ArmWindow:
    """What one arm answered in a window."""

    requests: int = 0
    errors: int = 0
    """Answers with a status of 500 or more."""
    empty: int = 0
    """Answers without a hit, among those whose hits the ledger knows."""
    warnings: int = 0
    """Answers with at least one warning."""
    whole: int = 0
    """Rows that hold more than the assignment; without them ``empty`` and ``latencies_ms`` say nothing."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of whole requests, oldest first within a file of a day, so that a window that grows keeps its beginning."""
    units: set[bytes] = field(default_factory=set)
    """Hashes of the tenants, users or requests that were assigned to it."""


@dataclass(frozen=True, slots=True)
class GuardWindow:
    """A rollout in a window of time; ``rows`` and ``dropped`` are of everything that was asked in it."""

    arms: Mapping[str, ArmWindow]
    rows: int
    dropped: int
    """Rows that processes dropped, or lost when they were killed, as they or their successors said in it."""

    @property
    def dropped_share(self) -> float:
        """The part of the rows that is missing, in [0, 1]."""
        expected = self.rows + self.dropped
        return self.dropped / expected if expected else 0.0


def guard_window(
    ledger: LedgerStore, rollout: int, since: datetime, until: datetime, *, on_fault: OnFault = log_fault
) -> GuardWindow:
    """What each arm of a rollout answered from ``since`` up to and without ``until``; shadows are not answers."""
    period = Period(since, until)
    sql = (
        "SELECT arm, unit_hash, status, hit_count, warnings IS NOT NULL, total_ms, is_whole FROM requests"
        " WHERE rollout = ? AND kind IN ('search', 'context') AND id >= ? AND id < ? ORDER BY id"
    )
    arms: dict[str, ArmWindow] = {}
    for _, cells in query_days(ledger, period, sql, [rollout, *period.ids], has_ids=False, on_fault=on_fault):
        _add(arms.setdefault(cells[0], ArmWindow()), cells)
    return GuardWindow(arms, _rows(ledger, period, on_fault), _missing(ledger, period, on_fault))


def _add(window: ArmWindow, cells: Cells) -> None:
    _, unit, status, hit_count, has_warnings, total_ms, is_whole = cells
    window.requests += 1
    window.errors += status >= _FAILED
    window.warnings += bool(has_warnings)
    if unit is not None:
        window.units.add(bytes(unit))
    if is_whole:
        window.whole += 1
        window.empty += status < _FAILED and not hit_count
        if total_ms is not None:
            window.latencies_ms.append(total_ms)


def _rows(ledger: LedgerStore, period: Period, on_fault: OnFault) -> int:
    sql = "SELECT count(*) FROM requests WHERE id >= ? AND id < ?"
    found = query_days(ledger, period, sql, period.ids, has_ids=False, on_fault=on_fault)
    return sum(int(cells[0]) for _, cells in found)


def _missing(ledger: LedgerStore, period: Period, on_fault: OnFault) -> int:
    """Rows that processes said to have dropped or lost; gaps in their numbers would count erased rows as well."""
    sql = "SELECT coalesce(sum(rows), 0) FROM missing_rows WHERE at_ms >= ? AND at_ms < ?"
    missing = 0
    for one in list_days(ledger.folder):
        if one.database is None or not period.covers(one.day):
            continue
        try:
            with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
                missing += sum(int(cells[0]) for cells in file.rows(sql, period.milliseconds))
        except GroundworkError as error:
            on_fault(DayFault(one.day, str(error)))
    return missing
