"""Pauses double up to a bound; a breaker lets one caller at a time find out whether a service is back."""

import threading

import pytest

from indexing.backoff import Backoff, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(Backoff(1.0, 30.0), clock)


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [Backoff(0.5, 10.0).pause_seconds(failures) for failures in range(8)]
    assert pauses == [0.5, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_failures_without_end_give_a_pause() -> None:
    assert Backoff(1.0, 30.0).pause_seconds(10**9) == 30.0
    assert Backoff(1.0).pause_seconds(10**9) == 2.0**64


def test_everyone_may_ask_while_the_service_answers(breaker: CircuitBreaker) -> None:
    assert all(breaker.may_ask() for _ in range(3))
    assert not breaker.succeeded()
    assert not breaker.is_open


def test_after_a_failure_nobody_asks_until_the_pause_is_over_and_then_one(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    assert breaker.failed()
    assert breaker.is_open
    assert not breaker.may_ask()
    clock.now += 1.0
    assert not breaker.is_open
    assert breaker.may_ask()
    assert not breaker.may_ask()  # the one that tries has not come back
    assert breaker.succeeded()
    assert breaker.may_ask()
    assert not breaker.succeeded()


def test_pauses_grow_while_trying_fails_and_begin_anew_after_a_success(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        clock.now += pause - 0.01
        assert not breaker.may_ask()
        clock.now += 0.01
        assert breaker.may_ask()
        assert not breaker.failed()
    clock.now += 30.0
    assert breaker.may_ask()
    breaker.succeeded()
    breaker.failed()
    clock.now += 1.0
    assert breaker.may_ask()


def test_callers_that_asked_before_the_failure_was_known_make_no_pause_longer(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    assert [breaker.failed() for _ in range(20)] == [True] + [False] * 19
    clock.now += 1.0
    assert breaker.may_ask()


def test_a_caller_that_never_comes_back_does_not_close_the_way_for_ever(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    clock.now += 1.0
    assert breaker.may_ask()
    clock.now += 1.0
    assert breaker.may_ask()


def test_of_many_threads_one_tries(breaker: CircuitBreaker, clock: Clock) -> None:
    breaker.failed()
    clock.now += 1.0
    barrier, let_on = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait(timeout=30)
        let_on.append(breaker.may_ask())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(let_on) == 1
