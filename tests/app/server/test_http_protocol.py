"""The protocol alone: over a transport that keeps what is sent, with a clock that the test moves."""

import asyncio
import json
import re

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.schemas.problems import Problem
from app.schemas.server_problems import too_many_connections
from app.server.http_limits import (
    MAX_DISCARDED_BYTES,
    MAX_FIELDS,
    MAX_FRAMING_BYTES,
    MAX_LINGERING_BYTES,
    MAX_PIPELINED,
    MIN_PROGRESS_BYTES,
    HttpLimits,
)
from app.server.http_protocol import HttpProtocol

LIMITS = HttpLimits()
GET = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: here\r\n"


class FakeTransport(asyncio.Transport):
    """Keeps what is written; ``unread`` bytes of it are not taken by the client yet."""

    def __init__(self):
        super().__init__()
        self.sent, self.unread = b"", 0
        self.is_reading, self.has_ended, self.is_closed, self.is_aborted = True, False, False, False

    def get_extra_info(self, name, default=None):
        return ("192.0.2.1", 4711) if name == "peername" else default

    def write(self, data):
        self.sent += data

    def write_eof(self):
        self.has_ended = True

    def close(self):
        self.is_closed = True

    def abort(self):
        self.is_closed = self.is_aborted = True

    def is_closing(self):
        return self.is_closed

    def pause_reading(self):
        self.is_reading = False

    def resume_reading(self):
        self.is_reading = True

    def get_write_buffer_size(self):
        return self.unread


class FakeLoop:
    """The running loop with a clock of its own."""

    def __init__(self):
        self.now = 1000.0
        self._loop = asyncio.get_running_loop()

    def time(self):
        return self.now

    def create_task(self, coroutine):
        return self._loop.create_task(coroutine)


class Gate:
    """Lets in whom it is told to let in; remembers the rest."""

    def __init__(self, problem=None, lingering=1):
        self.problem, self.inside, self.errors, self.lingering = problem, [], [], lingering

    def admit(self, address):
        if self.problem is None:
            self.inside.append(address)
        return self.problem

    def release(self, address):
        self.inside.remove(address)

    def refused(self, problem):
        self.errors.append(problem.error)

    def may_linger(self):
        self.lingering -= 1
        return self.lingering >= 0

    def linger_no_longer(self):
        self.lingering += 1


class Connection:
    """A connection to an application that answers what it was asked, once ``go`` is set, after reading the body."""

    def __init__(self, *, gate=None, reads=True):
        self.gate, self.transport, self.loop = gate or Gate(), FakeTransport(), FakeLoop()
        self.go, self.asked, self.reads, self.scopes = asyncio.Event(), [], reads, []
        self.go.set()
        config = uvicorn.Config(self.application, interface="asgi3", ws="none", log_config=None, access_log=False)
        self.state = ServerState()
        self.protocol = HttpProtocol(config, self.state, {}, self.loop, limits=LIMITS, gate=self.gate)
        self.protocol.connection_made(self.transport)

    async def application(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body, message = b"", {"more_body": self.reads}
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.disconnect":
                self.asked.append((scope["path"], "gone"))
                return
        await self.go.wait()
        self.scopes.append(scope)
        self.asked.append((scope["path"], body))
        answer = scope["path"].encode() + b"|" + body
        headers = [(b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def send(self, *pieces):
        """Send, unless the server has stopped reading; let the application work."""
        for piece in pieces:
            self.protocol.data_received(piece)
            await self.work()

    async def work(self):
        for _ in range(20 + 10 * len(self.protocol.pipeline)):
            await asyncio.sleep(0)

    async def after(self, seconds):
        """Let time pass, and the server look at it every second."""
        for _ in range(int(seconds)):
            self.loop.now += 1
            self.protocol.check(self.loop.now)
        await self.work()

    @property
    def statuses(self):
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.transport.sent)]

    def problem(self):
        """The last answer's problem, in the shape that all have."""
        head, _, body = self.transport.sent.rpartition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.rpartition(b"HTTP/1.1 ")[2].split(b"\r\n")[1:])
        assert headers[b"content-type"] == b"application/json"
        assert int(headers[b"content-length"]) == len(body)
        assert b"close" in headers[b"connection"]
        problem = json.loads(body)
        assert set(problem) == set(Problem.model_fields)
        assert problem["request_id"].encode() == headers[b"x-request-id"]
        return problem, headers

    def is_refused(self, status, error):
        """Whether it was answered with a problem, after which nothing is sent any more."""
        assert self.statuses[-1:] == [status], self.transport.sent
        assert self.problem()[0]["error"] == error == self.gate.errors[-1]
        assert self.transport.has_ended or self.transport.is_closed
        return True


def talk(scenario):
    """A test as a coroutine over a fresh loop."""

    def test():
        asyncio.run(scenario())

    test.__name__ = scenario.__name__
    return test


@talk
async def test_a_request_is_answered_and_the_connection_kept_for_another():
    one = Connection()
    await one.send(
        GET, POST + b"Content-Length: 3\r\n\r\nabc", POST + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nde"
    )
    await one.send(b"\r\n0\r\n\r\n")
    assert one.asked == [("/livez", b""), ("/echo", b"abc"), ("/echo", b"de")]
    assert one.statuses == [200, 200, 200]
    assert not one.transport.is_closed


@talk
async def test_a_request_that_comes_byte_by_byte_is_the_same():
    one = Connection()
    whole = POST + b"X-Long: " + b"y" * 300 + b"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + GET
    await one.send(*(whole[i : i + 1] for i in range(len(whole))))
    assert one.asked == [("/echo", b"abc"), ("/livez", b"")]


@talk
async def test_a_head_of_just_the_limit_is_taken():
    one = Connection()
    line = b"GET /livez HTTP/1.1\r\nHost: here\r\n"
    rest = LIMITS.head_bytes - len(b"/livez") - len(b"Host: here\r\n") - len(b"X: \r\n")
    await one.send(line + b"X: " + b"y" * rest + b"\r\n\r\n")
    assert one.statuses == [200]
    await one.send(line + b"X: " + b"y" * (rest + 1) + b"\r\n\r\n")
    assert one.is_refused(431, "HeadersTooLarge")


@pytest.mark.parametrize("size", [100, 4096, 256 * 1024])
def test_a_header_without_end_is_refused_soon_and_the_rest_thrown_away(size):
    async def scenario():
        one = Connection()
        await one.send(b"GET / HTTP/1.1\r\nHost: here\r\nX: ")
        sent = 0
        while not one.statuses:
            await one.send(b"y" * size)
            sent += size
            assert sent <= LIMITS.head_bytes + size
        assert one.is_refused(431, "HeadersTooLarge")
        await one.send(b"y" * size)
        assert len(one.statuses) == 1
        assert one.asked == []

    asyncio.run(scenario())


@talk
async def test_header_lines_without_end_are_refused_by_their_bytes_and_by_their_number():
    for line, most in ((b"X-n: " + b"y" * 1000 + b"\r\n", 70), (b"a:\r\n", MAX_FIELDS)):
        one = Connection()
        await one.send(b"GET / HTTP/1.1\r\nHost: here\r\n", line * (most + 1))
        assert one.is_refused(431, "HeadersTooLarge")
        assert len(one.protocol.headers) <= most


@talk
async def test_a_url_without_end_is_refused():
    one = Connection()
    await one.send(b"GET /", *[b"y" * 10_000] * 7)
    assert one.is_refused(414, "UriTooLong")


@talk
async def test_blank_lines_or_spaces_without_end_are_refused():
    for piece in (b"\r\n" * 5000, b"GET " + b" " * 10_000):
        one = Connection()
        await one.send(piece, *[piece[-10_000:]] * 8)
        assert one.is_refused(431, "HeadersTooLarge")


@pytest.mark.parametrize(
    "framing",
    [b"1;" + b"x" * 1000, b"0" * 1000, b"0\r\nX: " + b"y" * 1000, b"0\r\n" + b"X: " + b"y" * 500 + b"\r\nZ: y"],
)
def test_chunk_extensions_sizes_and_trailers_have_an_end(framing):
    async def scenario():
        one = Connection()
        await one.send(POST + b"Transfer-Encoding: chunked\r\n\r\n", framing)
        await one.send(*[framing[-1:] * 4096] * (MAX_FRAMING_BYTES // 4096 + 1))
        assert one.is_refused(400, "BadRequest")
        assert one.asked == [("/echo", "gone")]

    asyncio.run(scenario())


@talk
async def test_a_large_body_in_small_chunks_is_taken_but_not_one_of_extensions():
    one = Connection()
    await one.send(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n" * 3000] * 3, b"0\r\n\r\n")
    assert one.asked == [("/echo", b"x" * 9000)]
    await one.send(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[(b"1;" + b"e" * 500 + b"\r\nx\r\n") * 10] * 4)
    assert one.is_refused(400, "BadRequest")


@talk
async def test_trailers_neither_reach_their_own_request_nor_the_next():
    one = Connection()
    await one.send(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer a\r\n\r\n" + GET)
    await one.send(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\nX-Key: b\r\n\r\n", GET)
    assert one.statuses == [200] * 4
    for scope in one.scopes:
        assert {name for name, _ in scope["headers"]} <= {b"host", b"transfer-encoding"}


@talk
async def test_a_body_that_goes_on_after_its_answer_is_read_for_a_while_then_the_connection_closed():
    one = Connection(reads=False)
    await one.send(POST + b"Content-Length: 999999999999\r\n\r\n")
    assert one.statuses == [200]
    piece = b"x" * 1024 * 1024
    await one.send(*[piece] * (MAX_DISCARDED_BYTES // len(piece)))
    assert not one.transport.is_closed
    await one.send(piece)
    assert one.transport.is_closed
    assert one.statuses == [200]


@talk
async def test_a_body_that_trickles_on_after_its_answer_has_a_time_that_progress_does_not_renew():
    one, whole = Connection(reads=False), Connection(reads=False)
    for each in (one, whole):
        await each.send(POST + b"Content-Length: 100000\r\n\r\n")
        assert each.statuses == [200]
    for _ in range(int(LIMITS.discarding_seconds) - 1):
        await one.after(1)
        await one.send(b"x" * MIN_PROGRESS_BYTES if one.loop.now % 2 else b"x")
    assert not one.transport.is_closed
    await one.after(1)
    assert one.transport.is_closed
    assert one.statuses == [200]
    await whole.send(b"x" * 100_000)  # what ends in time is followed by another request
    await whole.send(GET)
    assert whole.statuses == [200, 200]


@talk
async def test_incomplete_headers_are_given_up_after_their_time_however_they_trickle():
    one = Connection()
    await one.send(b"GET / HTTP/1.1\r\n")
    for _ in range(9):
        await one.after(1)
        await one.send(b"X: y\r\n")
    assert one.statuses == []
    await one.after(1)
    assert one.is_refused(408, "RequestTimeout")


@talk
async def test_a_connection_that_says_nothing_is_closed_without_an_answer():
    for said in (b"", b"\r\n", GET):
        one = Connection()
        await one.send(*[said] * bool(said))
        await one.after(LIMITS.head_seconds)
        assert one.transport.is_closed
        assert b"408" not in one.transport.sent


@talk
async def test_an_idle_connection_is_kept_for_its_time_from_its_last_answer():
    one = Connection()
    for _ in range(3):
        await one.send(GET)
        await one.after(LIMITS.keep_alive_seconds - 1)
        assert not one.transport.is_closed
    await one.send(b"\r\n")  # no request
    await one.after(1)
    assert one.transport.is_closed


@talk
async def test_a_stalled_body_is_given_up_and_the_application_told():
    one = Connection()
    await one.send(POST + b"X-Request-Id: mine\r\nContent-Length: 100000\r\n\r\nabc")
    await one.after(LIMITS.body_seconds - 1)
    assert one.statuses == []
    await one.after(1)
    assert one.is_refused(408, "RequestTimeout")
    assert one.problem()[0]["request_id"] == "mine"
    assert one.asked == [("/echo", "gone")]


@talk
async def test_a_slow_body_is_taken_as_long_as_it_comes_and_given_up_when_it_trickles():
    slow, trickling = Connection(), Connection()
    for one in (slow, trickling):
        await one.send(POST + b"Content-Length: 100000\r\n\r\n")
    for _ in range(10):
        await slow.after(LIMITS.body_seconds - 1)
        await slow.send(b"x" * MIN_PROGRESS_BYTES)
    assert slow.statuses == []
    for _ in range(10):
        await trickling.after(LIMITS.body_seconds / 10)
        if trickling.statuses:
            break
        await trickling.send(b"x")
    assert trickling.is_refused(408, "RequestTimeout")


@talk
async def test_a_body_that_we_do_not_read_or_have_not_asked_for_is_waited_for():
    for head, begins in ((b"Content-Length: 300000\r\n\r\n", b"x" * 100_000), (b"Expect: 100-continue\r\n\r\n", b"")):
        one = Connection(reads=False)
        one.go.clear()
        head = head if b"Length" in head else b"Content-Length: 300000\r\n" + head
        await one.send(POST + head + begins)
        await one.after(10 * LIMITS.body_seconds)
        assert one.statuses == []
        one.go.set()
        await one.work()
        assert one.statuses == [200]


@talk
async def test_a_request_is_never_given_up_while_it_is_answered():
    one = Connection()
    one.go.clear()
    await one.send(GET)
    await one.after(1000)
    one.go.set()
    await one.work()
    assert one.statuses == [200]


@talk
async def test_a_client_that_does_not_take_its_answer_is_dropped_and_a_slow_one_is_not():
    stuck, slow, quick = Connection(), Connection(), Connection()
    for one in (stuck, slow, quick):
        await one.send(GET)
        one.transport.unread = 500_000
    for _ in range(20):
        for one in (stuck, slow, quick):
            await one.after(LIMITS.answer_seconds / 10)
        slow.transport.unread -= MIN_PROGRESS_BYTES // 8
        await quick.send(GET)
    assert stuck.transport.is_aborted
    assert not slow.transport.is_aborted
    assert not quick.transport.is_aborted
    await slow.after(LIMITS.answer_seconds + 1)
    assert slow.transport.is_aborted


@talk
async def test_pipelined_requests_are_answered_in_turn_and_nothing_is_read_meanwhile():
    one = Connection()
    one.go.clear()
    await one.send(GET + POST + b"Content-Length: 3\r\n\r\nabc" + GET)
    assert not one.transport.is_reading
    one.go.set()
    await one.work()
    assert one.asked == [("/livez", b""), ("/echo", b"abc"), ("/livez", b"")]
    assert one.transport.is_reading


@talk
async def test_too_many_pipelined_requests_are_refused_after_those_before_them_were_answered():
    one = Connection()
    one.go.clear()
    await one.send(GET * 5000)
    assert len(one.protocol.pipeline) == MAX_PIPELINED
    assert one.statuses == []
    one.go.set()
    await one.work()
    assert one.statuses == [200] * (MAX_PIPELINED + 1) + [400]
    assert one.is_refused(400, "BadRequest")


@talk
async def test_a_refusal_waits_for_the_answers_to_requests_before_it():
    for wrong in (b"nonsense\r\n\r\n", POST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"):
        one = Connection()
        one.go.clear()
        await one.send(GET + wrong)
        assert one.statuses == []
        await one.after(100)
        one.go.set()
        await one.work()
        assert one.statuses == [200, 400]
        assert one.is_refused(400, "BadRequest")
        assert one.asked == [("/livez", b"")]


@talk
async def test_after_a_refusal_what_still_comes_is_read_for_a_moment():
    one = Connection()
    await one.send(b"nonsense\r\n\r\n")
    assert one.transport.has_ended
    assert one.transport.is_reading
    assert not one.transport.is_closed
    await one.send(b"x" * MAX_LINGERING_BYTES)
    assert not one.transport.is_closed
    await one.send(b"x")
    assert one.transport.is_aborted
    silent = Connection()
    await silent.send(b"nonsense\r\n\r\n")
    await silent.after(LIMITS.lingering_seconds)
    assert silent.transport.is_aborted


@talk
async def test_what_the_gate_does_not_let_in_is_told_why_and_read_for_a_moment_so_that_the_client_can_read_it():
    gate = Gate(too_many_connections("no more"))
    one, another = Connection(gate=gate), Connection(gate=gate)
    for refused in (one, another):
        assert refused.is_refused(503, "TooManyConnections")
        assert refused.problem()[1][b"retry-after"] == b"1"
    assert (one.transport.has_ended, one.transport.is_closed) == (True, False)
    assert another.transport.is_closed  # only so many may stay for a moment
    await one.send(GET)
    await one.after(LIMITS.lingering_seconds)
    assert one.transport.is_aborted
    for refused in (one, another):
        refused.protocol.connection_lost(None)
    assert gate.lingering == 0  # the one that lingered came back, the other never counted
    assert one.asked == []


@pytest.mark.parametrize(
    ("sent", "status", "error", "has_body"),
    [
        (b"HEAD /a b HTTP/1.1\r\nHost: here\r\n\r\n", 400, "BadRequest", False),
        (b"HEAD / HTTP/1.1\r\nHost: here\r\nHost: there\r\n\r\n", 400, "BadRequest", False),
        (b"HEAD /" + b"y" * 70_000, 414, "UriTooLong", False),
        (b"HEAD / HTTP/1.1\r\nHost: here\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431, "HeadersTooLarge", False),
        (b"GET /a b HTTP/1.1\r\nHost: here\r\n\r\n", 400, "BadRequest", True),
        (b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n" + b"nonsense\r\n\r\n", 400, "BadRequest", True),
    ],
)
def test_a_refusal_of_head_says_the_length_of_a_body_that_it_does_not_carry(sent, status, error, has_body):
    async def scenario():
        one = Connection()
        await one.send(sent)
        assert one.statuses[-1] == status
        assert one.gate.errors == [error]
        head, _, body = one.transport.sent[one.transport.sent.rindex(b"HTTP/1.1 %d " % status) :].partition(b"\r\n\r\n")
        assert int(re.search(rb"content-length: (\d+)", head).group(1)) > 0
        assert bool(body) == has_body

    asyncio.run(scenario())


@talk
async def test_the_gate_hears_once_that_a_connection_is_closed():
    one = Connection()
    assert one.gate.inside == ["192.0.2.1"]
    await one.send(GET)
    one.protocol.connection_lost(None)
    assert one.gate.inside == []
    await one.after(100)


WEBSOCKET = b"GET /v1/search HTTP/1.1\r\nHost: here\r\nConnection: keep-alive, Upgrade\r\nUpgrade: %s\r\n\r\n"


@pytest.mark.parametrize("offer", [b"websocket", b"WebSocket", b"h2c, websocket"])
def test_websocket_is_answered_426(offer):
    async def scenario():
        one = Connection()
        await one.send(WEBSOCKET % offer)
        assert one.is_refused(426, "UpgradeRequired")
        headers = one.problem()[1]
        assert headers[b"upgrade"] == b"HTTP/1.1"
        assert headers[b"connection"] == b"upgrade, close"
        assert one.asked == []

    asyncio.run(scenario())


@talk
async def test_any_other_upgrade_is_ignored_and_the_request_answered_with_its_body():
    one = Connection()
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    plain = POST + upgrade + b"Content-Length: 3\r\n\r\nabc"
    chunked = POST + upgrade + b"Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n"
    await one.send(plain + plain + GET, chunked[:70], chunked[70:], b"0\r\n\r\n", GET)
    assert one.statuses == [200] * 5
    expected = [("/echo", b"abc"), ("/echo", b"abc"), ("/livez", b""), ("/echo", b"de"), ("/livez", b"")]
    assert one.asked == expected
    assert not one.transport.is_closed


@talk
async def test_an_upgrade_that_the_header_connection_does_not_name_is_no_upgrade():
    one = Connection()
    await one.send(b"GET /livez HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n\r\n")
    assert one.statuses == [200]


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
AMBIGUOUS = {
    "both lengths": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other way": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "Content-Length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two different": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "negative": POST + b"Content-Length: -3\r\n\r\nabc",
    "a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "hexadecimal": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "empty": POST + b"Content-Length: \r\n\r\nabc",
    "beyond 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "space before the colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "another coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "not chunked at the end": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "line feeds alone": b"GET /livez HTTP/1.1\nHost: here\n\n",
    "one line feed alone": b"GET /livez HTTP/1.1\r\nHost: here\nX: y\r\n\r\n",
    "a line feed at the end": b"GET /livez HTTP/1.1\r\nHost: here\r\n\n",
    "a carriage return alone": b"GET /livez HTTP/1.1\r\nHost: here\rX: y\r\n\r\n",
    "a line feed after a size": CHUNKED + b"1\nx\r\n0\r\n\r\n",
    "a line feed after a chunk": CHUNKED + b"1\r\nx\n0\r\n\r\n",
    "a size with 0x": CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n",
    "a negative size": CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
    "a size beyond 64 bits": CHUNKED + b"f" * 20 + b"\r\n",
    "a folded header": b"GET /livez HTTP/1.1\r\nHost: here\r\nX: y\r\n z\r\n\r\n",
    "a zero byte": b"GET /livez HTTP/1.1\r\nHost: here\r\nX: y\0z\r\n\r\n",
    "a header without a name": b"GET /livez HTTP/1.1\r\nHost: here\r\n: y\r\n\r\n",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: here\r\nHost: there\r\n\r\n",
    "a proxy's method": b"CONNECT there:443 HTTP/1.1\r\nHost: there\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nHost: here\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 by its number": b"GET / HTTP/2.0\r\nHost: here\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a later version": b"GET / HTTP/1.2\r\nHost: here\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
    "a URL without a path": b"GET http://here HTTP/1.1\r\nHost: here\r\n\r\n",
    "a URL that is not ASCII": b"GET /\xff HTTP/1.1\r\nHost: here\r\n\r\n",
    "a URL with a space": b"GET /a b HTTP/1.1\r\nHost: here\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_two_programs_could_read_in_two_ways_is_refused(name):
    async def scenario():
        one = Connection()
        await one.send(AMBIGUOUS[name] + GET)
        assert one.is_refused(400, "BadRequest")
        assert one.statuses == [400]
        assert ("/livez", b"") not in one.asked

    asyncio.run(scenario())


@talk
async def test_http_1_0_is_answered_and_closed():
    one = Connection()
    await one.send(b"GET /livez HTTP/1.0\r\n\r\n")
    assert one.statuses == [200]
    assert one.transport.is_closed
