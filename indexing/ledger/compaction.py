"""Compaction of a day that is over: its rows into a Parquet file sorted by tenant and time, half the size.

The database of the day stays, without those rows: it holds the counters, the changes of live views and rows that come
late, and it says which generation of the Parquet file counts. That is written in the transaction that removes the
rows, so at every moment each row counts once, also when this is killed.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import DayOnDisk, compacted_path, list_days
from indexing.ledger.day_sources import Cells
from indexing.ledger.parquet_day import read_rows, require_analytics, write_rows
from indexing.ledger.row_columns import COLUMNS, plain_cells
from indexing.ledger.store import LedgerStore
from indexing.storage.atomic_files import sync_folder

GRACE = timedelta(minutes=10)
"""After midnight, for batches that were on their way: they would only make the day be compacted twice."""
_ALL = f"SELECT {', '.join(COLUMNS)} FROM requests"
_ID, _TENANT = list(COLUMNS).index("id"), list(COLUMNS).index("tenant")
_IS_COMPACTED = "SELECT NOT EXISTS (SELECT 1 FROM requests)"


@dataclass(frozen=True, slots=True)
class CompactedDay:
    """A day whose rows were moved, with its bytes on disk before and afterwards."""

    day: date
    rows: int
    bytes_before: int
    bytes_after: int


def sealed_days(ledger: LedgerStore, now: datetime) -> list[DayOnDisk]:
    """The days that are over and have rows in their database, oldest first: what ``compact`` has to do."""
    found = []
    for one in list_days(ledger.folder):
        if one.database is None or one.day >= (now - GRACE).date():
            continue
        with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
            if not next(file.rows(_IS_COMPACTED))[0]:
                found.append(one)
    return found


def compact(ledger: LedgerStore, one: DayOnDisk) -> CompactedDay:
    """Move a day's rows into a new Parquet file, with those it was compacted to before.

    The rows leave the database only after the written file was read again and found to hold every one of them.

    Raises:
        NotReady: the extra ``analytics`` is not installed.
        ArtefactCorrupt: the day cannot be read whole, or the written file differs; the day is as it was.
        StorageFull: there is no room; the day is as it was.
    """
    require_analytics()
    if one.database is None:
        raise ArtefactCorrupt(f"The database of {one.day} is gone from the ledger: restore it from a backup.")
    with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
        with file.write():
            rows = write_generation(file, one, lambda cells: cells)
            file.execute("DELETE FROM requests")
            file.mark_vacuum_due()
        file.vacuum()
        remove_other_generations(file, one)
    after = next(found.size_bytes for found in list_days(ledger.folder) if found.day == one.day)
    return CompactedDay(one.day, rows, one.size_bytes, after)


def write_generation(
    file: DayFile, one: DayOnDisk, change: Callable[[Cells], Cells | None], *, with_database: bool = True
) -> int:
    """Write the next generation of a day's Parquet file and let it count, within the transaction of the caller.

    Args:
        file: The day's database, in a transaction.
        one: The day.
        change: What becomes of each row; ``None`` for a row that is left out.
        with_database: Whether the rows of the database go into it as well; the caller then deletes them.

    Returns:
        How many rows it holds.

    Raises:
        ArtefactCorrupt: a file cannot be read, or what was written differs from what was to be.
    """
    generation = max([file.generation, *one.compacted], default=0) + 1
    path = compacted_path(_folder_of(one), one.day, generation)
    draft = path.with_name(f".{path.name}.tmp")
    draft.unlink(missing_ok=True)
    try:
        rows = write_rows(draft, _changed(file, one, change, with_database))
        _verify(draft, _changed(file, one, change, with_database))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    file.set_generation(generation)
    return rows


def compacted_rows(file: DayFile, one: DayOnDisk) -> Iterator[Cells]:
    """The rows of a day that were moved into its Parquet file, by tenant and id.

    Raises:
        ArtefactCorrupt: the file that counts is gone, or cannot be read.
    """
    if file.generation:
        yield from read_rows(compacted_path(_folder_of(one), one.day, file.generation))


def remove_other_generations(file: DayFile, one: DayOnDisk) -> None:
    """Remove every Parquet file of a day but the one that counts, and the drafts of killed processes."""
    folder = _folder_of(one)
    kept = compacted_path(folder, one.day, file.generation)
    for path in (*folder.glob(f"{one.day.isoformat()}.*.parquet"), *folder.glob(f".{one.day.isoformat()}.*.tmp")):
        if path != kept:
            path.unlink(missing_ok=True)


def _folder_of(one: DayOnDisk) -> Path:
    return next(path.parent for path in (one.database, *one.compacted.values()) if path is not None)


def _changed(
    file: DayFile, one: DayOnDisk, change: Callable[[Cells], Cells | None], with_database: bool
) -> Iterator[Cells]:
    """The rows of a day by tenant and id, as they are to be."""
    sources = [compacted_rows(file, one)]
    if with_database:
        sources.append(map(plain_cells, file.rows(f"{_ALL} ORDER BY tenant, id")))
    for cells in heapq.merge(*sources, key=lambda cells: (cells[_TENANT], cells[_ID])):
        if (kept := change(cells)) is not None:
            yield kept


def _verify(path: Path, expected: Iterator[Cells]) -> None:
    found = read_rows(path)
    for wanted in expected:
        if next(found, None) != wanted:
            raise ArtefactCorrupt(f"{path.name} does not hold what was written: look at the disk, then try again.")
    if next(found, None) is not None:
        raise ArtefactCorrupt(f"{path.name} holds more than was written: look at the disk, then try again.")
