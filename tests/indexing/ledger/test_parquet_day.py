"""Compacted days that are open at once, or are written anew, answer each from its own file."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from indexing.errors import ArtefactCorrupt
from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.parquet_day import ParquetDay
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_row

NUMBERS = "SELECT number FROM requests ORDER BY number"


@pytest.fixture(autouse=True)
def duckdb() -> None:
    """DuckDB starts a thread when it is loaded, so no module of tests loads it."""
    pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'groundwork[analytics]'")


def compacted(folder: Path, *days: list[int]) -> list[Path]:
    """The compacted files of days that follow each other, with rows of these numbers."""
    with closing(LedgerStore(folder)) as ledger:
        for count, numbers in enumerate(days):
            ledger.append([made_row(number, NOON + timedelta(days=count, seconds=number)) for number in numbers])
        for day in sealed_days(ledger, NOON + timedelta(days=len(days))):
            compact(ledger, day)
    return sorted(folder.glob("*.parquet"))


def test_days_that_are_open_at_once_answer_each_from_its_own_file(tmp_path: Path) -> None:
    first, second = compacted(tmp_path / "ledger", [1, 2], [3, 4])
    with closing(ParquetDay(first)) as one, closing(ParquetDay(second)) as other:
        pairs = list(zip(one.rows(NUMBERS), other.rows(NUMBERS), strict=True))
    assert pairs == [((1,), (3,)), ((2,), (4,))]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "day.parquet"
    for numbers in ([1, 2], [2]):
        (made,) = compacted(tmp_path / f"ledger-{len(numbers)}", numbers)
        path.write_bytes(made.read_bytes())
        with closing(ParquetDay(path)) as day:
            assert [number for (number,) in day.rows(NUMBERS)] == numbers


def test_a_day_that_cannot_be_read_leaves_the_others_readable(tmp_path: Path) -> None:
    (path,) = compacted(tmp_path / "ledger", [1])
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with closing(ParquetDay(path)) as whole:
        with pytest.raises(ArtefactCorrupt, match=r"torn\.parquet of the ledger is not readable"):
            ParquetDay(tmp_path / "torn.parquet")
        assert list(whole.rows(NUMBERS)) == [(1,)]
