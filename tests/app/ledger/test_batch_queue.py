"""The batch queue keeps the order, bounds what waits, and tries again while the ledger is busy."""

import threading

import pytest

from app.ledger.batch_queue import QUEUE_FULL, SHUT_DOWN, BatchQueue
from indexing.errors import LedgerUnavailable, StorageFull

SECONDS = 20.0


class Handler:
    """Keeps batches; waits while its gate is closed, and its writes fail as they are told."""

    def __init__(self):
        self.batches, self.failures, self.raised = [], [], []
        self.gate, self.reached, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.gate.set()
        self.queue = None

    def __call__(self, batch):
        self.reached.set()
        assert self.gate.wait(SECONDS)
        try:
            self.queue.write(lambda: self.store(list(batch)))
        except Exception as error:
            self.raised.append(error)

    def store(self, batch):
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append(batch)


@pytest.fixture
def handler():
    return Handler()


@pytest.fixture
def made(handler):
    def make(capacity=100, retry_seconds=0.0, batch_seconds=0.0):
        handler.queue = BatchQueue(
            "write-things",
            handler,
            failed_event="ledger.things_not_written",
            capacity=capacity,
            at_end=handler.ended.set,
            batch_seconds=batch_seconds,
            retry_seconds=retry_seconds,
        )
        return handler.queue

    yield make
    handler.gate.set()
    handler.queue.close()


def test_what_is_put_is_written_in_order_and_the_end_is_told(made, handler):
    queue = made()
    assert [queue.put(thing, 1) for thing in "abc"] == [None, None, None]
    assert queue.flush(SECONDS)
    assert [thing for batch in handler.batches for thing in batch] == ["a", "b", "c"]
    assert (queue.close(SECONDS), handler.ended.is_set()) == (0, True)
    assert queue.put("d", 1) == SHUT_DOWN


def test_what_is_flushed_waits_for_no_others(made, handler):
    queue = made(batch_seconds=3600.0)
    for thing in "ab":
        queue.put(thing, 1)
    assert queue.flush(SECONDS)
    assert [thing for batch in handler.batches for thing in batch] == ["a", "b"]
    queue.put("c", 1)
    assert queue.flush(SECONDS)
    assert handler.batches[-1] == ["c"]


def test_what_waits_is_bounded_by_its_sizes_together(made, handler):
    queue = made(capacity=10)
    handler.gate.clear()
    queue.put("being written", 10)
    assert handler.reached.wait(SECONDS)
    assert [queue.put("a", 6), queue.put("too large", 6), queue.put("b", 4)] == [None, QUEUE_FULL, None]
    assert len(queue) == 2
    handler.gate.set()
    assert queue.flush(SECONDS)
    assert [thing for batch in handler.batches for thing in batch] == ["being written", "a", "b"]


def test_a_busy_ledger_is_tried_again_and_said_once(made, handler, caplog):
    queue = made()
    handler.failures += [LedgerUnavailable("a day is written anew")] * 3
    queue.put("a", 1)
    assert queue.flush(SECONDS)
    assert (handler.batches, handler.raised) == ([["a"]], [])
    assert [record.getMessage() for record in caplog.records] == ["ledger.things_not_written"]


def test_a_busy_ledger_is_not_waited_for_once_the_process_ends(made, handler):
    queue = made(retry_seconds=SECONDS)
    handler.failures.append(LedgerUnavailable("a day is written anew"))
    queue.put("a", 1)
    assert handler.reached.wait(SECONDS)
    queue.close(SECONDS)
    assert [type(error) for error in handler.raised] == [LedgerUnavailable]


def test_another_failure_is_raised_at_once_and_later_batches_are_written(made, handler):
    queue = made()
    handler.failures.append(StorageFull("no room"))
    for thing in "ab":
        queue.put(thing, 1)
        assert queue.flush(SECONDS)
    assert ([type(error) for error in handler.raised], handler.batches) == ([StorageFull], [["b"]])


def test_an_end_waits_no_longer_than_it_may_and_says_how_many_are_left(made, handler):
    queue = made()
    handler.gate.clear()
    queue.put("being written", 1)
    assert handler.reached.wait(SECONDS)
    queue.put("waits", 1)
    assert queue.close(0.0) == 1
