"""What every request passes first: it gets its id, its body is bounded, its answer is counted and logged."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.schemas.server_problems import request_id_for
from app.services.state import Services
from app.web.headers import header_of
from app.web.problems import STATUS
from app.web.rate_headers import RATE, rate_headers
from app.web.request_text import require_utf8
from indexing.errors import ClientGone
from indexing.telemetry import caller_ids, log_fields, request_id

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 256 * 1024
"""A search is a query and a few options; anything larger is refused unread. Our choice."""
MAX_WRITE_BYTES = 8 * 1024 * 1024
"""Of a request that may bring documents or many texts, or name many files. Our choice."""
MAX_BATCH_BYTES = 2 * 1024 * 1024
"""Of a batch of searches: fifty, of 40 KB each. Our choice: reading one takes the event loop some 10 ms."""
FORM_BYTES = 1024 * 1024
"""Of a form beside the bytes of its files: fields, names and boundaries. Our choice."""
_UPLOADS = re.compile(r"/v1/(?:collections/[^/]+/uploads|files|uploads/[^/]+/parts)")
"""The paths of forms with files."""

_BATCHES = "/v1/search:batch"
_WRITES = ("/v1/collections/", "/v1/embeddings", "/v1/rerank", "/v2/rerank", "/rerank")
_SEARCHES = ("/v1/search", "/v1/context")
_PROBES = ("/livez", "/readyz", "/metrics")


class RequestMiddleware:
    """Plain ASGI, since a middleware that wraps the response costs more than a search by terms."""

    def __init__(self, app: ASGIApp, answer_error: Callable[[Request, Exception], Response]) -> None:
        """Let requests through to ``app``; ``answer_error`` has an answer for whatever it raises."""
        self._app = app
        self._answer_error = answer_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through under its id (the caller's, if it sent a sane one)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, header_of(scope, b"x-request-id") or "", send)
        fields: dict[str, Any] = {}
        tokens = request_id.set(exchange.name), caller_ids.set(None), log_fields.set(fields)
        try:
            require_utf8(scope)
            announced = header_of(scope, b"content-length") or ""
            await self._app(exchange.scope, _bounded(receive, announced, _limit(scope)), exchange.send)
        except ClientDisconnect:  # it left, or was refused, before its body had come: there is no one to answer
            exchange.status = exchange.status or STATUS[ClientGone]
        except Exception as error:  # every error gets an answer, unless one has begun already
            if exchange.status:
                logger.error("request.broken_off", exc_info=error)
                raise
            response = self._answer_error(Request(exchange.scope, receive), error)
            await response(exchange.scope, receive, exchange.send)
        finally:
            exchange.log(fields)
            request_id.reset(tokens[0])
            caller_ids.reset(tokens[1])
            log_fields.reset(tokens[2])


class _Exchange:
    """One request on its way through: its id, the status of its answer, and how long it took.

    ``scope`` is what the application is given. For it, ``HEAD`` is ``GET``; the answer goes without its body.
    """

    def __init__(self, scope: Scope, given: str, send: Send) -> None:
        self.name = request_id_for(given)
        self.status = 0
        self.scope: Scope = {**scope, "method": "GET", "extensions": {}} if scope["method"] == "HEAD" else scope
        self._method = scope["method"]
        self._send = send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send what the application answers under the request's id; count it if it answers a search."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            services: Services = self.scope["app"].state.services
            if _is_search(self.scope["path"]):
                services.metrics.count(self.status, header_of(message, b"x-release-id") or "")
            added = [(b"x-request-id", self.name.encode())]
            if (rate := self.scope.get(RATE)) is not None:
                added += rate_headers(rate)
            if services.is_stopping:
                added.append((b"connection", b"close"))  # the client's next request goes to another process
            message = {**message, "headers": [*message["headers"], *added]}
        elif self._method == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)

    def log(self, fields: dict[str, Any]) -> None:
        """Write the one line that every request has; what probes ask all the time is for debugging alone."""
        level = logging.DEBUG if self.scope["path"] in _PROBES else logging.INFO
        if not logger.isEnabledFor(level):
            return
        path = getattr(self.scope.get("route"), "path", None) or self.scope["path"][:200]
        about = {
            "method": self._method,
            "path": path,
            "status": self.status,
            "duration_ms": round((time.perf_counter() - self._began) * 1000.0, 3),
        }
        logger.log(level, "request.answered", extra={"fields": about | fields})


def _is_search(path: str) -> bool:
    return path in _SEARCHES or (path.startswith("/v1/vector_stores/") and path.endswith("/search"))


def _limit(scope: Scope) -> int:
    path: str = scope["path"]
    if scope["method"] == "POST" and _UPLOADS.fullmatch(path):
        services: Services = scope["app"].state.services
        return services.home.settings.max_upload_mb * 1_000_000 + FORM_BYTES
    if path == _BATCHES:
        return MAX_BATCH_BYTES
    return MAX_WRITE_BYTES if path.startswith(_WRITES) or path.endswith("/file_batches") else MAX_BODY_BYTES


def _bounded(receive: Receive, announced: str, limit: int) -> Receive:
    """``receive``, refusing a body that is announced or turns out to be larger than ``limit`` bytes."""
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
