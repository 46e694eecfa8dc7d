"""Attacks on a real server over its port, and what another client notices of them: nothing."""

import re
import select
import signal
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from itertools import count

import httpx
import psutil
import pytest

from app.server.connection_limits import MAX_OPEN_FILES
from app.server.heartbeat import SILENT_SECONDS
from tests.support.forked_programs import ForkedPopen
from tests.support.processes import ROOT, environment, free_port, wait_until

ALONE = (
    "from indexing.process_start import prepare; prepare()\n"
    "from app.server.http_limits import HttpLimits\nfrom app.server.worker import serve\n"
    "from indexing.settings import Settings\n"
    "limits = HttpLimits(head_seconds={seconds}, body_seconds={seconds}, answer_seconds={seconds},\n"
    "    keep_alive_seconds={seconds})\n"
    "serve(Settings(), limits=limits)\n"
)
SUPERVISED = (
    "from indexing.process_start import prepare; prepare()\n"
    "from app.server.supervisor import Supervisor\nfrom indexing.settings import Settings\n"
    "from indexing.telemetry import configure_logging\nconfigure_logging('INFO')\n"
    "Supervisor(Settings(), silent_seconds={silent_seconds}, lost_seconds={seconds}).run()\n"
)
THIRD_HANGS = (
    "from indexing.process_start import prepare; prepare()\n"
    "import itertools, signal\nfrom app.server import supervisor\nfrom indexing.settings import Settings\n"
    "from indexing.telemetry import configure_logging\nconfigure_logging('INFO')\n"
    "starts = itertools.count(1)\n"
    "class Worker(supervisor.Worker):\n"
    "    def __init__(self, *given, start_seconds):\n"
    "        is_hung = next(starts) == 3\n"
    "        super().__init__(*given, start_seconds=0.5 if is_hung else start_seconds)\n"
    "        if is_hung:\n"
    "            self.process.send_signal(signal.SIGSTOP)\n"
    "supervisor.Worker = Worker\n"
    "supervisor.Supervisor(Settings()).run()\n"
)
"""The third worker is stopped as it starts, and is the only one that has little time to become ready."""
LARGE = (
    "import uvicorn\nfrom functools import partial\n"
    "from app.server.connection_gates import CountingGate\n"
    "from app.server.connection_limits import ConnectionCounts, ConnectionLimits\n"
    "from app.server.http_limits import HttpLimits\nfrom app.server.http_protocol import HttpProtocol\n"
    "from app.server.worker import GracefulServer\nfrom indexing.settings import Settings\n"
    "from indexing.telemetry import configure_logging\nconfigure_logging('INFO')\n"
    "gate = CountingGate(ConnectionCounts(ConnectionLimits(10)), print)\n"
    "protocol = partial(HttpProtocol, limits=HttpLimits(answer_seconds={seconds}), gate=gate)\n"
    "async def app(scope, receive, send):\n"
    "    body = bytes(64_000_000 if scope['path'] == '/large' else 1)\n"
    "    await send({{'type': 'http.response.start', 'status': 200, 'headers': []}})\n"
    "    await send({{'type': 'http.response.body', 'body': body}})\n"
    "config = uvicorn.Config(app, port=Settings().port, http=protocol, lifespan='off', log_config=None)\n"
    "GracefulServer(config, drain_seconds=0, on_stop=lambda: None).run()\n"
)
"""A server whose answers do not fit into what the kernel keeps for a connection."""
HEAD = b"GET /livez HTTP/1.1\r\nHost: here\r\n"
KEY = "a key for the tests of limits"
POST = (
    b"POST /v1/search HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n" % KEY.encode()
)
OTHER_ADDRESS = "127.0.0.2"
NUMBERS = count()


class Served:
    """A server process over an empty home, and connections to it."""

    def __init__(self, folder, code, settings):
        self.port, self.log, self.marked = free_port(), folder / f"server-{next(NUMBERS)}.log", 0
        values = {"home": folder / "home", "port": self.port, "api_key": KEY} | settings
        with self.log.open("wb") as log:
            self.process = ForkedPopen(
                [sys.executable, "-c", code],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=environment(**values),
                start_new_session=True,  # a group without a session's leader gets SIGHUP when one of it is stopped
            )
        self.url = f"http://127.0.0.1:{self.port}"
        self.until(lambda: self.ask().status_code == 200)
        if settings.get("workers", 1) > 1:
            self.until(lambda: self.log_has("supervisor.worker_ready", settings["workers"]))

    def until(self, is_true, seconds=60):
        wait_until(is_true, self.log, seconds)

    def ask(self, path="/livez"):
        """A request over a connection of its own, from an address that attacks nothing."""
        transport = httpx.HTTPTransport(local_address=OTHER_ADDRESS, verify=False)  # no certificates are read
        with httpx.Client(transport=transport, timeout=10) as client:
            return client.get(self.url + path)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def log_has(self, event, times=1):
        """Whether it logged something so often since it was marked."""
        return self.log.read_text()[self.marked :].count(event) >= times

    def mark(self):
        """Let only what is logged from here on count."""
        self.marked = len(self.log.read_text())

    def refusals(self, error):
        """How many requests and connections were refused for a reason."""
        series = rf'^groundwork_server_refusals_total{{error="{error}"}} (\S+)$'
        found = re.search(series, self.ask("/metrics").text, re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    def workers(self):
        return [one for one in psutil.Process(self.process.pid).children() if one.status() != psutil.STATUS_ZOMBIE]

    @contextmanager
    def a_bystander(self):
        """Another client, which is to get every answer while something happens."""
        statuses, failures, stop = [], [], threading.Event()

        def ask():
            while not statuses or not stop.wait(0.02):
                try:
                    statuses.append(self.ask().status_code)
                except httpx.TransportError as error:
                    statuses.append(0)
                    failures.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        assert failures == []
        assert set(statuses) == {200}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """Serves: ``seconds`` are what clients may take, or a worker that does not answer, before they are given up."""

    @contextmanager
    def serve(code=ALONE, seconds=1, silent_seconds=SILENT_SECONDS, **settings):
        code = code.format(seconds=seconds, silent_seconds=silent_seconds)
        served = Served(tmp_path_factory.mktemp("served"), code, settings)
        try:
            yield served
        finally:
            served.process.terminate()
            try:
                served.process.wait(timeout=60)
            finally:
                served.process.kill()

    return serve


@pytest.fixture(scope="module")
def patient(serving):
    """A process that gives clients ten seconds, for tests that leave it as they found it."""
    with serving(seconds=10) as served:
        yield served


@pytest.fixture(scope="module")
def hasty(serving):
    """One that gives them a second."""
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def shared_pair(serving):
    with serving(SUPERVISED, 8, silent_seconds=1, workers=2) as served:
        yield served


@pytest.fixture
def pair(shared_pair):
    """Two workers: silent after one second, lost after eight. A test leaves two that serve, if not the same."""
    shared_pair.mark()
    return shared_pair


def answer_of(connection):
    """All that is sent until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status_of(answer):
    found = re.match(rb"HTTP/1.1 (\d{3}) ", answer)
    return int(found.group(1)) if found else 0


def is_answered(connection):
    try:
        connection.sendall(HEAD + b"\r\n")
        return status_of(connection.recv(4096)) == 200
    except (BrokenPipeError, ConnectionResetError):  # it was refused before it asked
        return False


def is_lost(connection):
    """Whether a connection is closed without an answer to a request."""
    try:
        connection.sendall(HEAD + b"\r\n")
        return connection.recv(4096) == b""
    except (BrokenPipeError, ConnectionResetError):
        return True


def pour(connection, beginning, piece, most):
    """Send ``piece`` again and again until there is an answer; gives the answer and how much was sent."""
    connection.sendall(beginning)
    connection.setblocking(False)
    sent = 0
    while sent < most:
        readable, _, _ = select.select([connection], [connection], [], 20)
        if readable:
            break
        try:
            sent += connection.send(piece)
        except BlockingIOError:
            continue
        except OSError:  # closed by the other side
            break
    connection.settimeout(20)
    return answer_of(connection), sent


@pytest.mark.parametrize(
    ("beginning", "piece", "status", "error"),
    [
        (HEAD + b"X: ", b"y" * 65536, 431, "HeadersTooLarge"),
        (HEAD, b"X-1: y\r\n" * 8192, 431, "HeadersTooLarge"),
        (b"GET /", b"y" * 65536, 414, "UriTooLong"),
    ],
    ids=["one header", "header lines", "the URL"],
)
def test_what_has_no_end_is_refused_and_others_are_answered_meanwhile(patient, beginning, piece, status, error):
    before, refused = psutil.Process(patient.process.pid).memory_info().rss, patient.refusals(error)
    with patient.a_bystander():
        for _ in range(4):
            with patient.connect() as connection:
                answer, sent = pour(connection, beginning, piece, 64 * 1024 * 1024)
            assert status_of(answer) == status
            assert f'"error":"{error}"'.encode() in answer
            assert sent < 32 * 1024 * 1024
    assert psutil.Process(patient.process.pid).memory_info().rss - before < 64 * 1024 * 1024
    assert patient.refusals(error) - refused == 4


def test_headers_and_bodies_that_do_not_come_are_given_up_and_others_are_answered_meanwhile(hasty):
    with hasty.a_bystander(), ExitStack() as stack:
        beginnings = [HEAD, HEAD[:-5], POST + b"{", POST] * 10
        connections = [stack.enter_context(hasty.connect()) for _ in beginnings]
        for connection, beginning in zip(connections, beginnings, strict=True):
            connection.sendall(beginning)
        answers = [answer_of(connection) for connection in connections]
        assert [status_of(answer) for answer in answers] == [408] * len(beginnings)
        assert all(b'"error":"RequestTimeout"' in answer for answer in answers)
    assert "request.failed" not in hasty.log.read_text()


def test_connections_that_are_idle_or_say_nothing_are_closed(hasty):
    with hasty.connect() as silent, hasty.connect() as idle:
        idle.sendall(HEAD + b"\r\n")
        assert answer_of(silent) == b""
        assert status_of(answer_of(idle)) == 200


def test_a_client_that_does_not_read_its_answer_is_dropped(serving):
    with serving(LARGE) as served, served.a_bystander(), served.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
        served.until(lambda: served.log_has("server.reader_dropped"))


@pytest.mark.parametrize("workers", [1, 2])
def test_one_address_gets_so_many_connections_and_others_theirs(serving, workers):
    code = SUPERVISED if workers == 2 else ALONE
    with serving(code, 20, workers=workers, max_connections_per_address=10) as served, ExitStack() as stack:
        with served.a_bystander():
            held = [stack.enter_context(served.connect()) for _ in range(10)]
            for _ in range(20):
                with served.connect() as one_more:
                    answer = answer_of(one_more)
                assert status_of(answer) == 503
                assert b"retry-after: 1" in answer
                assert b'"error":"TooManyConnections"' in answer
        for connection in held:
            connection.sendall(HEAD + b"Connection: close\r\n\r\n")
            assert status_of(answer_of(connection)) == 200
        served.until(lambda: httpx.get(served.url + "/livez").status_code == 200)  # closed ones count no longer


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trusted_proxy_gets_as_many_connections_as_there_are(serving, workers):
    code = SUPERVISED if workers == 2 else ALONE
    settings = {"max_connections_per_address": 2, "trusted_proxies": "10.0.0.0/8, 127.0.0.1", "max_connections": 15}
    with serving(code, 20, workers=workers, **settings) as served, ExitStack() as stack:
        held = []

        def has_all():
            connection = stack.enter_context(served.connect())
            held.extend([connection] if is_answered(connection) else [])
            return len(held) == 15 * workers

        served.until(has_all)  # the end of a connection that was there before may not have been heard yet
        refused = stack.enter_context(served.connect())
        assert status_of(answer_of(refused)) == 503


def test_connections_of_a_worker_that_is_killed_count_no_longer(serving):
    with serving(SUPERVISED, 20, workers=2, max_connections_per_address=10) as served, ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(served.connect())
        served.workers()[0].kill()
        served.until(lambda: served.log_has("supervisor.worker_ended"))
        for _ in range(5):
            connection = stack.enter_context(served.connect())
            connection.sendall(HEAD + b"\r\n")
            assert status_of(connection.recv(4096)) == 200


def test_a_stopped_worker_gets_nothing_more_and_is_replaced(pair):
    stopped, going = pair.workers()
    stopped.send_signal(signal.SIGSTOP)
    pair.until(lambda: pair.log_has("supervisor.worker_silent"))
    with pair.a_bystander():
        pair.until(lambda: pair.log_has("supervisor.worker_killed"))
        pair.until(lambda: pair.log_has("supervisor.worker_ready"))
    assert stopped not in pair.workers()
    assert going in pair.workers()
    assert len(pair.workers()) == 2


def test_a_worker_that_hangs_before_it_can_take_connections_is_replaced(serving):
    with serving(THIRD_HANGS, workers=2) as served:
        ended, going = served.workers()
        ended.kill()
        served.until(lambda: served.log_has("supervisor.worker_started", 3))
        with served.a_bystander():
            served.until(lambda: served.log_has("supervisor.worker_late"))
            served.until(lambda: served.log_has("supervisor.worker_ready", 3))
        started = re.findall(r"supervisor\.worker_started.*\bpid\W+(\d+)", served.log.read_text())
        assert len(started) == 4
        assert {one.pid for one in served.workers()} == {going.pid, int(started[3])}


def test_a_worker_that_has_no_descriptor_left_gives_back_what_it_could_not_take(serving):
    with serving(SUPERVISED, 60, workers=2, max_connections_per_address=40) as served:
        for one in served.workers():
            soft, hard = one.rlimit(psutil.RLIMIT_NOFILE)
            assert soft == hard or soft >= MAX_OPEN_FILES  # raised at its start
            files = one.num_fds() + 8
            one.rlimit(psutil.RLIMIT_NOFILE, (files, files))
        lost = rounds = 0
        while lost <= 40 and rounds < 20:  # were they not given back, no more than 40 could be lost
            rounds += 1
            with ExitStack() as stack:
                held = [stack.enter_context(served.connect()) for _ in range(40)]
                lost += [is_lost(connection) for connection in held].count(True)
        assert lost > 40
        assert served.log_has("server.connections_lost")
        served.until(lambda: served.refusals("TooManyConnections") >= lost)  # once it has a descriptor for the answer


def test_a_worker_that_answers_again_gets_connections_again(pair):
    stopped, _ = pair.workers()
    stopped.send_signal(signal.SIGSTOP)
    pair.until(lambda: pair.log_has("supervisor.worker_silent"))
    stopped.send_signal(signal.SIGCONT)
    pair.until(lambda: pair.log_has("supervisor.worker_answers"))
    ports = set()
    with ExitStack() as stack:

        def has_one_more():
            connection = stack.enter_context(pair.connect())
            connection.sendall(HEAD + b"\r\n")
            assert status_of(connection.recv(4096)) == 200
            ports.add(connection.getsockname()[1])
            return any(one.raddr and one.raddr.port in ports for one in stopped.net_connections("tcp"))

        pair.until(has_one_more)  # in turn with the other; on a busy machine any of them may be silent for a moment


def test_a_supervisor_that_was_stopped_itself_does_not_blame_its_workers(pair):
    workers = pair.workers()
    everyone = [psutil.Process(pair.process.pid), *workers]
    for one in everyone:
        one.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    pair.until(lambda: time.monotonic() - stopped_at > 9)
    for one in everyone:
        one.send_signal(signal.SIGCONT)
    pair.until(lambda: pair.ask().status_code == 200)
    assert pair.workers() == workers
    assert not pair.log_has("supervisor.worker_killed")


def test_websocket_and_nonsense_are_answered_as_every_problem_is(patient):
    upgrade = HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for request, status, error in ((upgrade, 426, b"UpgradeRequired"), (b"\x16\x03\x01\r\n", 400, b"BadRequest")):
        with patient.connect() as connection:
            connection.sendall(request)
            answer = answer_of(connection)
        assert status_of(answer) == status
        assert b'{"error":"' + error + b'","message":"' in answer
        assert b"x-request-id: " in answer
    assert "Unsupported upgrade" not in patient.log.read_text()
