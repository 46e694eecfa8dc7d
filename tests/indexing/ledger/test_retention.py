"""The oldest days go first, by age and by size."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from indexing.ledger.day_list import list_days
from indexing.ledger.retention import days_to_remove, enforce_retention
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_row


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of five days up to and with today's, 24 November, each of half a megabyte at least."""
    ledger = LedgerStore(tmp_path_factory.mktemp("filled") / "ledger")
    for back in range(5):
        ledger.append([made_row(n, NOON - timedelta(days=back), query={"query": "x" * 5000}) for n in range(100)])
    ledger.close()
    return ledger.folder


@pytest.fixture
def ledger(filled_once: Path, tmp_path: Path) -> LedgerStore:
    """A copy of them."""
    shutil.copytree(filled_once, tmp_path / "ledger")
    return LedgerStore(tmp_path / "ledger")


def days(ledger: LedgerStore) -> list[int]:
    return [one.day.day for one in list_days(ledger.folder)]


def test_days_that_are_too_old_are_removed_with_all_their_files(ledger: LedgerStore) -> None:
    (ledger.folder / "2026-11-20.1.parquet").write_bytes(b"compacted")
    (ledger.folder / "2026-11-20.db-wal").touch()
    (ledger.folder / "notes.txt").touch()
    removed = enforce_retention(ledger.folder, days=3, max_mb=100, now=NOON)
    assert [one.day for one in removed] == [date(2026, 11, 20), date(2026, 11, 21)]
    assert "older than 3 days" in removed[0].reason
    assert sorted(path.name for path in ledger.folder.iterdir()) == [
        *(f"2026-11-{day}.db" for day in (22, 23, 24)),
        "notes.txt",
    ]


def test_the_oldest_days_go_until_the_rest_fits(ledger: LedgerStore) -> None:
    removed = enforce_retention(ledger.folder, days=30, max_mb=3, now=NOON)
    assert days(ledger) == [22, 23, 24]
    assert "more than 3 MB" in removed[0].reason
    assert sum(one.size_bytes for one in list_days(ledger.folder)) <= 3_000_000
    assert enforce_retention(ledger.folder, days=30, max_mb=3, now=NOON) == []


def test_today_is_never_removed(ledger: LedgerStore) -> None:
    enforce_retention(ledger.folder, days=1, max_mb=1, now=NOON)
    assert days(ledger) == [24]
    assert days_to_remove(ledger.folder / "none", days=1, max_mb=1, now=NOON) == []


def test_what_appends_removes_days_that_are_too_many_when_it_begins(ledger: LedgerStore) -> None:
    keeper = LedgerStore(ledger.folder, days=2, max_mb=100, now=lambda: NOON)
    keeper.append([made_row()])
    keeper.close()
    assert days(ledger) == [23, 24]


def test_what_appends_goes_on_where_a_day_cannot_be_removed(
    ledger: LedgerStore, caplog: pytest.LogCaptureFixture
) -> None:
    (ledger.folder / "2026-11-20.1.parquet").mkdir()
    keeper = LedgerStore(ledger.folder, days=2, max_mb=100, now=lambda: NOON)
    keeper.append([made_row()])
    keeper.close()
    assert "ledger.days_not_removed" in caplog.text


def test_looking_removes_nothing(ledger: LedgerStore) -> None:
    assert len(days_to_remove(ledger.folder, days=1, max_mb=1, now=NOON)) == 4
    assert len(days(ledger)) == 5
