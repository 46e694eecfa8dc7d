"""When a client is stuck: it takes too little of its answers for too long."""

from app.server.answer_progress import AnswerProgress
from app.server.http_limits import MIN_PROGRESS_BYTES


def test_a_client_that_takes_too_little_is_stuck_after_its_time():
    reader = AnswerProgress(30.0)
    taken = [reader.is_stuck(size, now) for size, now in ((50_000, 0.0), (49_999, 29.0), (49_998, 30.0))]
    assert taken == [False, False, True]


def test_progress_another_answer_or_nothing_left_begins_the_time_anew():
    for size, answers in ((50_000 - MIN_PROGRESS_BYTES, 0), (50_000, 1), (0, 0)):
        reader = AnswerProgress(30.0)
        assert not reader.is_stuck(50_000, 0.0)
        reader.answers += answers
        assert not reader.is_stuck(size, 29.0)
        assert not reader.is_stuck(size, 58.0)
        assert reader.is_stuck(size, 59.0) == (size > 0)


def test_a_connection_without_an_answer_is_never_stuck():
    reader = AnswerProgress(30.0)
    assert not any(reader.is_stuck(0, now) for now in (0.0, 31.0, 1e6))
