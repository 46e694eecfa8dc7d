"""What a rollout's end is decided by: how many queries were shadowed, and each unit's mean of a measure."""

from array import array
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from indexing.errors import InvalidInput
from indexing.ledger.day_sources import Cells, OnFault, Period, log_fault, merge_days, query_days
from indexing.ledger.store import LedgerStore

_MEASURES = {
    "latency_ms": ("total_ms", "total_ms IS NOT NULL"),
    "error_rate": ("CASE WHEN status >= 500 THEN 1.0 ELSE 0.0 END", "1 = 1"),
    "empty_rate": ("CASE WHEN hit_count = 0 THEN 1.0 ELSE 0.0 END", "is_whole = 1 AND status < 500"),
    "warning_rate": ("CASE WHEN warnings IS NOT NULL THEN 1.0 ELSE 0.0 END", "1 = 1"),
}
"""Each measure as a value of a row, and the rows that have one."""


def count_shadows(
    ledger: LedgerStore, rollout: int, since: datetime, until: datetime, *, on_fault: OnFault = log_fault
) -> int:
    """How many queries a rollout's candidate answered in its shadow from ``since`` up to and without ``until``."""
    period = Period(since, until)
    sql = "SELECT count(*) FROM requests WHERE rollout = ? AND kind = 'shadow' AND id >= ? AND id < ?"
    found = query_days(ledger, period, sql, [rollout, *period.ids], has_ids=False, on_fault=on_fault)
    return sum(int(cells[0]) for _, cells in found)


def unit_means(
    ledger: LedgerStore,
    rollout: int,
    measure: str,
    since: datetime,
    until: datetime,
    *,
    on_fault: OnFault = log_fault,
) -> Mapping[str, Sequence[float]]:
    """By arm, the mean of a measure over the answers to each unit that the rollout assigned by its share.

    Each day gives its sums by unit in order, and days are merged as they are read: of a unit eight bytes are kept.

    Raises:
        InvalidInput: the measure is unknown.
    """
    if measure not in _MEASURES:
        raise InvalidInput(f"Measure {measure!r} is unknown: expected {', '.join(_MEASURES)}.")
    value, has_one = _MEASURES[measure]
    period = Period(since, until)
    sql = (
        f"SELECT arm, unit_hash, sum({value}), count(*) FROM requests WHERE rollout = ? AND unit_hash IS NOT NULL"
        f" AND kind IN ('search', 'context') AND {has_one} AND id >= ? AND id < ?"
        " GROUP BY arm, unit_hash ORDER BY arm, unit_hash"
    )
    means: dict[str, array[float]] = {}
    merged = merge_days(ledger, period, sql, [rollout, *period.ids], key=_arm_and_unit, on_fault=on_fault)
    for (arm, _), days in groupby(merged, key=_arm_and_unit):
        total, count = 0.0, 0
        for _, _, of_day, answers in days:
            total, count = total + of_day, count + answers
        means.setdefault(arm, array("d")).append(total / count)
    return means


def _arm_and_unit(cells: Cells) -> tuple[str, bytes]:
    return cells[0], bytes(cells[1])
