"""What a rollout's guards compare: of each arm its answers, errors, latencies and units in a window of time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from indexing.ledger.day_sources import Cells, OnFault, Period, log_fault, query_days
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
    """Rows that are missing between the first and the last number of each process."""

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
    return GuardWindow(arms, *_rows_and_gaps(ledger, period, on_fault))


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


def _rows_and_gaps(ledger: LedgerStore, period: Period, on_fault: OnFault) -> tuple[int, int]:
    sql = "SELECT process, count(*), min(number), max(number) FROM requests WHERE id >= ? AND id < ? GROUP BY process"
    processes: dict[str, tuple[int, int, int]] = {}
    for _, (process, count, first, last) in query_days(
        ledger, period, sql, period.ids, has_ids=False, on_fault=on_fault
    ):
        before = processes.get(process, (0, first, last))
        processes[process] = (before[0] + count, min(before[1], first), max(before[2], last))
    rows = sum(count for count, _, _ in processes.values())
    return rows, sum(last - first + 1 for _, first, last in processes.values()) - rows
