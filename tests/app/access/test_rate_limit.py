"""A tenant's bucket: a minute's worth at once, then evenly; one for all processes over Redis, one each without it."""

import asyncio
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from app.access.rate_limit import (
    REDIS_TIMEOUT_SECONDS,
    Buckets,
    RateLimiter,
    RedisBuckets,
    limiter_for,
)
from indexing.backoff import REDIS_PAUSES
from indexing.errors import RateLimited
from tests.support.forked_programs import ForkedPopen
from tests.support.processes import ROOT, free_port
from tests.support.redis_server import RedisServer


class Clock:
    """Stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def redis_server(tmp_path):
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def admitted(limiter, tenant="acme", per_minute=3, times=1):
    """How many of some requests at one moment are let through."""

    async def ask():
        count = 0
        for _ in range(times):
            try:
                await limiter.admit(tenant, per_minute)
                count += 1
            except RateLimited:
                pass
        return count

    return asyncio.run(ask())


def refusal(limiter, tenant="acme", per_minute=3):
    with pytest.raises(RateLimited) as caught:
        asyncio.run(limiter.admit(tenant, per_minute))
    return caught.value


def test_a_full_bucket_lets_a_minutes_worth_through_at_once(clock):
    limiter = RateLimiter(clock=clock)
    assert admitted(limiter, times=10) == 3
    assert admitted(limiter, times=10) == 0


def test_a_bucket_fills_evenly_and_never_above_a_minutes_worth(clock):
    limiter = RateLimiter(clock=clock)
    admitted(limiter, times=3)
    for _ in range(4):
        clock.now += 20.0
        assert admitted(limiter, times=5) == 1
    clock.now += 3600.0
    assert admitted(limiter, times=10) == 3


def test_feedback_has_a_bucket_of_its_own_of_the_same_size(clock):
    limiter = RateLimiter(clock=clock)

    async def ask():
        for _ in range(3):
            await limiter.admit("acme", 3, "feedback")
        with pytest.raises(RateLimited, match="may send 3 events of feedback a minute and has used them up"):
            await limiter.admit("acme", 3, "feedback")
        await limiter.admit("acme", 3)  # a search goes on

    asyncio.run(ask())
    assert admitted(limiter, times=10) == 2


def test_whoever_comes_back_when_told_is_admitted_and_not_a_second_before(clock):
    limiter = RateLimiter(clock=clock)
    admitted(limiter, per_minute=7, times=7)
    clock.now += 0.25
    error = refusal(limiter, per_minute=7)
    assert error.retry_after_seconds == 9  # 60 / 7 - 0.25 = 8.32
    assert "7 requests a minute" in str(error)
    assert "in 9 s" in str(error)
    clock.now += error.retry_after_seconds - 1
    assert admitted(limiter, per_minute=7) == 0
    clock.now += 1
    assert admitted(limiter, per_minute=7) == 1


def test_a_refused_request_takes_nothing(clock):
    limiter = RateLimiter(clock=clock)
    admitted(limiter, times=100)
    clock.now += 20.0
    assert admitted(limiter) == 1


def test_tenants_do_not_share_a_bucket_and_without_a_limit_there_is_none(clock):
    limiter = RateLimiter(clock=clock)
    assert admitted(limiter, "acme", times=5) == 3
    assert admitted(limiter, "zeta", times=5) == 3
    assert admitted(limiter, "free", None, times=1000) == 1000


def test_a_changed_limit_counts_from_the_next_request_on(clock):
    limiter = RateLimiter(clock=clock)
    assert admitted(limiter, per_minute=60, times=30) == 30
    assert admitted(limiter, per_minute=2, times=30) == 1
    clock.now += 0.1
    assert admitted(limiter, per_minute=6000, times=5000) == 10  # an empty bucket fills faster from now on


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 50)), max_size=20), st.integers(1, 100))
def test_no_span_of_time_sees_more_than_a_bucket_and_what_flowed_in(steps, per_minute):
    clock = Clock()
    buckets = Buckets(clock)
    let_through = []
    for pause, requests in steps:
        clock.now += pause
        let_through += [clock.now for _ in range(requests) if buckets.take("acme", per_minute).wait_seconds == 0]
    for first in range(len(let_through)):
        span = let_through[-1] - let_through[first]
        assert len(let_through) - first <= per_minute * (1 + span / 60) + 1e-3


def test_full_buckets_are_forgotten(clock):
    buckets = Buckets(clock)
    for number in range(10_000):
        buckets.take(f"t{number}", 60)
    clock.now += 61.0
    for number in range(10):
        buckets.take(f"new {number}", 60)
    assert len(buckets) <= 10


# Redis


BODY = """
import asyncio, sys
from app.access.rate_limit import limiter_for
from indexing.errors import RateLimited
async def main():
    limiter, count = limiter_for(sys.argv[1], "home"), 0
    for _ in range(20):
        try:
            await limiter.admit("acme", 6)
            count += 1
        except RateLimited as error:
            assert 1 <= error.retry_after_seconds <= 10, error
    await limiter.close()
    print(count)
asyncio.run(main())
"""


def test_two_processes_share_one_bucket_through_redis(redis_server):
    command = [sys.executable, "-c", BODY, redis_server.url]
    processes = [ForkedPopen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert 6 <= sum(counts) <= 7  # one more may have flowed in, ten seconds after the first


def test_the_bucket_in_redis_is_the_bucket_in_the_process_and_goes_when_it_is_full(redis_server):
    async def main():
        buckets = RedisBuckets(redis_server.url, "home")
        assert [(await buckets.take("acme", 3)).wait_seconds for _ in range(3)] == [0, 0, 0]
        assert 19 < (await buckets.take("acme", 3)).wait_seconds <= 20
        with Redis(port=redis_server.port) as client:
            lives_ms = client.pttl("groundwork:home:rate:acme")
            assert (await buckets.take("acme", 3, "feedback")).wait_seconds == 0
            client.script_flush()  # as after a restart of Redis
        assert 19 < (await buckets.take("acme", 3)).wait_seconds <= 20
        await buckets.close()
        return lives_ms

    assert 59_000 < asyncio.run(main()) <= 60_001


def test_while_redis_is_lost_each_process_counts_alone_and_later_together_again(tmp_path, clock, caplog):
    server = RedisServer(tmp_path)

    async def main():
        limiter = RateLimiter(RedisBuckets(server.url, "home"), clock)
        await limiter.admit("acme", 3)
        server.kill()
        counts = []
        for _ in range(2):
            count = 0
            for _ in range(5):
                try:
                    await limiter.admit("acme", 3)
                    count += 1
                except RateLimited:
                    pass
            counts.append(count)
        assert counts == [3, 0]
        server.start()
        with pytest.raises(RateLimited):
            await limiter.admit("acme", 3)  # not asked again yet
        clock.now += 1.5
        await limiter.admit("acme", 3)
        with Redis(port=server.port) as client:
            asked = client.exists("groundwork:home:rate:acme")
        await limiter.close()
        return asked

    try:
        assert asyncio.run(main()) == 1
    finally:
        server.kill()
    assert [record.getMessage() for record in caplog.records] == ["limits.redis_lost"]


def test_a_lost_redis_is_asked_ever_more_rarely(clock):
    class Lost:
        asked = 0

        async def take(self, tenant, per_minute, kind, count):
            self.asked += 1
            raise ConnectionError("lost")

        async def close(self):
            pass

    lost = Lost()
    limiter = RateLimiter(lost, clock)
    for _ in range(600):
        assert admitted(limiter, per_minute=1_000_000) == 1
        clock.now += 1.0
    assert 600 / REDIS_PAUSES.most_seconds <= lost.asked <= 600 / REDIS_PAUSES.most_seconds + 6


def test_a_redis_that_hangs_is_not_waited_for(redis_server):
    redis_server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    limiter = limiter_for(redis_server.url, "home")
    try:
        assert admitted(limiter, times=50) == 3
    finally:
        redis_server.process.send_signal(signal.SIGCONT)
    assert time.monotonic() - began < 10 * REDIS_TIMEOUT_SECONDS  # once, not fifty times


def test_a_redis_that_never_was_there_costs_no_error():
    limiter = limiter_for(f"redis://127.0.0.1:{free_port()}/0", "home")
    assert admitted(limiter, times=5) == 3
    asyncio.run(limiter.close())
