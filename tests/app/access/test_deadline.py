from types import SimpleNamespace

import pytest

from app.access.deadline import Deadline
from indexing.errors import DeadlineExceeded


@pytest.fixture
def clock():
    moved = SimpleNamespace(now=100.0)
    moved.read = lambda: moved.now
    return moved


def test_work_goes_on_until_the_time_is_up_and_no_longer(clock):
    deadline = Deadline.within(250, 10_000, clock.read)
    clock.now += 0.2
    deadline.check()
    assert deadline.remaining_seconds == pytest.approx(0.05)
    clock.now += 0.05
    with pytest.raises(DeadlineExceeded, match="250 ms"):
        deadline.check()
    assert deadline.remaining_seconds == 0.0


@pytest.mark.parametrize(("asked", "given"), [(None, 2000), (500.5, 500.5), (2000, 2000), (60_000, 2000)])
def test_a_request_may_ask_for_less_than_the_installation_allows_and_never_for_more(clock, asked, given):
    deadline = Deadline.within(asked, 2000, clock.read)
    assert deadline.budget_ms == given
    assert deadline.at == clock.now + given / 1000.0
