"""The answers that the server gives itself, before or instead of the application, in the shape of every problem."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

MAX_REQUEST_ID_CHARACTERS = 128
"""Longer request ids of callers are replaced: each stands in a header and in every log line of its request.
Our choice."""


@dataclass(frozen=True, slots=True)
class ServerProblem:
    """A refusal: its HTTP status, its name on the wire, what is wrong and what to do, and further headers."""

    status: int
    error: str
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def encode(self, request_id: str, headers: Iterable[tuple[bytes, bytes]] = (), *, has_body: bool = True) -> bytes:
        """The whole HTTP/1.1 answer, after which the connection is closed.

        Args:
            request_id: What the answer is found by in the log.
            headers: What every answer of the server carries, such as its date.
            has_body: Whether the body follows its headers; not in an answer to ``HEAD`` (RFC 9110, section 9.3.2).
        """
        problem = {"error": self.error, "message": self.message, "request_id": request_id}
        body = json.dumps(problem, ensure_ascii=False, separators=(",", ":")).encode()
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}".encode()]
        every = (
            *headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            *(self.headers or ((b"connection", b"close"),)),
        )
        lines += [name + b": " + value for name, value in every]
        return b"\r\n".join([*lines, b"", body if has_body else b""])


def request_id_for(given: str) -> str:
    """The id of a request: the caller's, if it is 1 to 128 printable ASCII characters, else a new one."""
    is_sane = 0 < len(given) <= MAX_REQUEST_ID_CHARACTERS and given.isascii() and given.isprintable()
    return given if is_sane else uuid.uuid4().hex


def bad_request(reason: str) -> ServerProblem:
    """400: the bytes are no HTTP/1.1 request that can be understood in one way only."""
    return ServerProblem(
        400, "BadRequest", f"The request is not valid HTTP/1.1 ({reason}): send it again, well-formed."
    )


def request_timeout(what: str, seconds: float) -> ServerProblem:
    """408: the client did not send the rest of a request in time."""
    message = f"The request's {what} did not arrive within {seconds:g} s: send the request again, without a pause."
    return ServerProblem(408, "RequestTimeout", message)


def uri_too_long(limit: int) -> ServerProblem:
    """414: the request's target alone is larger than the whole head may be."""
    message = f"The URL is longer than {limit} bytes: send what is long in the body of a POST."
    return ServerProblem(414, "UriTooLong", message)


def headers_too_large(limit: int, fields: int) -> ServerProblem:
    """431: request line and headers are too large, or too many."""
    message = f"The URL and headers are larger than {limit} bytes or more than {fields} fields: send fewer."
    return ServerProblem(431, "HeadersTooLarge", message)


def upgrade_required() -> ServerProblem:
    """426: the client wants to speak WebSocket."""
    message = "WebSocket is not spoken here: send the request over HTTP/1.1, without the header Upgrade."
    return ServerProblem(
        426, "UpgradeRequired", message, ((b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade, close"))
    )


def too_many_connections(message: str) -> ServerProblem:
    """503: a connection more than may be open."""
    return ServerProblem(503, "TooManyConnections", message, ((b"retry-after", b"1"), (b"connection", b"close")))
