"""What every request passes first: it gets its id, its body is bounded, and its answer is counted."""

import logging
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.deps import Services
from app.errors import problem_answer
from indexing.telemetry import request_id

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 256 * 1024
"""A search is a query and a few options; anything larger is refused unread."""


class Doorman:
    """Plain ASGI, since a middleware that wraps the response costs more than a search by terms."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through under its id (the caller's, if it sent a sane one)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        name = given if 0 < len(given) <= 128 and given.isascii() and given.isprintable() else uuid.uuid4().hex

        is_answered = False

        async def send_named(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["x-request-id"] = name
                if scope["path"] == "/v1/search":
                    services: Services = scope["app"].state.services
                    release = answer.get("x-release-id", "")
                    services.metrics.requests.labels(str(message["status"]), release).inc()
            await send(message)

        token = request_id.set(name)
        try:
            await self._app(scope, _bounded(receive, headers), send_named)
        except Exception as error:  # what nobody foresaw still gets an id, an answer and a count
            logger.error("request.failed", exc_info=error)
            if is_answered:
                raise
            message = "Something went wrong here that nobody foresaw; the log has it under this request id."
            await problem_answer(500, "Unforeseen", message, {})(scope, receive, send_named)
        finally:
            request_id.reset(token)


def _bounded(receive: Receive, headers: Headers) -> Receive:
    """``receive``, refusing a body that is announced or turns out to be larger than ``MAX_BODY_BYTES``."""
    announced = headers.get("content-length", "")
    is_announced_too_large = announced.isdecimal() and int(announced[:20]) > MAX_BODY_BYTES
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if is_announced_too_large or received > MAX_BODY_BYTES:
            raise HTTPException(413, f"The body is larger than {MAX_BODY_BYTES} bytes: send a shorter query.")
        return message

    return bounded
