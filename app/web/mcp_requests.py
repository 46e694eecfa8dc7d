"""What HTTP adds to a message of MCP: where it may come from, and headers that must say what the body says."""

import base64
import binascii
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from starlette.types import Scope

from app.schemas.json_rpc import HEADER_MISMATCH, INVALID_PARAMS, UNSUPPORTED_VERSION, RpcError, RpcMessage
from app.schemas.mcp import CAPABILITIES_META, HANDSHAKE_VERSIONS, STATELESS_VERSIONS, VERSION_META
from app.web.authenticated_routes import Handler, admit
from app.web.dependencies import services_of
from app.web.fast_routes import FastRoute, deadline_of
from app.web.headers import header_of
from app.web.request_bodies import refuse_other_media
from indexing.errors import Forbidden
from indexing.settings import origins_of

VERSION_HEADER = b"mcp-protocol-version"
"""Says the version of the protocol that a request speaks."""

_METHOD, _NAME = b"mcp-method", b"mcp-name"


class McpRoute(FastRoute):
    """A route for ``async (request, caller, deadline, **path) -> Response``, which reads its body, with ``search``.

    Raises (into the application's error answers):
        Forbidden: the request comes from a web page that may not send any, or the key lacks the scope ``search``.
        Unauthorized, RateLimited, HTTPException, RequestValidationError: as ``FastRoute``, but for the body.
    """

    def get_route_handler(self) -> Handler:
        """See ``APIRoute``."""
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint

        async def answer(request: Request) -> Response:
            services = services_of(request)
            settings = services.home.settings
            _refuse_other_origins(request.scope, origins_of(settings.mcp_origins))
            caller = await admit(request, services)
            caller.require("search")
            deadline = deadline_of(request.scope, settings.deadline_ms)
            refuse_other_media(request.scope)
            return await endpoint(request=request, caller=caller, deadline=deadline, **request.path_params)

        return answer


def _refuse_other_origins(scope: Scope, allowed: frozenset[str]) -> None:
    """Only browsers send ``Origin``; a page of another site could reach a server that listens on this machine alone.

    Raises:
        Forbidden: the page is of no site that the settings name.
    """
    origin = header_of(scope, b"origin")
    if origin is not None and origin.lower() not in allowed:
        raise Forbidden(
            f"Requests from pages of {origin[:200]!r} are not taken here: name it in GROUNDWORK_MCP_ORIGINS, or send"
            " no Origin from a program."
        )


def is_stateless(scope: Scope, message: RpcMessage) -> bool:
    """Whether a message says all by itself (2026-07-28), or belongs to a client that began with a handshake.

    Raises:
        RpcError: its version is not spoken here, its headers do not say what its body says, or it lacks what every
            request of its version has.
    """
    header, meta = header_of(scope, VERSION_HEADER), message.meta
    said = meta.get(VERSION_META) if isinstance(meta, dict) else None
    if message.id is None:  # of notifications no version says which headers they have
        _require_known(header)
        return header in STATELESS_VERSIONS
    if said is None and header not in STATELESS_VERSIONS:
        _require_known(header)
        return False
    if not isinstance(said, str) or not isinstance(meta, dict) or not isinstance(meta.get(CAPABILITIES_META), dict):
        raise RpcError(INVALID_PARAMS, f"params._meta needs {VERSION_META!r}, a text, and {CAPABILITIES_META!r}.")
    _require_header(scope, VERSION_HEADER, said)
    if said not in STATELESS_VERSIONS:
        raise _unsupported(said)
    _require_header(scope, _METHOD, message.method)
    if message.method == "tools/call":
        _require_header(scope, _NAME, message.params.get("name"))
    return True


def _require_known(version: str | None) -> None:
    """A client that names no version has been told one by ``initialize``, or speaks one that has no such header."""
    if version is not None and version not in STATELESS_VERSIONS + HANDSHAKE_VERSIONS:
        raise _unsupported(version)


def _unsupported(version: str) -> RpcError:
    supported = [*STATELESS_VERSIONS, *HANDSHAKE_VERSIONS]
    data = {"supported": supported, "requested": version[:100]}
    message = f"Unsupported protocol version {version[:100]!r}: expected one of {', '.join(supported)}."
    return RpcError(UNSUPPORTED_VERSION, message, data=data)


def _require_header(scope: Scope, name: bytes, expected: object) -> None:
    """Refuse a header that is missing, there twice, or says another thing than the body; so no proxy is deceived."""
    found = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    if not isinstance(expected, str) or (found != [expected] and [_decoded(one) for one in found] != [expected]):
        shown = found[0][:100] if len(found) == 1 else f"{len(found)} headers"
        message = f"Header mismatch: {name.decode()} is {shown!r}, and the body says {str(expected)[:100]!r}."
        raise RpcError(HEADER_MISMATCH, message)


def _decoded(value: str) -> str | None:
    """What a header says that had to be written in Base64, ``=?base64?...?=``; ``None`` if it cannot be read."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
