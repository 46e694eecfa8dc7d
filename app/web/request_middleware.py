"""What every request passes first: it gets its id, its body is bounded, its answer is counted and logged."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.schemas.server_problems import request_id_for
from app.services.state import Services
from app.web.authenticated_routes import FastHandler
from app.web.problems import STATUS, problem_answer, status_of
from app.web.request_text import require_utf8
from indexing.errors import ClientGone, InvalidInput
from indexing.telemetry import caller_ids, log_fields, request_id

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 256 * 1024
"""A search is a query and a few options; anything larger is refused unread."""
MAX_WRITE_BYTES = 8 * 1024 * 1024
"""Of a request below ``/v1/collections/``, which may bring documents."""

_SEARCHES = ("/v1/search", "/v1/context")
_PROBES = ("/livez", "/readyz", "/metrics")


class RequestMiddleware:
    """Plain ASGI, since a middleware that wraps the response costs more than a search by terms."""

    def __init__(
        self,
        app: ASGIApp,
        direct: Mapping[tuple[str, str], FastHandler] | None = None,
        answer_error: Callable[[Request, Exception], Response] | None = None,
    ) -> None:
        """Let requests through to ``app``, or by method and path to what is ``direct``, which costs less.

        ``answer_error`` answers for what is direct when it raises; what it raises itself nobody foresaw.
        """
        self._app = app
        self._direct = direct or {}
        self._answer_error = answer_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through under its id (the caller's, if it sent a sane one)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        visit = _Exchange(scope, headers.get("x-request-id", ""), send)
        fields: dict[str, Any] = {}
        tokens = request_id.set(visit.name), caller_ids.set(None), log_fields.set(fields)
        try:
            await self._answer(scope, _bounded(receive, headers, _limit(scope["path"])), visit.send)
        except ClientDisconnect:  # it left, or was refused, before its body had come: there is no one to answer
            visit.status = visit.status or STATUS[ClientGone]
        except Exception as error:  # what nobody foresaw still gets an id, an answer and a count
            logger.error("request.failed", exc_info=error)
            if visit.status:
                raise
            message = "Something went wrong here that nobody foresaw; the log has it under this request id."
            await problem_answer(500, "Unforeseen", message, {})(scope, receive, visit.send)
        finally:
            visit.log(fields)
            request_id.reset(tokens[0])
            caller_ids.reset(tokens[1])
            log_fields.reset(tokens[2])

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            require_utf8(scope)
        except InvalidInput as error:
            await problem_answer(status_of(error), type(error).__name__, str(error), {})(scope, receive, send)
            return
        direct = self._direct.get((scope["method"], scope["path"]))
        if direct is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await direct(request)
        except Exception as error:
            if self._answer_error is None:
                raise
            response = self._answer_error(request, error)
        await response(scope, receive, send)


class _Exchange:
    """One request on its way through: its id, the status of its answer, and how long it took."""

    def __init__(self, scope: Scope, given: str, send: Send) -> None:
        self.name = request_id_for(given)
        self.status = 0
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send what the application answers under the request's id; count it if it answers a search."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            services: Services = self._scope["app"].state.services
            answer = MutableHeaders(scope=message)
            answer["x-request-id"] = self.name
            if services.is_stopping:
                answer["connection"] = "close"  # whoever comes back must not come back here
            if self._scope["path"] in _SEARCHES:
                services.metrics.count(self.status, answer.get("x-release-id", ""))
        await self._send(message)

    def log(self, fields: dict[str, Any]) -> None:
        """Write the one line that every request has; what probes ask all the time is for debugging alone."""
        level = logging.DEBUG if self._scope["path"] in _PROBES else logging.INFO
        if not logger.isEnabledFor(level):
            return
        path = getattr(self._scope.get("route"), "path", None) or self._scope["path"][:200]
        about = {
            "method": self._scope["method"],
            "path": path,
            "status": self.status,
            "duration_ms": round((time.perf_counter() - self._began) * 1000.0, 3),
        }
        logger.log(level, "request.answered", extra={"fields": about | fields})


def _limit(path: str) -> int:
    return MAX_WRITE_BYTES if path.startswith("/v1/collections/") else MAX_BODY_BYTES


def _bounded(receive: Receive, headers: Headers, limit: int) -> Receive:
    """``receive``, refusing a body that is announced or turns out to be larger than ``limit`` bytes."""
    announced = headers.get("content-length", "")
    is_announced_too_large = announced.isdecimal() and int(announced[:20]) > limit
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if is_announced_too_large or received > limit:
            raise HTTPException(413, f"The body is larger than {limit} bytes: send less at a time.")
        return message

    return bounded
