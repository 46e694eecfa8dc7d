"""API processes under signals, kills and a lost Redis: what was taken is answered, and nobody else notices."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count

import httpx
import psutil
import pytest

from tests.support.forked_programs import ForkedPopen
from tests.support.processes import ROOT, free_port, run, start, wait_until

KEY = "a key for the tests of serving"
HEADERS = {"Authorization": f"Bearer {KEY}"}
NUMBERS = count()
BILLING = ROOT / "corpora" / "helpdesk" / "articles" / "billing"
ONCE = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=60)
"""Each request over a connection of its own; certificates are read once, not each time."""


class Served:
    """A ``groundwork serve`` that is ready, and what tests ask of it."""

    def __init__(self, home, folder, workers, settings, popen):
        self.port, self.log = free_port(), folder / f"api-{next(NUMBERS)}.log"
        self.url = f"http://127.0.0.1:{self.port}"
        with self.log.open("wb") as log:
            self.process = start(
                home,
                "serve",
                "--port",
                self.port,
                "--workers",
                workers,
                stderr=log,
                api_key=KEY,
                deadline_ms=120_000,
                popen=popen,
                **settings,
            )
        self.until(lambda: self.ready().status_code == 200)
        if workers > 1:  # the first one answers before the others can
            self.until(lambda: self.log.read_text().count("supervisor.worker_ready") == workers)

    def until(self, is_true, seconds=60):
        wait_until(is_true, self.log, seconds)

    def ready(self):
        return ONCE.get(f"{self.url}/readyz", timeout=10)

    def search(self, query, client=ONCE):
        body = {"query": query, "collection": "manual", "k": 3}
        return client.post(f"{self.url}/v1/search", json=body, headers=HEADERS, timeout=60)

    def metric(self, series):
        found = re.search(rf"^{re.escape(series)} (\S+)$", ONCE.get(f"{self.url}/metrics").text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    def workers(self):
        return [one for one in psutil.Process(self.process.pid).children() if _lives(one)]


def _lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it went since it was listed
        return False


@pytest.fixture(scope="module")
def served_manual(make_home):
    return make_home("serving", BILLING, "manual", is_built=True)


@pytest.fixture(scope="module")
def serving(served_manual, tmp_path_factory):
    @contextmanager
    def serve(workers=1, home=served_manual, popen=ForkedPopen, **settings):
        served = Served(home, tmp_path_factory.mktemp("served"), workers, settings, popen)
        try:
            yield served
        finally:
            if served.process.poll() is None:
                served.process.terminate()
            served.process.wait(timeout=60)

    return serve


@pytest.fixture(scope="module")
def pair(serving):
    """Two workers, started as a user does, for tests that leave them as they were."""
    with serving(2, popen=subprocess.Popen) as served:
        yield served


@pytest.fixture(scope="module")
def served_slowly(make_real_home):
    """The same home with the real model, whose encoding takes time."""
    return make_real_home("serving-slowly", BILLING, "manual", is_built=True)


def long_query(number):
    return f"question {number}: " + "how do I change the card that pays for the yearly plan of my team? " * 30


def ask_at_once(served, queries):
    """One connection a query, opened beforehand, so that all are asked before the first few are answered."""
    connections = [HTTPConnection("127.0.0.1", served.port, timeout=60) for _ in queries]
    for connection in connections:
        connection.connect()
    for connection, query in zip(connections, queries, strict=True):
        body = json.dumps({"query": query, "collection": "manual", "k": 3})
        connection.request("POST", "/v1/search", body, HEADERS | {"Content-Type": "application/json"})
    return connections


@pytest.mark.model
@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_is_told_to_stop_finishes_what_it_took_and_takes_no_more(serving, served_slowly, workers):
    count = 24 * workers
    with serving(workers, served_slowly, max_concurrency=count, sessions=1, drain_seconds=1) as served:
        connections = ask_at_once(served, [long_query(number) for number in range(count)])
        answered = 'groundwork_search_requests_total{recipe="1",status="200"}'
        served.until(lambda: served.metric("groundwork_searches_in_progress") + served.metric(answered) >= count)
        has_answer, _, _ = select.select([connection.sock for connection in connections], [], [], 0)
        assert len(has_answer) < count
        served.process.send_signal(signal.SIGTERM)
        assert [connection.getresponse().status for connection in connections] == [200] * count
        for connection in connections:
            connection.close()
        assert served.process.wait(timeout=30) in (0, -signal.SIGTERM)
        with pytest.raises(httpx.ConnectError):
            served.ready()


@pytest.mark.parametrize("workers", [1, 2])
def test_while_the_port_is_drained_everything_is_answered_until_a_second_signal(serving, workers):
    with serving(workers, drain_seconds=300) as served:
        with httpx.Client() as client:
            assert "connection" not in served.search("refund", client).headers
            served.process.send_signal(signal.SIGTERM)
            served.until(lambda: served.ready().status_code == 503)
            assert served.ready().json()["message"] == "shutting down"
            answer = served.search("refund", client)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=30) in (0, -signal.SIGTERM)


def test_connections_are_dealt_out_evenly(pair):
    connections = ask_at_once(pair, ["refund"] * 8)
    assert [connection.getresponse().status for connection in connections] == [200] * 8
    ports = {connection.sock.getsockname()[1] for connection in connections}
    held = [sum(c.raddr.port in ports for c in one.net_connections("tcp") if c.raddr) for one in pair.workers()]
    for connection in connections:
        connection.close()
    assert held == [4, 4]


def test_a_killed_worker_is_replaced_while_the_others_serve_and_its_counts_stay(serving):
    with serving(2) as served:
        for _ in range(4):
            assert served.search("refund").status_code == 200
        answered = 'groundwork_search_requests_total{recipe="1",status="200"}'
        assert served.metric(answered) == 4
        victim, survivor = served.workers()
        victim.kill()
        # Until its last thread is gone, what is dealt to it is lost with it.
        served.until(lambda: "supervisor.worker_ended" in served.log.read_text())
        assert victim not in served.workers()
        for _ in range(4):
            assert served.search("refund").status_code == 200
        served.until(lambda: len(served.workers()) == 2)
        assert survivor in served.workers()
        served.until(lambda: served.log.read_text().count("Application startup complete") == 3)
        for _ in range(4):
            assert served.search("refund").status_code == 200
        assert served.metric(answered) == 12
        assert served.metric("groundwork_searches_in_progress") == 0
        assert "torch" not in " ".join(m.path for one in served.workers() for m in one.memory_maps())


def test_a_worker_that_is_told_to_stop_by_somebody_else_is_replaced(serving):
    with serving(2) as served:
        leaving, staying = served.workers()
        leaving.terminate()
        for _ in range(6):
            assert served.search("refund").status_code == 200
        served.until(lambda: leaving not in served.workers() and len(served.workers()) == 2)
        assert staying in served.workers()


def test_workers_end_when_their_supervisor_is_killed(serving):
    with serving(2) as served:
        workers = served.workers()
        served.process.kill()
        gone, alive = psutil.wait_procs(workers, timeout=20)
        assert (len(gone), alive) == (2, [])


def test_a_port_that_is_taken_is_one_sentence(pair, served_manual):
    refused = run(served_manual, "serve", "--port", pair.port, "--workers", 2, check=False, api_key=KEY)
    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{pair.port}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_workers_share_query_vectors_through_redis(serving, redis_server):
    with serving(2, redis_url=redis_server.url) as served:
        lookups = 'groundwork_query_cache_lookups_total{{outcome="{}"}}'.format
        # A read that takes longer than it may counts as a miss, as on a busy machine: another text is tried then.
        for number in range(10):
            text = f"where is invoice {number}"
            assert served.search(text).status_code == 200
            served.until(lambda number=number: redis_server.count("groundwork:query:*") >= number + 1)
            answers = [served.search(text) for _ in range(4)]
            assert len({str(answer.json()["hits"]) for answer in answers}) == 1
            if served.metric(lookups("redis")) == 1:
                break
        assert served.metric(lookups("redis")) == 1
        assert served.metric(lookups("process")) >= 3


def test_answers_go_on_when_redis_is_lost_in_mid_traffic(serving, redis_server):
    with serving(2, redis_url=redis_server.url) as served, ThreadPoolExecutor(4) as pool:
        statuses, stop = [], threading.Event()

        def client(number):
            with httpx.Client() as session:
                for turn in count():
                    if stop.is_set():
                        return
                    statuses.append(served.search(f"question {number} {turn % 7 and turn}", session).status_code)

        clients = [pool.submit(client, number) for number in range(4)]

        def more(answers):
            wanted = len(statuses) + answers
            served.until(lambda: len(statuses) >= wanted or any(one.done() for one in clients))

        for disturb in (
            lambda: None,
            redis_server.kill,
            redis_server.start,
            lambda: redis_server.process.send_signal(signal.SIGSTOP),
            lambda: redis_server.process.send_signal(signal.SIGCONT),
        ):
            disturb()
            more(40)
        stop.set()
        for one in clients:
            one.result()
        assert set(statuses) == {200}
        assert "query_cache.redis_lost" in served.log.read_text()


def test_a_supervisor_holds_nothing_that_serves():
    code = (
        "import sys; from indexing.process_start import prepare; prepare(); "
        "import indexing.commands.start, indexing.commands.root, app.cli, app.server.supervisor; "
        "print(sorted({'faiss', 'onnxruntime', 'fastapi', 'uvicorn', 'torch'} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
