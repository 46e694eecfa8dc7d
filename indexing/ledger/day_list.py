"""Which days a ledger's folder holds, in which files, and how large they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from indexing.ledger.day_file import SIDE_FILES

_NAME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\.([0-9]{1,9})\.parquet|\.db)")


@dataclass(frozen=True, slots=True)
class DayOnDisk:
    """A day that the ledger holds: its database, and what it was compacted to, by generation.

    The database says which generation counts; another one is what an interrupted compaction or erasure left.
    """

    day: date
    database: Path | None
    compacted: Mapping[int, Path]
    size_bytes: int


def database_path(folder: Path, day: date) -> Path:
    """Where the rows of a day are written."""
    return folder / f"{day.isoformat()}.db"


def compacted_path(folder: Path, day: date, generation: int) -> Path:
    """Where the rows of a day stand that was compacted for the ``generation``-th time."""
    return folder / f"{day.isoformat()}.{generation}.parquet"


def list_days(folder: Path) -> list[DayOnDisk]:
    """The days of a ledger, oldest first; none where nothing was ever recorded."""
    databases: dict[date, Path] = {}
    compacted: dict[date, dict[int, Path]] = {}
    for path in folder.glob("*-*-*"):
        form = _NAME.fullmatch(path.name)
        day = None if form is None else _day(form[1])
        if form is None or day is None:
            continue
        if form[2] is None:
            databases[day] = path
        else:
            compacted.setdefault(day, {})[int(form[2])] = path
    return [
        _on_disk(day, databases.get(day), compacted.get(day, {})) for day in sorted(databases.keys() | compacted.keys())
    ]


def _on_disk(day: date, database: Path | None, compacted: Mapping[int, Path]) -> DayOnDisk:
    files = [*compacted.values(), *([] if database is None else [database])]
    return DayOnDisk(day, database, compacted, sum(size_of(path) for path in files))


def size_of(path: Path) -> int:
    """How many bytes a file takes, with those that SQLite keeps beside it; 0 where it is gone."""
    return sum(_size(path.with_name(f"{path.name}{end}")) for end in ("", *SIDE_FILES))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
