"""How long the ledger remembers: whole days are removed, the oldest first, by age and by what all of them take."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from indexing.ledger.day_file import remove_day_file
from indexing.ledger.day_list import DayOnDisk, list_days


@dataclass(frozen=True, slots=True)
class RemovedDay:
    """A day that goes, or went, and why."""

    day: date
    size_bytes: int
    reason: str


def days_to_remove(folder: Path, *, days: int, max_mb: int, now: datetime) -> list[RemovedDay]:
    """The days that are too many, oldest first; never today's.

    Args:
        folder: Of the ledger.
        days: How many are kept, today's included (``GROUNDWORK_LEDGER_DAYS``).
        max_mb: What all of them may take, in megabytes (``GROUNDWORK_LEDGER_MAX_MB``).
        now: The present moment, UTC.
    """
    found = list_days(folder)
    oldest = now.date() - timedelta(days=days - 1)
    left_bytes, most_bytes = sum(one.size_bytes for one in found), max_mb * 1_000_000
    removed = []
    for one in found:
        if one.day >= now.date():
            break
        if one.day < oldest:
            reason = f"older than {days} days (GROUNDWORK_LEDGER_DAYS)"
        elif left_bytes > most_bytes:
            reason = f"all days take more than {max_mb} MB (GROUNDWORK_LEDGER_MAX_MB)"
        else:
            break
        left_bytes -= one.size_bytes
        removed.append(RemovedDay(one.day, one.size_bytes, reason))
    return removed


def enforce_retention(folder: Path, *, days: int, max_mb: int, now: datetime) -> list[RemovedDay]:
    """Remove the days that are too many; several processes may do it at once.

    Returns:
        What ``days_to_remove`` found, now gone.
    """
    removed = days_to_remove(folder, days=days, max_mb=max_mb, now=now)
    on_disk = {one.day: one for one in list_days(folder)}
    for one in removed:
        if one.day in on_disk:
            _remove(on_disk[one.day])
    return removed


def _remove(one: DayOnDisk) -> None:
    # The Parquet files first: without its database the newest of them would count, with it a missing one is told.
    for path in one.compacted.values():
        path.unlink(missing_ok=True)
    if one.database is not None:
        remove_day_file(one.database)
