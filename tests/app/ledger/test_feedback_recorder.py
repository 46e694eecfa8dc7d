"""Feedback is written in batches; what finds too much waiting is refused, and a busy ledger is asked again."""

import threading
from datetime import timedelta

import pytest

from app.ledger.feedback_recorder import ACCEPTED, DROPPED, REFUSED, WRITTEN, FeedbackRecorder
from indexing.errors import LedgerUnavailable, Overloaded, StorageFull
from indexing.ledger.feedback_readers import feedback_of
from indexing.ledger.store import LedgerStore
from tests.support.ledger_rows import NOON, made_feedback, made_row

ROW = made_row()


class Writer:
    """Keeps batches in memory; waits while its gate is closed, and fails as it is told."""

    def __init__(self):
        self.written, self.errors = [], []
        self.gate, self.reached = threading.Event(), threading.Event()
        self.gate.set()

    def append_feedback(self, rows):
        self.reached.set()
        assert self.gate.wait(20)
        if self.errors:
            raise self.errors.pop(0)
        self.written += rows


@pytest.fixture
def writer():
    return Writer()


@pytest.fixture
def told():
    return {}


@pytest.fixture
def recorder(writer, told):
    def tell(outcome, rows):
        told[outcome] = told.get(outcome, 0) + rows

    recorder = FeedbackRecorder(writer, tell, most_waiting=2, retry_seconds=0.001)
    yield recorder
    recorder.close()


def test_what_waits_at_the_end_is_written(recorder, writer, told):
    rows = [made_feedback(ROW, event=f"{n}") for n in range(2)]
    for row in rows:
        recorder.record(row)
    recorder.close()
    assert writer.written == rows
    assert told == {ACCEPTED: 2, WRITTEN: 2}
    with pytest.raises(Overloaded):
        recorder.record(rows[0])


def test_what_finds_too_much_waiting_is_refused_so_that_it_is_sent_again(recorder, writer, told):
    writer.gate.clear()
    recorder.record(made_feedback(ROW))
    assert writer.reached.wait(20)
    for _ in range(2):
        recorder.record(made_feedback(ROW))
    with pytest.raises(Overloaded, match="send it again, it counts once"):
        recorder.record(made_feedback(ROW))
    writer.gate.set()
    assert recorder.flush(20)
    assert told == {ACCEPTED: 3, WRITTEN: 3, REFUSED: 1}


def test_a_busy_ledger_is_asked_again(recorder, writer, told):
    writer.errors = [LedgerUnavailable("busy")] * 3
    recorder.record(made_feedback(ROW))
    assert recorder.flush(20)
    assert told == {ACCEPTED: 1, WRITTEN: 1}


@pytest.mark.parametrize("error", [StorageFull("no room"), RuntimeError("a fault of ours")])
def test_what_cannot_be_written_is_dropped_counted_and_said_and_the_next_is_tried(
    recorder, writer, told, caplog, error
):
    writer.errors = [error]
    recorder.record(made_feedback(ROW))
    assert recorder.flush(20)
    recorder.record(made_feedback(ROW, event="2"))
    assert recorder.flush(20)
    assert told == {ACCEPTED: 2, WRITTEN: 1, DROPPED: 1}
    assert "ledger.feedback_not_written" in caplog.text


def test_a_ledger_that_is_busy_until_the_end_drops_what_it_did_not_take(writer, told):
    recorder = FeedbackRecorder(writer, lambda outcome, rows: told.update({outcome: rows}), retry_seconds=20)
    writer.errors = [LedgerUnavailable("busy")]
    recorder.record(made_feedback(ROW))
    assert writer.reached.wait(20)
    recorder.close()
    assert told == {ACCEPTED: 1, DROPPED: 1}


def test_a_damaged_day_costs_no_feedback_about_other_days(tmp_path, told, caplog):
    store = LedgerStore(tmp_path / "ledger")
    days = [made_row(n, NOON + n * timedelta(days=1)) for n in range(3)]
    store.append(days[:1])
    store.close()
    (path,) = (tmp_path / "ledger").glob("*.db")
    path.write_bytes(b"no database" * 1000)
    recorder = FeedbackRecorder(store, lambda outcome, rows: told.update({outcome: told.get(outcome, 0) + rows}))
    for row in days:
        recorder.record(made_feedback(row))
    recorder.close()
    assert told == {ACCEPTED: 3, WRITTEN: 2, DROPPED: 1}
    assert [one.query_id for one in feedback_of(store)] == [row.id for row in days[1:]]
    assert "ledger.feedback_not_written" in caplog.text
    store.close()
