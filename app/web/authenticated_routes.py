"""Authenticated routes: the key is checked before the body is read, so that a stranger costs next to nothing."""

import inspect
from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext
from typing import Annotated, Any, TypeAlias, get_type_hints

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from app.access.authentication import Caller, caller_of
from app.access.deadline import Deadline
from app.services.state import Services
from app.web.dependencies import TIMEOUT_HEADER, services_of
from indexing.errors import ClientGone
from indexing.telemetry import caller_ids

FastHandler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
"""What answers a request without the application's routing."""
_MILLISECONDS: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(gt=0, allow_inf_nan=False)])


class AuthenticatedRoute(APIRoute):
    """A route for callers with a key, within their tenant's rate; its dependencies find the caller in ``state.caller``.

    Each request with a valid key counts, whatever becomes of it; one without counts for nobody. A route that takes a
    thread is refused, not queued, when too many wait for one already.

    Raises (into the application's error answers):
        Unauthorized: no valid key.
        RateLimited: the tenant sent too many requests.
        Overloaded: too many requests are in progress here.
    """

    def get_route_handler(self) -> FastHandler:
        """See ``APIRoute``."""
        answer = super().get_route_handler()
        takes_thread = not inspect.iscoroutinefunction(self.endpoint)

        async def admitted(request: Request) -> Response:
            services = services_of(request)
            await _admit(request, services)
            await _read(request)  # before a place is taken: who sends slowly holds up nobody else
            with services.threaded_requests.take() if takes_thread else nullcontext():
                return await answer(request)

        return admitted


class FastRoute(APIRoute):
    """An ``AuthenticatedRoute`` for ``async (body, request, caller, deadline) -> Response`` with the scope ``search``.

    Its arguments are made here and not by FastAPI's injection, which costs as much as a search; the signature says the
    same to the OpenAPI document.

    Raises (into the application's error answers):
        Unauthorized, RateLimited: as ``AuthenticatedRoute``.
        Forbidden: the key lacks the scope ``search``.
        RequestValidationError: the body or the header ``x-timeout-ms`` is malformed.
    """

    def get_route_handler(self) -> FastHandler:
        """See ``APIRoute``."""
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        body_type: type[BaseModel] = get_type_hints(endpoint)["body"]

        async def direct(request: Request) -> Response:
            services = services_of(request)
            caller = await _admit(request, services)
            caller.require("search")
            deadline = _deadline(request.headers, services.home.settings.deadline_ms)
            content = await _read(request)
            try:
                body = body_type.model_validate_json(content)
            except ValidationError as error:
                raise _malformed(error, "body") from error
            return await endpoint(body=body, request=request, caller=caller, deadline=deadline)

        return direct


def fast_routes(*routers: APIRouter) -> dict[tuple[str, str], FastHandler]:
    """What answers each ``FastRoute`` of some routers, by method and path."""
    return {
        (method, route.path): route.get_route_handler()
        for router in routers
        for route in router.routes
        if isinstance(route, FastRoute)
        for method in route.methods or ()
    }


async def _admit(request: Request, services: Services) -> Caller:
    caller = caller_of(services.reads, request.headers.get("authorization"))
    caller_ids.set((caller.tenant, caller.key_id))
    await services.limiter.admit(caller.tenant, caller.requests_per_minute)
    request.state.caller = caller
    return caller


async def _read(request: Request) -> bytes:
    """The body, which is kept for whoever reads it next."""
    try:
        return await request.body()
    except ClientDisconnect as gone:
        raise ClientGone("The client has gone.") from gone


def _deadline(headers: Mapping[str, str], most_ms: float) -> Deadline:
    asked = headers.get(TIMEOUT_HEADER)
    try:
        return Deadline.within(None if asked is None else _MILLISECONDS.validate_python(asked), most_ms)
    except ValidationError as error:
        raise _malformed(error, "header", TIMEOUT_HEADER) from error


def _malformed(error: ValidationError, *where: str) -> RequestValidationError:
    faults = error.errors(include_url=False, include_context=False)
    return RequestValidationError([{**fault, "loc": (*where, *fault["loc"])} for fault in faults])
