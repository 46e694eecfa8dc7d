"""The load generator against a small server on loopback."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from benchmarks.harness import http_load
from benchmarks.harness.http_load import Connection, measure, running


class Echo(BaseHTTPRequestHandler):
    """Answers what it was asked, with stages; 500 on ``/broken``."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Authorization"], asked))
        content = json.dumps({"asked": asked, "timings_ms": {"encode": 2.0, "total": 3.0}}).encode()
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("X-Release-Id", "r1.2")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server():
    found = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    found.daemon_threads = True
    found.seen = []
    thread = threading.Thread(target=found.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def short(monkeypatch):
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed: apt-get install wrk")
    monkeypatch.setattr(http_load, "WARM_UP_SECONDS", 1)


@pytest.mark.usefixtures("short")
def test_wrk_sends_the_requests_in_turn_and_keeps_what_answers_say_of_their_stages(server, url):
    requests = [("POST", f"/{number}", "secret", {"number": number}) for number in range(3)]
    found = measure(url, requests, 1, seconds=1, stages="timings_ms")
    assert found["failed"] == 0
    assert found["requests"] > 0
    assert found["stages_ms"] == {
        name: dict.fromkeys(("p50", "p95", "p99"), ms) for name, ms in (("encode", 2.0), ("total", 3.0))
    }
    turns = [asked["number"] for _, _, asked in server.seen[:4]]  # wrk takes some requests itself to look at them
    assert turns[1:] == [(turn + 1) % 3 for turn in turns[:-1]]
    assert {(key, path == f"/{asked['number']}") for path, key, asked in server.seen} == {("Bearer secret", True)}


@pytest.mark.usefixtures("short")
def test_a_load_with_failures_measures_nothing(url):
    with pytest.raises(SystemExit, match="requests failed: nothing is measured"):
        measure(url, [("POST", "/broken", "", {})], 1, seconds=1)


def test_a_connection_keeps_every_answer_whatever_its_status(server, url):
    connection = Connection(url)
    assert connection.send("search", "POST", "/a", "key", {"x": 1}).json()["asked"] == {"x": 1}
    assert connection.send("write", "POST", "/broken", "key", {}).status_code == 500
    connection.close()
    assert [(one.kind, one.status, one.release) for one in connection.answers] == [
        ("search", 200, "r1.2"),
        ("write", 500, "r1.2"),
    ]
    assert connection.answers[0].at <= connection.answers[1].at


def test_a_connection_that_fails_is_kept_as_status_0_and_raised(server, url):
    server.shutdown()
    server.server_close()
    connection = Connection(url)
    with pytest.raises(httpx.TransportError):
        connection.send("search", "POST", "/a", "key")
    connection.close()
    assert [(one.status, one.release) for one in connection.answers] == [(0, "")]


def test_clients_run_side_by_side_until_the_block_ends():
    both = threading.Barrier(3, timeout=10)

    class Waiting:
        ended = False

        def run(self, stop):
            both.wait()
            self.ended = stop.wait(10)

    clients = Waiting(), Waiting()
    with running(*clients):
        both.wait()
        assert not any(client.ended for client in clients)
    assert all(client.ended for client in clients)
