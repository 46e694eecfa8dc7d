"""Requests of MCP as a collector of traces is told them: by the names of OpenTelemetry's conventions.

Source: semantic-conventions@7b0c0fe1e, docs/gen-ai/mcp.md.
"""

import time
from collections.abc import Callable
from functools import partial

from app.schemas.json_rpc import RpcMessage
from app.tracing.operations import Attribute, Operation, RemoteContext, RequestTrace, current_trace
from indexing.records import Json

MEASURED_AS = "mcp.server.operation.duration"
"""The histogram of requests."""
_MAX_HEADER = 512
"""Characters of ``traceparent`` and ``tracestate`` that are read. Source: W3C Trace Context, which asks for 512."""
KNOWN_METHODS = ("initialize", "ping", "server/discover", "tools/list", "tools/call")
"""Methods that are told by their names; any other is a client's text."""


class TracedMessage:
    """One request while it is answered: a context manager that notes it, where a collector is told. See ``fail``."""

    def __init__(self, message: RpcMessage, version: str | None) -> None:
        """Begin; ``version`` is that of the protocol, as far as it is known."""
        self._message, self._version = message, version
        self._trace: RequestTrace | None = None
        self._began = 0.0
        self._error: str | None = None
        self._code: int | None = None

    def fail(self, *, code: int | None = None) -> None:
        """Say that it failed: with a code of the protocol, or in the tool."""
        self._error, self._code = "tool_error" if code is None else str(code), code

    def __enter__(self) -> "TracedMessage":
        """Begin."""
        self._trace, self._began = current_trace.get(), time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        """Note it with the operations that were done for it."""
        if self._trace is not None:
            self._trace.add(partial(self._operation, self._trace.take_parts(), time.perf_counter()))

    def _operation(self, parts: list[Callable[[], Operation]], ended: float) -> Operation:
        message = self._message
        method = message.method if message.method in KNOWN_METHODS else "_OTHER"
        attributes: dict[str, Attribute] = {
            "mcp.method.name": method,
            "jsonrpc.request.id": str(message.id),
            "network.protocol.name": "http",
            "network.transport": "tcp",
        }
        if self._version is not None:
            attributes["mcp.protocol.version"] = self._version
        if self._code is not None:
            attributes["rpc.response.status_code"] = str(self._code)
        tool = message.params.get("name") if method == "tools/call" else None
        if tool in ("search", "fetch"):
            attributes |= {"gen_ai.tool.name": str(tool), "gen_ai.operation.name": "execute_tool"}
        return Operation(
            f"{method} {tool}" if "gen_ai.tool.name" in attributes else method,
            "server",
            self._began,
            ended,
            attributes,
            error=self._error,
            children=[part() for part in parts],
            caller=_caller_of(message.meta),
            measured_as=MEASURED_AS,
        )


def _caller_of(meta: Json) -> RemoteContext | None:
    """The operation that a client says its request is part of."""
    if not isinstance(meta, dict):
        return None
    parent, state = meta.get("traceparent"), meta.get("tracestate", "")
    if not (isinstance(parent, str) and isinstance(state, str)) or max(len(parent), len(state)) > _MAX_HEADER:
        return None
    return RemoteContext(parent, state)
