"""A killed process leaves its counts, and they are settled once."""

import subprocess
import sys
from uuid import UUID

import pytest

from app.ledger.counters import COUNTS_SUFFIX, Counts, ProcessCounts, read_counts, settle_dead
from tests.support.forked_programs import ForkedPopen

CHILD = """
import sys
from pathlib import Path
from uuid import UUID
from app.ledger.counters import ProcessCounts

counts = ProcessCounts(Path(sys.argv[1]), "killed")
for _ in range(1000):
    counts.accept()
counts.wrote(700)
counts.drop(100)
counts.begin_batch(250, UUID(int=2**127 + 5))
print("ready", flush=True)
sys.stdin.read()
"""


def settled(folder):
    found = []
    settle_dead(folder, found.append)
    return found


def test_rows_are_numbered_from_one_and_counted(tmp_path):
    counts = ProcessCounts(tmp_path, "p")
    assert [counts.accept() for _ in range(3)] == [1, 2, 3]
    counts.wrote(1)
    counts.drop(1)
    assert counts.now() == Counts("p", 3, 1, 1)
    assert counts.now().lost == 1
    counts.close(is_settled=True)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_was_killed_leaves_how_many_rows_are_lost(tmp_path):
    child = ForkedPopen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        try:
            assert child.stdout.readline() == "ready\n"
            assert settled(tmp_path) == []  # it lives
        finally:
            child.kill()
        child.wait(20)
        child.stdin.close()
    assert child.returncode == -9
    assert settled(tmp_path) == [Counts("killed", 1000, 700, 100, 950, UUID(int=2**127 + 5))]
    assert Counts("killed", 1000, 700, 100).lost == 200
    assert settled(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_counts_of_a_process_that_ended_unsettled_are_left_for_the_next_start(tmp_path):
    counts = ProcessCounts(tmp_path, "p")
    counts.accept()
    assert settled(tmp_path) == []
    counts.close(is_settled=False)
    counts.accept()  # a late request: counted in memory alone
    assert counts.now().accepted == 2
    assert settled(tmp_path) == [Counts("p", 1, 0, 0)]


def test_counts_that_the_ledger_does_not_take_stay(tmp_path, caplog):
    ProcessCounts(tmp_path, "p").close(is_settled=False)

    def refuse(counts):
        raise OSError("no room")

    settle_dead(tmp_path, refuse)
    assert "ledger.counts_not_settled" in caplog.text
    assert settled(tmp_path) == [Counts("p", 0, 0, 0)]


def test_a_file_that_holds_something_else_stays_and_is_logged(tmp_path, caplog):
    (tmp_path / f"p{COUNTS_SUFFIX}").write_bytes(b"something else" * 10)
    assert settled(tmp_path) == []
    assert "ledger.counts_not_settled" in caplog.text
    with pytest.raises(ValueError, match="holds no counts"):
        read_counts(tmp_path / f"p{COUNTS_SUFFIX}")


def test_a_file_that_was_cut_off_at_its_making_counts_nothing(tmp_path):
    (tmp_path / f"p{COUNTS_SUFFIX}").write_bytes(b"\0" * 5)
    assert settled(tmp_path) == [Counts("p", 0, 0, 0)]


def test_without_a_folder_rows_are_counted_in_memory(tmp_path, caplog):
    (tmp_path / "ledger").write_text("a file")
    counts = ProcessCounts(tmp_path / "ledger", "p")
    assert counts.accept() == 1
    assert "ledger.counts_in_memory" in caplog.text
    counts.close(is_settled=True)
    assert settled(tmp_path / "ledger") == []
