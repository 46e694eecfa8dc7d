"""One call from its first try to its answer, without waiting or sending itself: what sync and async share."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from groundwork_client.answer import Answer, HttpFacts
from groundwork_client.calls import Call, content_of, form_of, headers_of, query_of
from groundwork_client.errors import ConnectionFailed, TimedOut, UnreadableAnswer, status_error
from groundwork_client.retries import Retries

T = TypeVar("T")

GRACE_SECONDS = 1.0
"""Our choice: how long after a call's deadline the API's own answer, 504, is waited for."""


@dataclass(slots=True)
class Exchange:
    """The tries of one call."""

    call: Call
    retries: Retries
    clock: Callable[[], float] = time.monotonic
    tries: int = 0
    _ends_at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.call.timeout_ms is not None:
            self._ends_at = self.clock() + self.call.timeout_ms / 1000

    def next_request(self, client: httpx.Client | httpx.AsyncClient, url: str, opened: ExitStack) -> httpx.Request:
        """The request of the next try; what of the deadline is left goes with it."""
        self.tries += 1
        call, headers = self.call, headers_of(self.call)
        left, timeout = self._left(), client.timeout
        if left is not None:
            headers["x-timeout-ms"] = str(max(1, round(left * 1000)))
            timeout = _shortened(timeout, left + GRACE_SECONDS)
        where, params = url + call.path, query_of(call)
        if call.form is not None:
            fields, files = form_of(call, opened)
            return client.build_request(
                call.method, where, params=params, headers=headers, data=fields, files=files, timeout=timeout
            )
        content = content_of(call)
        if content is not None:
            headers["content-type"] = "application/json"
        return client.build_request(
            call.method, where, params=params, headers=headers, content=content, timeout=timeout
        )

    def wait_after(self, outcome: httpx.Response | httpx.TransportError) -> float | None:
        """Seconds to wait before the next try, or None if the outcome is a success.

        Raises:
            StatusError: The API answered with an error, and no try is left, or none makes sense.
            ConnectionFailed: There was no answer, and likewise.
        """
        if isinstance(outcome, httpx.TransportError):
            wait = self.retries.after_failure(self.call, outcome, self.tries)
            if wait is None or self._is_over_after(wait):
                raise self._failed(outcome) from outcome
            return wait
        if outcome.is_success:
            return None
        error = status_error(outcome.status_code, _headers(outcome), _json_or_none(outcome), outcome.text)
        wait = self.retries.after_answer(self.call, error.status, error.error, error.headers, self.tries)
        if wait is None or self._is_over_after(wait):
            raise error
        return wait

    def answer(self, response: httpx.Response, read: Callable[[Any], T]) -> T:
        """What a successful response says.

        Raises:
            UnreadableAnswer: It is not what the OpenAPI document says.
        """
        is_json = response.headers.get("content-type", "").startswith("application/json")
        try:
            found = read(response.json() if is_json else response.text)
        except (ValidationError, ValueError) as error:
            raise UnreadableAnswer(f"{self._name()}: {error}") from error
        if isinstance(found, Answer):
            found.keep_http(HttpFacts(response.status_code, _headers(response), self.tries))
        return found

    def json(self, response: httpx.Response) -> Any:
        """The JSON of a successful response, or None if it has no body.

        Raises:
            UnreadableAnswer: It is no JSON.
        """
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise UnreadableAnswer(f"{self._name()}: {error}") from error

    def _left(self) -> float | None:
        return None if self._ends_at is None else self._ends_at - self.clock()

    def _is_over_after(self, wait: float) -> bool:
        left = self._left()
        return left is not None and wait >= left

    def _failed(self, failure: httpx.TransportError) -> ConnectionFailed:
        kind = TimedOut if isinstance(failure, httpx.TimeoutException) else ConnectionFailed
        told = str(failure) or type(failure).__name__
        return kind(f"{self._name()} got no answer in {self.tries} tries: {told}")

    def _name(self) -> str:
        return f"{self.call.method} {self.call.path}"


def _shortened(timeout: httpx.Timeout, longest: float) -> httpx.Timeout:
    parts = timeout.as_dict()
    return httpx.Timeout(**{name: longest if value is None else min(value, longest) for name, value in parts.items()})


def _headers(response: httpx.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _json_or_none(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
