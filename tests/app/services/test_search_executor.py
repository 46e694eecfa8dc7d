import asyncio
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from prometheus_client import Gauge

from app.access.deadline import Deadline
from app.main import make_services
from app.metrics import Metrics
from app.services.search_executor import LOOP_SLOTS, THREADS_A_SESSION
from app.serving.query_cache import QueryCache
from indexing.errors import ClientGone, DeadlineExceeded, Overloaded
from indexing.settings import METRICS_VARIABLE
from tests.support.forked_programs import ForkedPopen
from tests.support.processes import ROOT


class Request:
    """A request whose client stays, or has gone."""

    def __init__(self, is_gone=False):
        self.is_gone = is_gone

    async def is_disconnected(self):
        return self.is_gone


class Busy:
    """Services all of whose places at work are taken until ``go_on`` is set."""

    def __init__(self, home):
        self.services = make_services(home, QueryCache(0))
        self.places = THREADS_A_SESSION * home.settings.sessions
        self.go_on = threading.Event()
        self.begun = []

    def job(self, name):
        self.begun.append(name)
        assert self.go_on.wait(20)
        return name

    def ask(self, name, request=None, ms=20_000.0):
        deadline = Deadline.within(ms, 60_000)
        return asyncio.create_task(self.services.executor.run(request or Request(), deadline, self.job, name))

    async def fill(self):
        tasks = [self.ask(number) for number in range(self.places)]
        while len(self.begun) < self.places:
            await asyncio.sleep(0)
        return tasks


@pytest.fixture
def busy(home):
    busy = Busy(home)
    yield busy
    busy.go_on.set()


def test_as_many_are_at_work_as_there_are_places_and_the_others_wait(busy):
    async def visit():
        tasks = await busy.fill()
        tasks += [busy.ask("next"), busy.ask("last")]
        await asyncio.sleep(0.05)
        assert busy.services.searches.taken == busy.places + 2
        assert len(busy.begun) == busy.places
        busy.go_on.set()
        assert await asyncio.gather(*tasks) == [*range(busy.places), "next", "last"]

    asyncio.run(visit())
    assert sorted(busy.begun[busy.places :]) == ["last", "next"]
    assert busy.services.searches.taken == 0


def test_what_gets_no_place_in_time_is_given_up_and_never_begun(busy):
    async def visit():
        tasks = await busy.fill()
        with pytest.raises(DeadlineExceeded, match="30 ms"):
            await busy.ask("late", ms=30.0)
        assert busy.services.searches.taken == busy.places
        busy.go_on.set()
        await asyncio.gather(*tasks)
        assert await busy.ask("again") == "again"

    asyncio.run(visit())
    assert "late" not in busy.begun


def test_what_nobody_waits_for_any_more_is_not_begun_and_gives_its_place_back(busy):
    async def visit():
        tasks = await busy.fill()
        gone = [busy.ask("gone", Request(is_gone=True)) for _ in range(2 * busy.places)]
        await asyncio.sleep(0)
        busy.go_on.set()
        await asyncio.gather(*tasks)
        for one in gone:
            with pytest.raises(ClientGone):
                await one
        assert await asyncio.gather(*(busy.ask("here") for _ in range(busy.places))) == ["here"] * busy.places

    asyncio.run(visit())
    assert "gone" not in busy.begun


def test_the_door_counts_those_in_line(busy):
    limit = busy.services.home.settings.max_concurrency

    async def visit():
        tasks = await busy.fill()
        tasks += [busy.ask("waiting") for _ in range(limit - busy.places)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match=str(limit)):
            await busy.ask("beyond")
        busy.go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(visit())
    assert "groundwork_search_refused_total 1.0" in busy.services.metrics.text().decode()
    assert "groundwork_searches_in_progress 0.0" in busy.services.metrics.text().decode()


def test_a_job_that_fails_gives_its_place_back(busy):
    async def visit():
        for _ in range(2 * busy.places):
            with pytest.raises(ZeroDivisionError):
                await busy.services.executor.run(Request(), Deadline.within(None, 9000), lambda: 1 / 0)

    asyncio.run(visit())
    assert busy.services.searches.taken == 0


def test_only_what_is_in_service_is_named():
    metrics = Metrics()
    for release, snapshot in (("1.1", "aa"), ("1.2", "bb"), ("1.2", "bb")):
        metrics.show(metrics.release, {("1", release, snapshot, "live"): 1.0})
    lines = [line for line in metrics.text().decode().splitlines() if line.startswith("groundwork_release_info")]
    assert lines == ['groundwork_release_info{recipe="1",release="1.2",role="live",snapshot="bb"} 1.0']


def test_every_gauge_says_what_of_several_living_workers_it_is(monkeypatch):
    asked = []

    class Noted(Gauge):
        def __init__(self, name, *arguments, multiprocess_mode="all", **named):
            asked.append((name, multiprocess_mode))
            super().__init__(name, *arguments, multiprocess_mode=multiprocess_mode, **named)

    monkeypatch.setattr("app.metrics.Gauge", Noted)
    Metrics()
    assert len(asked) > 5
    assert [name for name, mode in asked if not mode.startswith(("live", "mostrecent"))] == []


WORKER = """
import sys
from app.metrics import Metrics
metrics = Metrics()
for _ in range(int(sys.argv[1])):
    metrics.count(200, sys.argv[2])
metrics.observe(1, {"total": 20.0})
metrics.in_progress.set(int(sys.argv[1]))
metrics.watch(metrics.live_lag, lambda: float(sys.argv[1]))
metrics.show(metrics.release, {("1", "1.1", "aa", "live"): 1.0, ("2", "2.1", sys.argv[2], "candidate"): 1.0})
metrics.show(metrics.release, {("1", "1.2", "bb", "live"): 1.0})
metrics.show(metrics.recipe_open, {("2",): float(sys.argv[2] == "1.2")})
metrics.sample()
print("ready", flush=True)
sys.stdin.readline()
print(metrics.text().decode())
"""


def test_whichever_worker_is_scraped_gives_the_numbers_of_all(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), METRICS_VARIABLE: str(tmp_path)}
    workers = [
        ForkedPopen(
            [sys.executable, "-c", WORKER, str(number), release],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, release in ((3, "1.1"), (4, "1.2"))
    ]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
    first = workers[0].communicate("\n")[0]  # its counts stay where the other finds them
    second = workers[1].communicate("\n")[0]
    for text in (first, second):
        assert 'groundwork_search_requests_total{recipe="1",status="200"} 7.0' in text
        assert 'groundwork_search_stage_duration_seconds_count{recipe="1",stage="total"} 2.0' in text
        assert "groundwork_searches_in_progress 7.0" in text
        assert "groundwork_live_lag_seconds 4.0" in text
        shown = [line for line in text.splitlines() if line.startswith("groundwork_release_info")]
        assert shown == ['groundwork_release_info{recipe="1",release="1.2",role="live",snapshot="bb"} 1.0']
        assert 'groundwork_recipe_open{recipe="2"} 1.0' in text
        assert "pid=" not in text


def test_without_workers_watched_gauges_are_read_when_they_are_scraped():
    metrics, state = Metrics(), SimpleNamespace(lag=1.0)
    metrics.watch(metrics.live_lag, lambda: state.lag)
    assert "groundwork_live_lag_seconds 1.0" in metrics.text().decode()
    state.lag = 2.0
    assert "groundwork_live_lag_seconds 2.0" in metrics.text().decode()


class Steps:
    """A search whose steps do what a test needs, and that counts them."""

    def __init__(self, encode=lambda: None, score_terms=lambda: None):
        self.encode, self.score_terms = encode, score_terms


@pytest.mark.parametrize("failing", ["encode", "score_terms"])
def test_a_search_whose_step_fails_gives_its_place_back(busy, failing):
    steps = Steps(**{failing: lambda: 1 / 0})

    async def visit():
        for _ in range(2 * busy.places):
            with pytest.raises(ZeroDivisionError):
                await busy.services.executor.encode(Request(), Deadline.within(None, 9000), steps)

    asyncio.run(visit())


def test_a_search_that_gets_no_place_to_encode_in_time_is_given_up(busy):
    begun = []

    async def visit():
        tasks = await busy.fill()
        with pytest.raises(DeadlineExceeded):
            await busy.services.executor.encode(Request(), Deadline.within(30.0, 9000), Steps(lambda: begun.append(1)))
        busy.go_on.set()
        await asyncio.gather(*tasks)

    asyncio.run(visit())
    assert begun == []


def test_whoever_is_cancelled_while_it_is_asked_if_its_client_is_there_leaves_its_place(busy):
    class Slow(Request):
        async def is_disconnected(self):
            await asyncio.sleep(20)

    async def visit():
        tasks = await busy.fill()
        waiting = busy.ask("cancelled", Slow())
        await asyncio.sleep(0)
        busy.go_on.set()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await asyncio.gather(*(busy.ask(number) for number in range(busy.places))) == [*range(busy.places)]

    asyncio.run(visit())


def test_few_searches_have_their_turn_each_time_the_loop_goes_round(busy):
    order, count = [], 3 * LOOP_SLOTS

    async def search(number):
        with busy.services.searches.take():
            await busy.services.executor.take_loop_slot(Deadline.within(None, 9000))
            order.append(number)

    async def visit():
        tasks = [asyncio.create_task(search(number)) for number in range(count)]
        rounds = 0
        while len(order) < count:
            await asyncio.sleep(0)
            rounds += 1
            assert len(order) <= LOOP_SLOTS * rounds
            assert busy.services.searches.taken == count - len(order)
        await asyncio.gather(*tasks)

    asyncio.run(visit())
    assert order == [*range(count)]


def test_a_search_whose_time_is_over_when_its_turn_comes_is_given_up(busy):
    async def visit():
        for _ in range(LOOP_SLOTS):
            await busy.services.executor.take_loop_slot(Deadline.within(None, 9000))
        with pytest.raises(DeadlineExceeded):
            await busy.services.executor.take_loop_slot(Deadline(0.0, 1.0))

    asyncio.run(visit())
