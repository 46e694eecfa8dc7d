"""Changes of views reach the ledger in batches, and one that cannot is counted and holds nothing up."""

import threading
from datetime import UTC, datetime

import pytest

from app.ledger.view_recorder import ViewRecorder
from indexing.errors import LedgerUnavailable, StorageFull
from indexing.ledger.view_changes import LiveViewChange
from indexing.records import Partition

OURS = Partition("a", "articles")
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


def change(number, documents=1):
    added = tuple((f"d{n}", number) for n in range(documents))
    return LiveViewChange(number, number - 1, "1.1", OURS, added=added)


class Writer:
    """Keeps batches in memory; waits while its gate is closed, and fails as it is told."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()
        self.error = None
        self.busy = 0

    def append_view_changes(self, day, changes):
        self.reached.set()
        assert self.gate.wait(20)
        if self.busy:
            self.busy -= 1
            raise LedgerUnavailable("a day is written anew")
        if self.error is not None:
            raise self.error
        self.batches.append((day, [one.number for one in changes]))


@pytest.fixture
def writer():
    return Writer()


def test_changes_are_written_in_order_in_the_files_of_their_days(writer):
    moments = iter([MIDNIGHT.replace(day=24, hour=23, minute=59), MIDNIGHT, MIDNIGHT])
    recorder = ViewRecorder(writer, "p", now=lambda: next(moments))
    for number in (1, 2, 3):
        recorder.record(change(number))
    recorder.close()
    numbers = [number for _, batch in writer.batches for number in batch]
    assert numbers == [1, 2, 3]
    assert {str(day): batch[0] for day, batch in reversed(writer.batches)} == {"2026-11-24": 1, "2026-11-25": 2}


def test_what_does_not_fit_is_dropped_and_counted_and_the_rest_is_written(writer):
    dropped = []
    recorder = ViewRecorder(writer, "p", dropped.append, most_waiting=10)
    writer.gate.clear()
    recorder.record(change(1))
    assert writer.reached.wait(20)
    recorder.record(change(2, documents=8))
    recorder.record(change(3, documents=8))  # too many wait
    writer.gate.set()
    assert recorder.flush(20)
    recorder.close()
    recorder.record(change(4))
    assert dropped == [1, 1]
    assert [number for _, batch in writer.batches for number in batch] == [1, 2]


@pytest.mark.parametrize("error", [StorageFull("no room"), RuntimeError("a fault of ours")])
def test_a_ledger_that_takes_nothing_drops_the_batch_and_later_ones_are_written(writer, error):
    dropped = []
    recorder = ViewRecorder(writer, "p", dropped.append)
    writer.error = error
    recorder.record(change(1))
    assert recorder.flush(20)
    writer.error = None
    recorder.record(change(2))
    recorder.close()
    assert dropped == [1]
    assert [number for _, batch in writer.batches for number in batch] == [2]


def test_changes_wait_for_a_ledger_that_is_busy_and_none_is_dropped(writer):
    dropped = []
    recorder = ViewRecorder(writer, "p", dropped.append, retry_seconds=0.0)
    writer.busy = 3
    for number in (1, 2):
        recorder.record(change(number))
    assert recorder.flush(20)
    recorder.close()
    assert dropped == []
    assert [number for _, batch in writer.batches for number in batch] == [1, 2]


def test_changes_that_a_process_which_ends_cannot_write_in_time_are_counted(writer):
    dropped = []
    recorder = ViewRecorder(writer, "p", dropped.append)
    writer.gate.clear()
    recorder.record(change(1))
    assert writer.reached.wait(20)
    recorder.record(change(2))
    recorder.close(0.0)
    writer.gate.set()
    assert dropped == [1]
