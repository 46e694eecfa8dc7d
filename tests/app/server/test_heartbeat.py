"""When a process that owes an answer is silent, and when it is lost."""

from app.server.heartbeat import ASK_SECONDS, LOST_SECONDS, SILENT_SECONDS, Heartbeat


def test_it_is_asked_once_until_it_answers_then_again_after_a_while():
    heart = Heartbeat()
    assert heart.is_due(0.0)
    assert not heart.is_due(100.0)
    heart.answer(100.0)
    assert not heart.is_due(100.0 + ASK_SECONDS / 2)
    assert heart.is_due(100.0 + ASK_SECONDS)


def test_without_an_answer_it_is_silent_then_lost_and_an_answer_makes_up_for_it():
    heart = Heartbeat()
    assert not heart.is_silent(1e6)  # it was asked nothing
    heart.is_due(0.0)
    moments = (SILENT_SECONDS - 0.1, SILENT_SECONDS, LOST_SECONDS - 0.1, LOST_SECONDS)
    assert [(heart.is_silent(at), heart.is_lost(at)) for at in moments] == [
        (False, False),
        (True, False),
        (True, False),
        (True, True),
    ]
    heart.answer(LOST_SECONDS)
    assert not heart.is_silent(LOST_SECONDS)


def test_a_time_in_which_nobody_listened_does_not_count():
    heart = Heartbeat()
    heart.forgive(50.0)
    heart.is_due(0.0)
    heart.forgive(1000.0)
    assert not heart.is_silent(1000.0 + SILENT_SECONDS - 0.1)
    assert heart.is_silent(1000.0 + SILENT_SECONDS)
