"""MCP as a service: what each method of the protocol answers, with and without a handshake."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic_core import to_json

from app.schemas.json_rpc import INVALID_PARAMS, METHOD_NOT_FOUND, RpcError, RpcMessage
from app.schemas.mcp import (
    CAPABILITIES,
    HANDSHAKE_VERSIONS,
    INSTRUCTIONS,
    LIST_TTL_MS,
    SERVER,
    SERVER_META,
    STATELESS_VERSIONS,
    TOOLS,
)
from app.services.mcp_tools import ToolCaller, ToolResult, call_tool
from app.services.state import Services
from app.services.traced_mcp import TracedMessage
from indexing.records import Json
from indexing.telemetry import annotate

_CACHEABLE: dict[str, Json] = {"ttlMs": LIST_TTL_MS, "cacheScope": "public"}
_TOOL_NAMES = ("search", "fetch")


@dataclass(frozen=True, slots=True)
class McpAnswer:
    """The body of an answer and its headers."""

    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


async def answer(
    services: Services, asks: ToolCaller, message: RpcMessage, *, is_stateless: bool, version: str | None = None
) -> McpAnswer:
    """Answer one request. Nothing is kept between two of them, whatever the ``version`` of the protocol.

    Raises:
        RpcError: there is no such method or tool, or its parameters are not as they must be.
        ClientGone: the client has gone.
    """
    with TracedMessage(message, version) as traced:
        try:
            answered = await _answered(services, asks, message, is_stateless=is_stateless)
        except RpcError as error:
            traced.fail(code=error.code)
            raise
        if answered.result.get("isError"):
            traced.fail()
    result = _stateless(answered.result) if is_stateless else answered.result
    return McpAnswer(to_json({"jsonrpc": "2.0", "id": message.id, "result": result}), answered.headers)


async def _answered(services: Services, asks: ToolCaller, message: RpcMessage, *, is_stateless: bool) -> ToolResult:
    annotate(mcp=message.method)
    answered = ToolResult({})
    if message.method == "tools/call":
        answered = await _call(services, asks, message.params)
    elif message.method == "tools/list":
        answered = ToolResult(_tools(message.params, is_stateless=is_stateless))
    elif message.method == "server/discover" and is_stateless:
        answered = ToolResult(_discovered())
    elif message.method == "initialize" and not is_stateless:
        answered = ToolResult(_initialized(message.params))
    elif message.method != "ping" or is_stateless:  # the handshake's answer to a ping is empty
        raise RpcError(METHOD_NOT_FOUND, f"There is no method {message.method!r} here.", status=404)
    return answered


def _stateless(result: Mapping[str, Json]) -> dict[str, Json]:
    """A result that says all by itself: that it is one, and whose."""
    meta = result.get("_meta")
    said = meta if isinstance(meta, dict) else {}
    return {"resultType": "complete", **result, "_meta": {SERVER_META: SERVER, **said}}


async def _call(services: Services, asks: ToolCaller, params: Mapping[str, Json]) -> ToolResult:
    name, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(name, str) or name not in _TOOL_NAMES:
        raise RpcError(INVALID_PARAMS, f"Unknown tool: {str(name)[:100]!r}. There are {' and '.join(_TOOL_NAMES)}.")
    if not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "The arguments of a tool are an object.")
    annotate(tool=name)
    return await call_tool(services, asks, name, arguments)


def _tools(params: Mapping[str, Json], *, is_stateless: bool) -> dict[str, Json]:
    if params.get("cursor") is not None:
        raise RpcError(INVALID_PARAMS, "Unknown cursor: the list of tools has one page.")
    return {"tools": TOOLS, **(_CACHEABLE if is_stateless else {})}


def _discovered() -> dict[str, Json]:
    return {
        "supportedVersions": list(STATELESS_VERSIONS),
        "capabilities": CAPABILITIES,
        "instructions": INSTRUCTIONS,
        **_CACHEABLE,
    }


def _initialized(params: Mapping[str, Json]) -> dict[str, Json]:
    """The version that the client asks for where it is one of these, else the newest, which the client may refuse."""
    asked = params.get("protocolVersion")
    if not isinstance(asked, str):
        raise RpcError(INVALID_PARAMS, "initialize without a protocolVersion: expected a text such as '2025-11-25'.")
    return {
        "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[0],
        "capabilities": CAPABILITIES,
        "serverInfo": SERVER,
        "instructions": INSTRUCTIONS,
    }
