"""The routes of MCP: an endpoint over all collections of a tenant, and one over each."""

from typing import Any

from fastapi import APIRouter, Request, Response

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.schemas.json_rpc import ANSWER_SCHEMA, MESSAGE_SCHEMA, RpcError, read_message
from app.schemas.problems import problems
from app.services.mcp import answer
from app.services.mcp_tools import ToolCaller
from app.web.dependencies import CollectionParam, DeadlineDep, Searcher, services_of
from app.web.headers import header_of
from app.web.mcp_requests import VERSION_HEADER, McpRoute, is_stateless
from app.web.principals import PrincipalsHeader, UserHeader, principals_of, user_of
from app.web.request_bodies import JSON, receive_body
from indexing.catalogue.names import MAX_NAME_CHARS
from indexing.errors import NotFound

router = APIRouter(tags=["mcp"], route_class=McpRoute)

_ANSWER = {"content": {JSON: {"schema": ANSWER_SCHEMA}}}
_MESSAGE = {"requestBody": {"required": True, "content": {JSON: {"schema": MESSAGE_SCHEMA}}}}
_EITHER = {"content": {JSON: {"schema": {"anyOf": [ANSWER_SCHEMA, {"$ref": "#/components/schemas/Problem"}]}}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **problems(504, takes_body=True),
    200: {"description": "The answer to a request; a tool that failed says so in its result.", **_ANSWER},
    202: {"description": "A notification was taken; there is no body."},
    400: {"description": "The body or the headers are not as the protocol has them.", **_EITHER},
    404: {"description": "There is no such method, in the version of the protocol without a handshake.", **_EITHER},
}


@router.post("/mcp", summary="Model Context Protocol", operation_id="mcp", responses=_RESPONSES, openapi_extra=_MESSAGE)
async def mcp(
    request: Request,
    caller: Searcher,
    deadline: DeadlineDep,
    x_groundwork_principals: PrincipalsHeader = None,
    x_groundwork_user: UserHeader = None,
) -> Response:
    """One message of the Model Context Protocol by streamable HTTP: the tools `search` and `fetch`, for agents.

    Versions 2026-07-28 (without a handshake) and 2025-11-25 and 2025-06-18 (with one); no sessions and no streams.
    """
    return await _answer(request, caller, deadline, None)


@router.post(
    "/mcp/{collection}",
    summary="Model Context Protocol over one collection",
    operation_id="mcp_of_collection",
    responses=_RESPONSES,
    openapi_extra=_MESSAGE,
)
async def mcp_of_collection(
    collection: CollectionParam,
    request: Request,
    caller: Searcher,
    deadline: DeadlineDep,
    x_groundwork_principals: PrincipalsHeader = None,
    x_groundwork_user: UserHeader = None,
) -> Response:
    """As `/mcp`, for an agent that is to see one collection and no other."""
    if len(collection) > MAX_NAME_CHARS:
        raise NotFound(f"No collection {collection[:MAX_NAME_CHARS]!r}...: no name is as long.")
    return await _answer(request, caller, deadline, collection)


async def _answer(request: Request, caller: Caller, deadline: Deadline, collection: str | None) -> Response:
    scope = request.scope
    asks = ToolCaller(request, caller, deadline, collection, principals_of(scope), user_of(scope))
    content = await receive_body(request.receive)
    deadline.check()
    request_id: str | int | None = None
    has_shook_hands = False
    try:
        message = read_message(content)
        request_id = message.id
        stateless = is_stateless(scope, message)
        if message.id is None:
            return Response(status_code=202)
        has_shook_hands = not stateless
        services, version = services_of(request), header_of(scope, VERSION_HEADER)
        answered = await answer(services, asks, message, is_stateless=stateless, version=version)
    except RpcError as error:
        status = 200 if has_shook_hands else error.status
        return Response(error.answer(request_id), status_code=status, media_type=JSON)
    return Response(answered.content, media_type=JSON, headers=dict(answered.headers))
