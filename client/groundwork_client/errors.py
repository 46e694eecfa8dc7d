"""What can go wrong, as classes: by status, or without an answer."""

from collections.abc import Mapping
from typing import Any


class GroundworkError(Exception):
    """Anything that goes wrong in this client or at the API."""


class ConnectionFailed(GroundworkError):
    """There was no answer: the API could not be reached, or the connection broke."""


class TimedOut(ConnectionFailed):
    """There was no answer in time, or what was waited for did not come about."""


class UnreadableAnswer(GroundworkError):
    """The answer is not what the API's OpenAPI document says; is the URL that of Groundwork, of this version?"""


class StatusError(GroundworkError):
    """The API answered with an error.

    Attributes:
        status: The HTTP status.
        error: What went wrong, in one word, such as ``QuotaExceeded``; see docs/operations.md.
        message: The offending value, what was expected, what to do.
        request_id: The request's id in the API's log.
        headers: The answer's headers, by names in small letters.
        body: The whole answer, where it is JSON.
    """

    def __init__(
        self, status: int, error: str, message: str, request_id: str, headers: Mapping[str, str], body: Any
    ) -> None:
        super().__init__(f"{status} {error}: {message} (request {request_id or 'without an id'})")
        self.status = status
        self.error = error
        self.message = message
        self.request_id = request_id
        self.headers = headers
        self.body = body


class InvalidRequest(StatusError):
    """400: a value that cannot be."""


class Unauthorized(StatusError):
    """401: no key, or one that is not valid."""


class Forbidden(StatusError):
    """403: the key has not the scope, or not the collection."""


class NotFound(StatusError):
    """404: it does not exist for this tenant."""


class Conflict(StatusError):
    """409: it exists already, or something else stands in the way."""


class PreconditionFailed(StatusError):
    """412: ``if_match`` names another version, or ``min_seq`` is not there yet."""


class PayloadTooLarge(StatusError):
    """413: more bytes than the API takes."""


class MalformedRequest(StatusError):
    """422: the body, path or query does not follow the OpenAPI document."""


class TooManyRequests(StatusError):
    """429: beyond the tenant's rate or quota, also after the retries."""


class ServerError(StatusError):
    """5xx: the API failed."""


class Unavailable(ServerError):
    """503: overloaded, not ready, or without what it needs, also after the retries."""


class DeadlineExceeded(ServerError):
    """504: not done within ``timeout_ms``."""


BY_STATUS: Mapping[int, type[StatusError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    413: PayloadTooLarge,
    422: MalformedRequest,
    429: TooManyRequests,
    503: Unavailable,
    504: DeadlineExceeded,
}
"""The class of a status; any other is ``ServerError`` from 500 on, and ``StatusError`` below."""


def status_error(status: int, headers: Mapping[str, str], body: Any, text: str) -> StatusError:
    """The exception of an answer, by any of the shapes that the API's doors have.

    Args:
        status: The HTTP status.
        headers: Names in small letters.
        body: The answer's JSON, or None if it is none.
        text: The answer as text, of which the beginning is told where there is no JSON.
    """
    said = body if isinstance(body, Mapping) else {}
    nested = said.get("error")
    if isinstance(nested, Mapping):  # OpenAI's shape
        error, message = nested.get("code") or nested.get("type"), nested.get("message")
    else:
        error, message = nested or said.get("error_code"), said.get("message") or said.get("error_msg")
    name = str(error or f"Http{status}")
    told = str(message or text[:200] or "The answer has no body.")
    request_id = str(said.get("request_id") or headers.get("x-request-id", ""))
    kind = BY_STATUS.get(status, ServerError if status >= 500 else StatusError)
    return kind(status, name, told, request_id, headers, body)
