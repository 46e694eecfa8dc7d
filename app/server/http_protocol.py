"""HTTP/1.1 on one connection: uvicorn's httptools protocol with a limit on everything that a client could prolong.

httptools keeps whatever comes until a header ends, and uvicorn whatever headers come, for as long as the client likes.
Here bytes are counted while the parser works, and moments are looked at once a second (``check``), not by a timer for
each request. What is refused is answered as every problem is, then the connection is closed.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

import httptools
from uvicorn import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.schemas.server_problems import (
    ServerProblem,
    bad_request,
    headers_too_large,
    request_id_for,
    request_timeout,
    upgrade_required,
    uri_too_long,
)
from app.server.answer_progress import AnswerProgress
from app.server.connection_gates import Gate
from app.server.http_limits import (
    MAX_DISCARDED_BYTES,
    MAX_FIELDS,
    MAX_FRAMING_BYTES,
    MAX_LINGERING_BYTES,
    MAX_PIPELINED,
    MIN_PROGRESS_BYTES,
    USUAL_CHUNK_BYTES,
    HttpLimits,
)

logger = logging.getLogger(__name__)
_IDLE: Final = 0
"""State of a connection: it waits for a request."""
_HEAD: Final = 1
"""State of a connection: a request line and headers come."""
_BODY: Final = 2
"""State of a connection: a body comes, or an answer is awaited."""
_LOOKED_AT = frozenset((b"host", b"expect", b"transfer-encoding"))


class _Refused(Exception):
    """Ends the parser's work from within a callback; ``_problem`` of the connection says why."""


class _Flow(FlowControl):
    """Flow control that goes on reading only when nothing read before still waits for its turn."""

    def __init__(self, transport: asyncio.Transport, is_held: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_held = is_held

    def resume_reading(self) -> None:
        if self.read_paused and not self._is_held():
            super().resume_reading()


class HttpProtocol(HttpToolsProtocol):
    """One connection. The event loop calls it, and the server calls ``check`` once a second."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: HttpLimits,
        gate: Gate,
    ) -> None:
        """The first four are uvicorn's."""
        super().__init__(config, server_state, app_state, _loop)
        self.parser = self._make_parser()
        self._limits = limits
        self._gate = gate
        self._is_admitted = False
        self._lingers_beyond = False
        self._address = ""
        self._phase = _IDLE
        self._has_turned = False  # whether a head began or ended in the data that is being read
        self._head_bytes = 0
        self._uncounted = 0  # bytes since the phase began, but for a body and its usual framing
        self._progress = 0
        self._discarded = 0
        self._hosts = 0
        self._is_chunked = False
        self._is_replayed = False
        self._problem: ServerProblem | None = None
        self._is_refused = False
        self._deadline = math.inf
        self._reader = AnswerProgress(limits.answer_seconds)

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, if the gate lets the connection in."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self._is_held)
        self._address = self.client[0] if self.client else ""
        self._deadline = self.loop.time() + self._limits.head_seconds
        problem = self._gate.admit(self._address)
        self._is_admitted = problem is None
        if problem is not None:
            self._turn_away(problem)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._deadline = math.inf
        if self._is_admitted:
            self._is_admitted = False
            self._gate.release(self._address)
        if self._lingers_beyond:
            self._lingers_beyond = False
            self._gate.linger_no_longer()

    def data_received(self, data: bytes) -> None:
        """Read what came; what cannot be read any further is refused."""
        if self._is_refused:
            self._discarded += len(data)
            if self._discarded > MAX_LINGERING_BYTES:
                self.transport.abort()
            return
        self._has_turned = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(self._problem or bad_request(_reason(error)))
        else:
            self._after(len(data))

    # What the parser calls

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._fail(bad_request(f"more than {MAX_PIPELINED} requests wait on this connection for an answer"))
        super().on_message_begin()
        self._phase = _HEAD
        self._has_turned = True
        self._head_bytes = self._hosts = 0
        self._is_chunked = False

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        self._head_bytes += len(url)
        if self._head_bytes > self._limits.head_bytes:
            self._fail(uri_too_long(self._limits.head_bytes))
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or one of a body's trailers, which are dropped."""
        if self._phase == _BODY:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.head_bytes or len(self.headers) >= MAX_FIELDS:
            self._fail(headers_too_large(self._limits.head_bytes, MAX_FIELDS))
        name = name.lower()
        if name in _LOOKED_AT:
            self._look_at(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: hand the request to the application, unless it is not one of ours."""
        version = self.parser.get_http_version()
        if version != "1.1" and version != "1.0":
            self._fail(bad_request(f"its version is {version}, expected 1.1 or 1.0"))
        if self._hosts != 1 and (self._hosts or version == "1.1"):
            self._fail(bad_request(f"it has {self._hosts} headers Host, expected one"))
        if self._is_chunked and version == "1.0":
            self._fail(bad_request("Transfer-Encoding came with HTTP/1.0, which has none"))
        self._is_replayed = self._has_ignored_upgrade()
        if self._is_replayed:
            return
        super().on_headers_complete()
        self._phase = _BODY
        self._has_turned = True
        self._progress = self._discarded = 0

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._uncounted -= USUAL_CHUNK_BYTES

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._uncounted -= 2 * len(body)
        if self.cycle.response_complete:
            self._discarded += len(body)
            if self._discarded > MAX_DISCARDED_BYTES:
                self._fail(bad_request("its body goes on after the answer"))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._is_replayed:
            return
        self._phase = _IDLE
        self._has_turned = True
        super().on_message_complete()

    # What the application's side calls

    def on_response_complete(self) -> None:
        """An answer is given: turn to the next request, or wait for one."""
        self.server_state.total_requests += 1
        self._reader.answers += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._problem is not None:
            self._send_refusal(self._problem)
            return
        elif self._phase == _IDLE:
            self._deadline = self.loop.time() + self._limits.keep_alive_seconds
        elif self._is_discarding():
            self._deadline = self.loop.time() + self._limits.discarding_seconds
        self.flow.resume_reading()

    # What the server calls

    def check(self, now: float) -> None:
        """Close or refuse what took too long.

        Args:
            now: The event loop's time in seconds.
        """
        if self._reader.is_stuck(size := self.transport.get_write_buffer_size(), now):
            logger.info("server.reader_dropped", extra={"fields": {"client": self._address, "unsent_bytes": size}})
            self.transport.abort()
        if now < self._deadline or self.transport.is_closing():
            return
        if self._is_refused:
            self.transport.abort()
        elif self._waits_for_us():
            self._deadline = now + self._limits.body_seconds
        elif self._phase == _IDLE or self._is_discarding():
            self.transport.close()
        elif self._phase == _HEAD:
            self._refuse(request_timeout("headers", self._limits.head_seconds))
        else:
            self._refuse(request_timeout("body", self._limits.body_seconds))

    # Parsing

    def _make_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What comes after "Connection: close" must not keep the request before it from being answered.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _look_at(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        else:
            self._is_chunked = True
            if value.lower() != b"chunked":  # with several codings a body would reach the application encoded
                self._fail(bad_request("Transfer-Encoding is something else than chunked"))

    def _after(self, count: int) -> None:
        """Count ``count`` bytes that were read, and say until when more must come."""
        if self._has_turned:
            self._uncounted = 0
            if self._phase != _IDLE:
                self._begin_time_limit()
            else:  # as nearly always: a whole request came at once
                is_answered = self.cycle.response_complete
                self._deadline = self.loop.time() + self._limits.keep_alive_seconds if is_answered else math.inf
            return
        self._uncounted = max(0, self._uncounted + count)
        if self._phase != _BODY:
            if self._uncounted > self._limits.head_bytes:
                self._refuse(headers_too_large(self._limits.head_bytes, MAX_FIELDS))
            return
        self._progress += count
        if self._progress >= MIN_PROGRESS_BYTES and not self._is_discarding():
            self._begin_time_limit()
        if self._uncounted > MAX_FRAMING_BYTES:
            self._refuse(bad_request(f"the framing of its body takes more than {MAX_FRAMING_BYTES} bytes"))

    def _begin_time_limit(self) -> None:
        seconds = self._limits.head_seconds if self._phase == _HEAD else self._limits.body_seconds
        self._deadline = self.loop.time() + seconds
        self._progress = 0

    def _has_ignored_upgrade(self) -> bool:
        """Whether the client would rather speak something else and may as well be answered in HTTP/1.1."""
        if not self.parser.should_upgrade():
            return False
        if self.parser.get_method() == b"CONNECT":
            self._fail(bad_request("its method is CONNECT, and this is not a proxy"))
        offered = b",".join(value for name, value in self.headers if name == b"upgrade").lower().split(b",")
        if b"websocket" in [protocol.strip() for protocol in offered]:
            self._fail(upgrade_required())
        return True

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read a request once more without its header Upgrade, which a server may ignore (RFC 9110, section 7.8)."""
        version = self.parser.get_http_version().encode()
        lines = [b" ".join((self.parser.get_method(), self.url, b"HTTP/" + version))]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = self._make_parser()
        self._is_replayed = False
        self.data_received(b"\r\n".join((*lines, b"", rest)))

    # Waiting and refusing

    def _is_discarding(self) -> bool:
        """Whether the rest of a body comes that was answered before it was whole."""
        return bool(self._phase == _BODY and self.cycle.response_complete)

    def _is_held(self) -> bool:
        return bool(self.pipeline) or (self._problem is not None and not self._is_refused)

    def _waits_for_us(self) -> bool:
        """Whether the client cannot send, since we do not read or have not said that it may."""
        if self.flow.read_paused:
            return True
        return self._phase == _BODY and self.cycle.waiting_for_100_continue and not self.cycle.response_complete

    def _fail(self, problem: ServerProblem) -> NoReturn:
        """End the parser's work, from within one of its calls; ``data_received`` goes on."""
        self._problem = problem
        raise _Refused(problem.error)

    def _refuse(self, problem: ServerProblem) -> None:
        """Answer ``problem`` as soon as earlier requests are answered; nothing is read any more."""
        if self.transport.is_closing():
            return
        self._problem = problem
        self._deadline = math.inf
        cycle = self.cycle
        if self._phase == _BODY and self.pipeline:
            self.pipeline.popleft()  # the request that is refused waits in line itself
        elif self._phase == _BODY:
            has_begun = cycle.response_started
            cycle.disconnected = True  # the application reads no further, and what it sends goes nowhere
            cycle.message_event.set()
            if has_begun:
                self.transport.close()
            else:
                self._send_refusal(problem)
            return
        elif cycle is None or cycle.response_complete:
            self._send_refusal(problem)
            return
        self.flow.pause_reading()

    def _turn_away(self, problem: ServerProblem) -> None:
        """Refuse the connection itself: it counts as none, so that only a few of its kind may stay for a moment."""
        self._lingers_beyond = self._gate.may_linger()
        if self._lingers_beyond:
            self._send_refusal(problem)
            return
        self._is_refused = True
        self._answer(problem)
        self.transport.close()

    def _send_refusal(self, problem: ServerProblem) -> None:
        """Answer and close, but read on for a moment: a client that is still sending would else lose the answer."""
        self._is_refused = True
        self._discarded = 0
        self._answer(problem)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._deadline = self.loop.time() + self._limits.lingering_seconds

    def _answer(self, problem: ServerProblem) -> None:
        given, is_head = b"", False
        if self._phase != _IDLE:
            is_head = self._head_bytes > 0 and self.parser.get_method() == b"HEAD"  # the URL begins after the method
            given = next((value for name, value in self.headers if name == b"x-request-id"), b"")
        name = request_id_for(given.decode("latin-1"))
        fields = {"request_id": name, "error": problem.error, "status": problem.status, "client": self._address}
        logger.info("server.refused", extra={"fields": fields | {"reason": problem.message}})
        self._gate.refused(problem)
        self.transport.write(problem.encode(name, self.server_state.default_headers, has_body=not is_head))


def _reason(error: httptools.HttpParserError) -> str:
    """What is wrong with a request that the parser does not take."""
    if isinstance(error, httptools.HttpParserCallbackError):  # raised in uvicorn's: all it does is to read the URL
        return "its URL cannot be read"
    return str(error)[:200]
