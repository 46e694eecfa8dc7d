"""The recorder writes what it takes, holds nothing up, and counts what it drops."""

import threading
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import pytest

from app.ledger.batch_queue import BATCH_ROWS, QUEUE_FULL, SHUT_DOWN
from app.ledger.counters import ProcessCounts, settle_dead
from app.ledger.recorder import ROW_FAILED, STORE_FAILED, Recorder
from indexing.errors import InvalidInput, LedgerUnavailable, StorageFull

SECONDS = 20.0


class Ledger:
    """Keeps rows; waits while ``gate`` is not set, and fails as it is told."""

    def __init__(self):
        self.batches, self.counts, self.missing, self.failures = [], [], [], []
        self.gate, self.is_asked = threading.Event(), threading.Event()
        self.gate.set()

    @property
    def rows(self):
        return [row[:3] for batch in self.batches for row in batch]

    def append(self, rows):
        self.is_asked.set()
        assert self.gate.wait(SECONDS)
        if self.failures:
            raise self.failures.pop(0)
        if any(row.name == "malformed" for row in rows):
            raise InvalidInput("a row is not as it must be")
        self.batches.append(list(rows))

    def put_counts(self, process, *, accepted, dropped, written, missing):
        self.counts.append((process, accepted, dropped, written))
        self.missing.append(missing)


class Told:
    def __init__(self):
        self.taken, self.wrote, self.drops = 0, 0, {}

    def accepted(self, rows):
        self.taken += rows

    def written(self, rows):
        self.wrote += rows

    def dropped(self, reason, rows):
        self.drops[reason] = self.drops.get(reason, 0) + rows


class Row(NamedTuple):
    process: str
    number: int
    name: str
    id: UUID


@dataclass
class Pending:
    name: str
    size_bytes: int = 1000
    is_bad: bool = False

    def row(self, process, number):
        if self.is_bad:
            raise RuntimeError("no row can be made of it")
        return Row(process, number, self.name, UUID(int=number))


TOLD = WeakKeyDictionary()
"""What was told of the rows of each recorder that a test made."""


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def made(ledger, tmp_path):
    recorders = []

    def make(**options):
        said = Told()
        recorder = Recorder(ledger, ProcessCounts(tmp_path, "p"), said, batch_seconds=0.0, **options)
        recorders.append(recorder)
        TOLD[recorder] = said
        return recorder

    yield make
    ledger.gate.set()
    for recorder in recorders:
        recorder.close()


def told(recorder):
    return TOLD[recorder]


def test_rows_are_written_in_order_each_with_its_number(ledger, made):
    recorder = made()
    for name in "abc":
        recorder.record(Pending(name))
    assert recorder.flush(SECONDS)
    assert ledger.rows == [("p", 1, "a"), ("p", 2, "b"), ("p", 3, "c")]
    assert (told(recorder).taken, told(recorder).wrote, told(recorder).drops) == (3, 3, {})
    assert recorder.queued == 0


def test_no_batch_is_larger_than_it_may_be(ledger, made):
    recorder = made()
    ledger.gate.clear()
    recorder.record(Pending("first"))
    assert ledger.is_asked.wait(SECONDS)
    for number in range(2 * BATCH_ROWS + 1):
        recorder.record(Pending(str(number)))
    ledger.gate.set()
    assert recorder.flush(SECONDS)
    assert [len(batch) for batch in ledger.batches] == [1, BATCH_ROWS, BATCH_ROWS, 1]


def test_a_full_queue_drops_what_comes_and_holds_up_nothing(ledger, made):
    recorder = made(queue_bytes=3000)
    ledger.gate.clear()
    recorder.record(Pending("being written"))
    assert ledger.is_asked.wait(SECONDS)
    for name in "abcde":
        recorder.record(Pending(name))
    assert told(recorder).drops == {QUEUE_FULL: 2}
    ledger.gate.set()
    assert recorder.flush(SECONDS)
    assert [name for _, _, name in ledger.rows] == ["being written", "a", "b", "c"]
    recorder.record(Pending("f"))
    assert recorder.flush(SECONDS)
    assert ledger.rows[-1] == ("p", 7, "f")  # the gap in the numbers says how many are missing
    assert ledger.counts[-1][2] == 2
    assert (told(recorder).taken, told(recorder).wrote) == (7, 5)


def test_a_ledger_that_fails_costs_its_batch_and_nothing_more(ledger, made, caplog):
    recorder = made()
    for failure in (StorageFull("no room"), StorageFull("no room"), OSError("not foreseen")):
        ledger.failures.append(failure)
        recorder.record(Pending("lost"))
        assert recorder.flush(SECONDS)
    recorder.record(Pending("kept"))
    assert recorder.flush(SECONDS)
    assert ledger.rows == [("p", 4, "kept")]
    assert told(recorder).drops == {STORE_FAILED: 3}
    assert ledger.counts[-1] == ("p", 3, 3, 0)
    assert ledger.missing == [1, 1, 1]
    assert [record.getMessage() for record in caplog.records] == ["ledger.not_written"] * 2  # the same one once


def test_a_batch_waits_for_a_ledger_that_is_busy_and_costs_nothing(ledger, made, caplog):
    recorder = made(retry_seconds=0.0)
    ledger.failures += [LedgerUnavailable("a day is written anew")] * 3
    for name in "ab":
        recorder.record(Pending(name))
    assert recorder.flush(SECONDS)
    assert [name for _, _, name in ledger.rows] == ["a", "b"]
    assert (told(recorder).drops, ledger.counts) == ({}, [])
    assert [record.getMessage() for record in caplog.records] == ["ledger.not_written"]


def test_a_batch_waits_for_a_busy_ledger_only_until_the_queue_is_full(ledger, made):
    recorder = made(queue_bytes=2000, retry_seconds=SECONDS)
    ledger.gate.clear()
    ledger.failures.append(LedgerUnavailable("a day is written anew"))
    recorder.record(Pending("tried"))
    assert ledger.is_asked.wait(SECONDS)
    for name in "abc":  # the third finds the queue full
        recorder.record(Pending(name))
    ledger.gate.set()
    assert recorder.flush(SECONDS)
    assert [name for _, _, name in ledger.rows] == ["a", "b"]
    assert told(recorder).drops == {QUEUE_FULL: 1, STORE_FAILED: 1}
    assert ledger.counts[-1] == ("p", 4, 2, 2)
    assert sum(ledger.missing) == 2


def test_a_process_that_ends_waits_for_no_busy_ledger(ledger, made):
    recorder = made(retry_seconds=SECONDS)
    ledger.failures.append(LedgerUnavailable("a day is written anew"))
    recorder.record(Pending("tried"))
    assert ledger.is_asked.wait(SECONDS)
    recorder.close(SECONDS)
    assert told(recorder).drops == {STORE_FAILED: 1}
    assert ledger.counts[-1] == ("p", 1, 1, 0)


def test_rows_that_waited_when_others_were_dropped_are_told_as_written_once_they_are(ledger, made):
    recorder = made(queue_bytes=BATCH_ROWS * 1000 + 1000)
    ledger.gate.clear()
    recorder.record(Pending("first"))
    assert ledger.is_asked.wait(SECONDS)
    for number in range(BATCH_ROWS + 2):  # the last one finds the queue full, and two batches wait
        recorder.record(Pending(str(number)))
    ledger.gate.set()
    assert recorder.flush(SECONDS)
    assert ledger.counts == [
        ("p", BATCH_ROWS + 3, 1, 1),
        ("p", BATCH_ROWS + 3, 1, BATCH_ROWS + 2),
    ]
    assert ledger.missing == [1, 0]
    recorder.record(Pending("later"))
    assert recorder.flush(SECONDS)
    assert len(ledger.counts) == 2, "nothing is told again while nothing is dropped"


def test_a_request_that_no_row_can_be_made_of_costs_the_others_nothing(ledger, made, caplog):
    recorder = made()
    ledger.gate.clear()
    recorder.record(Pending("first"))
    assert ledger.is_asked.wait(SECONDS)
    for pending in (Pending("a"), Pending("b", is_bad=True), Pending("c")):
        recorder.record(pending)
    ledger.gate.set()
    assert recorder.flush(SECONDS)
    assert [name for _, _, name in ledger.rows] == ["first", "a", "c"]
    assert told(recorder).drops == {ROW_FAILED: 1}
    assert "ledger.row_failed" in caplog.text


def test_a_row_that_the_ledger_refuses_costs_the_others_of_its_batch_nothing(ledger, made):
    recorder = made()
    ledger.gate.clear()
    recorder.record(Pending("first"))
    assert ledger.is_asked.wait(SECONDS)
    for name in ("a", "malformed", "b"):
        recorder.record(Pending(name))
    ledger.gate.set()
    assert recorder.flush(SECONDS)
    assert [name for _, _, name in ledger.rows] == ["first", "a", "b"]
    assert told(recorder).drops == {ROW_FAILED: 1}
    assert (told(recorder).wrote, ledger.counts[-1]) == (3, ("p", 4, 1, 3))


def test_a_process_that_ends_writes_what_waits_and_leaves_its_counts_in_the_ledger(ledger, made, tmp_path):
    recorder = made()
    for name in "ab":
        recorder.record(Pending(name))
    recorder.close(SECONDS)
    assert len(ledger.rows) == 2
    assert ledger.counts[-1] == ("p", 2, 0, 2)
    assert list(tmp_path.iterdir()) == []
    recorder.record(Pending("too late"))
    assert told(recorder).drops == {SHUT_DOWN: 1}


def test_a_process_that_ends_waits_for_a_stuck_ledger_no_longer_than_it_may(ledger, made, tmp_path):
    recorder = made()
    ledger.gate.clear()
    recorder.record(Pending("being written"))
    assert ledger.is_asked.wait(SECONDS)
    recorder.record(Pending("waits"))
    recorder.close(0.0)
    assert told(recorder).drops == {SHUT_DOWN: 1}
    ledger.gate.set()
    recorder.close(SECONDS)  # the thread ends once the ledger lets it
    assert ledger.counts[-1] == ("p", 2, 1, 1)
    found = []
    settle_dead(tmp_path, found.append)
    assert found == []
