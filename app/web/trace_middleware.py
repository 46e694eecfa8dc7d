"""What becomes of each request, told to a collector of traces once it is answered. Stands there only where one is."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.state import Services
from app.tracing.operations import Attribute, Operation, RemoteContext, RequestTrace, current_trace
from app.web.headers import header_of

logger = logging.getLogger(__name__)
_UNTOLD = ("/livez", "/readyz", "/metrics")
"""What probes ask all the time."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods that are told by their names; any other is a client's text."""


class TraceMiddleware:
    """The outermost: it sees what every client sees."""

    def __init__(self, app: ASGIApp) -> None:
        """Let requests through to ``app``, which has its state."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and tell of it afterwards."""
        if scope["type"] != "http" or scope["path"] in _UNTOLD:
            await self._app(scope, receive, send)
            return
        status, named = 500, ""

        async def noted(message: Message) -> None:
            nonlocal status, named
            if message["type"] == "http.response.start":
                status, named = message["status"], header_of(message, b"x-request-id") or ""
            await send(message)

        trace = RequestTrace(_caller_of(scope))
        token = current_trace.set(trace)
        try:
            await self._app(scope, receive, noted)
        finally:
            current_trace.reset(token)
            _tell(scope, trace, status, named)


def _tell(scope: Scope, trace: RequestTrace, status: int, named: str) -> None:
    """Tell of a request; whatever fails in that is no failure of the request."""
    services: Services = scope["app"].state.services
    if services.collector is None:
        return
    try:
        services.collector.tell(trace, _operation(scope, trace, status, named))
    except Exception:
        logger.exception("trace.not_told")


def _operation(scope: Scope, trace: RequestTrace, status: int, named: str) -> Operation:
    """The request as OpenTelemetry's conventions for HTTP have it, without what a path may hold of a tenant's names."""
    path = getattr(scope.get("route"), "path", None)
    method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
    attributes: dict[str, Attribute] = {
        "http.request.method": method,
        "http.response.status_code": status,
        "url.scheme": scope["scheme"],
        "groundwork.request_id": named,
    }
    if path is not None:
        attributes["http.route"] = path
    return Operation(
        method if path is None else f"{method} {path}",
        "server",
        trace.began,
        trace.now(),
        attributes,
        error=str(status) if status >= 500 else None,
        children=[part() for part in trace.take_parts()],
        events=trace.events,
    )


def _caller_of(scope: Scope) -> RemoteContext | None:
    parent = header_of(scope, b"traceparent")
    return None if parent is None else RemoteContext(parent, header_of(scope, b"tracestate") or "")
