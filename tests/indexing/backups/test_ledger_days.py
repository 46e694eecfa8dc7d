"""A backup holds the ledger, day by day, as it was at one moment."""

import stat
from datetime import timedelta

import pytest

from indexing.backups.backup import back_up
from indexing.backups.restore import restore
from indexing.home import open_home
from indexing.ledger.compaction import compact, sealed_days
from indexing.ledger.readers import requests_of
from indexing.ledger.retention import enforce_retention
from indexing.settings import Settings
from tests.support.ledger_rows import NOON, made_row

LATER = NOON + timedelta(days=2)


@pytest.fixture
def filled(home):
    for day in range(3):
        home.ledger.append([made_row(day * 10 + n, NOON + timedelta(days=day, seconds=n)) for n in range(5)])
    return home


def rows_of_restored(folder, path):
    restore(folder, Settings(home=path))
    restored = open_home(Settings(home=path))
    try:
        return list(requests_of(restored.ledger))
    finally:
        restored.close()


def test_a_restored_home_has_the_ledger_of_the_moment_and_it_stays_private(filled, tmp_path):
    before = list(requests_of(filled.ledger))
    back_up(filled, tmp_path / "backup")
    filled.ledger.append([made_row(99, LATER)])
    assert rows_of_restored(tmp_path / "backup", tmp_path / "restored") == before
    ledger = tmp_path / "restored" / "ledger"
    assert stat.S_IMODE(ledger.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in ledger.iterdir()} == {0o600}


def test_compacted_days_are_in_it_too(filled, tmp_path):
    pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'groundwork[analytics]'")
    before = list(requests_of(filled.ledger))
    for one in sealed_days(filled.ledger, LATER):
        compact(filled.ledger, one)
    back_up(filled, tmp_path / "backup")
    assert rows_of_restored(tmp_path / "backup", tmp_path / "restored") == before


def test_a_day_that_became_too_old_leaves_the_backup_as_well(filled, tmp_path):
    back_up(filled, tmp_path / "backup")
    enforce_retention(filled.ledger.folder, days=1, max_mb=100, now=LATER)
    back_up(filled, tmp_path / "backup")
    found = rows_of_restored(tmp_path / "backup", tmp_path / "restored")
    assert [row.number for row in found] == [20, 21, 22, 23, 24]
    markers = [
        path for path in (tmp_path / "backup").rglob("*") if path.is_file() and b"2026-11-24" in path.read_bytes()
    ]
    assert markers == []


def test_a_damaged_day_is_named_and_an_earlier_backup_s_copy_of_it_is_kept(filled, tmp_path):
    before = list(requests_of(filled.ledger))
    back_up(filled, tmp_path / "backup")
    filled.ledger.close()
    damaged = filled.ledger.folder / "2026-11-25.db"
    damaged.write_bytes(b"damaged" * 2000)
    report = back_up(filled, tmp_path / "backup")
    assert (list(report.kept), report.damaged) == (["ledger/2026-11-25.db"], {})
    assert rows_of_restored(tmp_path / "backup", tmp_path / "restored") == before
    first = back_up(filled, tmp_path / "other")
    assert list(first.damaged) == ["ledger/2026-11-25.db"]
    assert len(rows_of_restored(tmp_path / "other", tmp_path / "restored-too")) == 10
