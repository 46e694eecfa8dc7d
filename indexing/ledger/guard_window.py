"""What a rollout's guards compare: of each arm its answers, errors, latencies and units in a window of time."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from indexing.errors import GroundworkError
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.interleaving import guarded_arm, has_failed, hits_of_candidate
from indexing.ledger.store import LedgerStore

_FAILED = 500
"""Statuses from here on are the service's fault, those below the caller's."""
MOST_LATENCIES = 131_072
"""Latencies of an arm that are kept, the first ones. Source: our choice; sorting them takes some 20 ms."""
MOST_UNITS = 131_072
"""Units of an arm that are kept. Source: our choice; some 10 MB, and a share is known to a tenth of a percent."""


@dataclass(slots=True)
class ArmWindow:
    """What one arm answered in a window."""

    requests: int = 0
    errors: int = 0
    """Answers with a status of 500 or more, and interleaved ones whose candidate failed, of which users saw nothing."""
    empty: int = 0
    """Answers without a hit, among those whose hits the ledger knows; interleaved ones to which the candidate brought
    none."""
    warnings: int = 0
    """Answers with at least one warning."""
    whole: int = 0
    """Rows that hold more than the assignment; without them ``empty`` and ``latencies_ms`` say nothing."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of the first ``MOST_LATENCIES`` whole requests, oldest first within a file of a day, so that a window that grows
    keeps its beginning."""
    units: set[bytes] = field(default_factory=set)
    """Hashes of the tenants, users or requests that were assigned to it; of more than ``MOST_UNITS`` a part, chosen by
    hash, and the same part of each arm."""


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


@dataclass(slots=True)
class WindowCounts:
    """What is counted of a rollout's window: each row is added once, and the rows themselves are not kept."""

    arms: dict[str, ArmWindow] = field(default_factory=dict)
    rows: int = 0
    dropped: int = 0
    halvings: int = 0
    """How often the part of the units that is kept was halved."""

    def read(self, ledger: LedgerStore, rollout: int, period: Period, on_fault: OnFault) -> None:
        """Add the rows of a period."""
        sql = (
            "SELECT arm, unit_hash, status, hit_count, warnings IS NOT NULL, total_ms, is_whole,"
            " CASE WHEN arm = 'interleaved' THEN comparison END FROM requests"
            " WHERE rollout = ? AND kind IN ('search', 'context') AND id >= ? AND id < ? ORDER BY id"
        )
        for _, cells in query_days(ledger, period, sql, [rollout, *period.ids], has_ids=False, on_fault=on_fault):
            arm = self.arms.setdefault(guarded_arm(cells[0]), ArmWindow())
            _add(arm, cells)
            unit = cells[1]
            if unit is not None and self._is_kept(bytes(unit)):
                arm.units.add(bytes(unit))
                if len(arm.units) > MOST_UNITS:
                    self._thin(self.halvings + 1)
        self.rows += _rows(ledger, period, on_fault)
        self.dropped += _missing(ledger, period, on_fault)

    def merge(self, later: "WindowCounts") -> None:
        """Add what was counted of a later period."""
        for name, theirs in later.arms.items():
            ours = self.arms.setdefault(name, ArmWindow())
            ours.requests += theirs.requests
            ours.errors += theirs.errors
            ours.empty += theirs.empty
            ours.warnings += theirs.warnings
            ours.whole += theirs.whole
            ours.latencies_ms += theirs.latencies_ms[: MOST_LATENCIES - len(ours.latencies_ms)]
            ours.units |= theirs.units
        self.rows += later.rows
        self.dropped += later.dropped
        self._thin(max(self.halvings, later.halvings))

    @property
    def window(self) -> GuardWindow:
        """What guards compare, as of now."""
        return GuardWindow(self.arms, self.rows, self.dropped)

    def _is_kept(self, unit: bytes) -> bool:
        return int.from_bytes(unit) % (1 << self.halvings) == 0

    def _thin(self, halvings: int) -> None:
        """Keep of each arm the units of one part of the hashes, halved further until none has too many."""
        for self.halvings in count(halvings):
            for arm in self.arms.values():
                arm.units = {unit for unit in arm.units if self._is_kept(unit)}
            if all(len(arm.units) <= MOST_UNITS for arm in self.arms.values()):
                return


def guard_window(
    ledger: LedgerStore, rollout: int, since: datetime, until: datetime, *, on_fault: OnFault = log_fault
) -> GuardWindow:
    """What each arm of a rollout answered from ``since`` up to and without ``until``; shadows are not answers."""
    counts = WindowCounts()
    counts.read(ledger, rollout, Period(since, until), on_fault)
    return counts.window


def _add(window: ArmWindow, cells: Cells) -> None:
    _, _, status, hit_count, has_warnings, total_ms, is_whole, comparison = cells
    interleaved = None if comparison is None else json.loads(comparison)
    if interleaved is not None:
        hit_count = hits_of_candidate(interleaved)
    window.requests += 1
    window.errors += status >= _FAILED or (interleaved is not None and has_failed(interleaved))
    window.warnings += bool(has_warnings)
    if is_whole:
        window.whole += 1
        window.empty += status < _FAILED and hit_count == 0
        if total_ms is not None and len(window.latencies_ms) < MOST_LATENCIES:
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
