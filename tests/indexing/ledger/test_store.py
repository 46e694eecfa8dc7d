"""Appending: what is stored, by how many processes, and what is told when it cannot be."""

import json
import sqlite3
import stat
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from indexing.errors import ArtefactCorrupt, FormatUnknown, GroundworkError, LedgerUnavailable, StorageFull
from indexing.ledger.day_file import VERSION, DayFile
from indexing.ledger.day_list import database_path, list_days
from indexing.ledger.day_totals import day_totals
from indexing.ledger.ids import day_of
from indexing.ledger.readers import requests_of, served_request
from indexing.ledger.records import ViewChange
from indexing.ledger.store import LedgerStore
from tests.support.forked_programs import ForkedPopen
from tests.support.ledger_rows import NOON, made_row

MIDNIGHT = NOON + timedelta(hours=12)


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerStore:
    return LedgerStore(tmp_path / "ledger", busy_timeout_seconds=20)


def test_nothing_is_made_before_the_first_row(ledger: LedgerStore) -> None:
    assert list(requests_of(ledger)) == []
    assert served_request(ledger, made_row().id) is None
    ledger.close()
    assert not ledger.folder.exists()


def test_a_batch_over_midnight_goes_to_the_files_of_both_days(ledger: LedgerStore) -> None:
    rows = [made_row(n, MIDNIGHT + timedelta(milliseconds=n - 2)) for n in range(4)]
    ledger.append(rows)
    assert [path.name for path in sorted(ledger.folder.glob("*.db"))] == ["2026-11-24.db", "2026-11-25.db"]
    assert list(requests_of(ledger)) == rows


def test_a_batch_that_is_given_again_is_stored_once(ledger: LedgerStore) -> None:
    rows = [made_row(number) for number in range(1, 101)]  # more than one statement takes
    ledger.append(rows[:60])
    ledger.append(rows)
    assert {row.id: row for row in requests_of(ledger)} == {row.id: row for row in rows}
    ledger.append([])


def test_what_is_written_belongs_to_its_owner_alone(ledger: LedgerStore) -> None:
    ledger.append([made_row()])
    files = list(ledger.folder.iterdir())
    assert {path.name for path in files} == {"2026-11-24.db", "2026-11-24.db-wal", "2026-11-24.db-shm"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(ledger.folder.stat().st_mode) == 0o700


def test_a_row_that_is_refused_takes_nothing_of_its_batch_with_it_to_the_disk(ledger: LedgerStore) -> None:
    with pytest.raises(GroundworkError, match="user of a ledger row"):
        ledger.append([made_row(1), made_row(2, user="plain")])
    assert not ledger.folder.exists()


APPENDER = """
import sys
from pathlib import Path
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import made_row

store = LedgerStore(Path(sys.argv[1]), busy_timeout_seconds=60)
print("ready", flush=True)
sys.stdin.read()
for first in range(0, 100, 10):
    store.append([made_row(number + 1, process=sys.argv[2]) for number in range(first, first + 10)])
store.close()
"""
"""Appends to the day as soon as its standard input is closed."""


def test_processes_that_append_to_a_new_day_at_once_lose_no_row(tmp_path: Path) -> None:
    names = [f"process-{n}" for n in range(4)]
    with ExitStack() as stack:
        processes = []
        for name in names:
            command = [sys.executable, "-c", APPENDER, str(tmp_path / "ledger"), name]
            process = ForkedPopen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            processes.append(stack.enter_context(process))
        assert [process.stdout.readline() for process in processes if process.stdout] == [b"ready\n"] * 4
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        assert [process.wait(100) for process in processes] == [0] * 4
    found = [(row.process, row.number) for row in requests_of(LedgerStore(tmp_path / "ledger"))]
    assert sorted(found) == [(name, number) for name in names for number in range(1, 101)]


def test_a_file_that_is_removed_while_it_is_open_is_made_again(ledger: LedgerStore) -> None:
    ledger.append([made_row(1)])
    for path in ledger.folder.iterdir():
        path.unlink()
    ledger.append([made_row(2)])
    assert [row.number for row in requests_of(ledger)] == [2]


def test_a_corrupt_file_is_named_and_the_next_day_is_written_all_the_same(ledger: LedgerStore) -> None:
    ledger.folder.mkdir(mode=0o700)
    (ledger.folder / "2026-11-24.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ArtefactCorrupt, match=r"2026-11-24\.db is not a readable day of the ledger"):
        ledger.append([made_row()])
    ledger.append([made_row(2, MIDNIGHT)])
    assert [row.number for row in requests_of(ledger)] == [2]


def test_a_day_that_another_process_keeps_locked_is_an_error_of_ours_and_can_be_written_later(tmp_path: Path) -> None:
    patient = LedgerStore(tmp_path / "ledger")
    patient.append([made_row(1)])
    hasty = LedgerStore(tmp_path / "ledger", busy_timeout_seconds=0.01)
    other = sqlite3.connect(tmp_path / "ledger" / "2026-11-24.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="stayed locked for 0.01 s"):
        hasty.append([made_row(2)])
    other.execute("ROLLBACK")
    other.close()
    hasty.append([made_row(2)])
    assert sorted(row.number for row in requests_of(patient)) == [1, 2]


def test_a_full_disk_is_an_error_of_ours_and_the_rows_before_it_stay(
    ledger: LedgerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append([made_row(1)])
    ledger.close()
    connect = sqlite3.connect

    def connect_to_a_file_that_cannot_grow(*arguments, **named):
        connection = connect(*arguments, **named)
        connection.execute("PRAGMA max_page_count = 12")  # fewer than there are: those stay
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect_to_a_file_that_cannot_grow)
    with pytest.raises(StorageFull, match="No room to write 2026-11-24.db"):
        ledger.append([made_row(n, query={"query": "x" * 4000}) for n in range(2, 50)])
    assert [row.number for row in requests_of(ledger)] == [1]


def test_the_disk_s_last_room_is_left_to_deletions(tmp_path: Path) -> None:
    def require_room() -> None:
        raise StorageFull("the reserve is given up")

    ledger = LedgerStore(tmp_path / "ledger", require_room=require_room)
    with pytest.raises(StorageFull, match="reserve"):
        ledger.append([made_row()])
    assert not ledger.folder.exists()


def test_a_day_does_not_grow_beyond_what_all_days_may_take(tmp_path: Path) -> None:
    ledger = LedgerStore(tmp_path / "ledger", max_mb=1)
    ledger.append([made_row(n, query={"query": "x" * 20_000}) for n in range(80)])
    with pytest.raises(StorageFull, match=r"GROUNDWORK_LEDGER_MAX_MB allows for all days \(1,000,000 bytes\)"):
        ledger.append([made_row(100)])
    ledger.append([made_row(101, MIDNIGHT)])


def test_a_file_of_a_newer_version_is_refused_and_left_alone(ledger: LedgerStore) -> None:
    ledger.append([made_row()])
    ledger.close()
    with sqlite3.connect(ledger.folder / "2026-11-24.db") as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(FormatUnknown, match=f"has schema 99, this version reads up to {VERSION}: upgrade"):
        ledger.append([made_row(2)])


def test_a_reader_may_come_between_the_making_of_a_file_and_of_its_tables(ledger: LedgerStore) -> None:
    row = made_row()
    ledger.folder.mkdir()
    database_path(ledger.folder, day_of(row.id)).touch()  # as another process has just made it
    assert list(requests_of(ledger)) == []
    ledger.append([row])
    assert [found.id for found in requests_of(ledger)] == [row.id]


def test_a_file_of_the_version_before_gets_the_table_that_it_lacks(ledger: LedgerStore) -> None:
    ledger.append([made_row()])
    ledger.close()
    with sqlite3.connect(ledger.folder / "2026-11-24.db") as other:
        other.execute("DROP TABLE missing_rows")
        other.execute("PRAGMA user_version = 1")
    other.close()
    ledger.put_counts("process-1", accepted=2, dropped=1, written=1, missing=1, day=NOON.date())
    assert [one.dropped for one in day_totals(ledger)] == [1]
    assert len(list(requests_of(ledger))) == 1


def test_counters_go_on_over_midnight_and_say_what_each_day_dropped_and_did_not_write(ledger: LedgerStore) -> None:
    ledger.append([made_row(n) for n in range(1, 8)])
    ledger.put_counts("process-1", accepted=10, dropped=1, written=7, day=NOON.date())
    ledger.append([made_row(n, MIDNIGHT) for n in range(11, 21)])
    ledger.put_counts("process-1", accepted=22, dropped=3, written=19, day=MIDNIGHT.date())
    ledger.put_counts("process-1", accepted=23, dropped=3, written=20, day=MIDNIGHT.date())
    assert [(one.rows, one.dropped, one.unwritten) for one in day_totals(ledger)] == [(7, 1, 2), (10, 2, -2)]


def test_counts_of_today_and_its_bytes_can_be_asked_for(ledger: LedgerStore) -> None:
    assert ledger.bytes_of_today() == 0
    ledger.put_counts("process-1", accepted=2, dropped=2, written=0)
    assert ledger.bytes_of_today() > 4096
    assert [one.dropped for one in day_totals(ledger)] == [2]


def test_changes_of_live_views_are_kept_in_the_file_of_their_day(ledger: LedgerStore) -> None:
    change = ViewChange("process-1", 1, "2026-11-24T12:00:00.000+00:00", {"put": ["a.md"]})
    ledger.append_view_changes(NOON.date(), [change, change])
    file = DayFile(list_days(ledger.folder)[0].database or Path(), busy_timeout_seconds=1)
    (found,) = file.rows("SELECT * FROM view_changes")
    file.close()
    assert (found[:3], json.loads(found[3])) == ((change.process, 1, change.at), change.body)
