"""Fast routes: Starlette's routes, asked before FastAPI's, that make an endpoint's arguments without injection."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.deadline import Deadline
from app.services.state import Services
from app.web.authenticated_routes import Handler, admit
from app.web.dependencies import TIMEOUT_HEADER, services_of
from app.web.headers import header_of
from app.web.request_bodies import receive_body, refuse_other_media

BATCH_MS = 120_000.0
"""Milliseconds that a ``BatchRoute`` may take: 2,048 passages take a core some 60 s.
Source: 67 passages a second on two (benchmarks/results/encode.json)."""
_TIMEOUT = TIMEOUT_HEADER.encode()
_MILLISECONDS: TypeAdapter[float] = TypeAdapter(Annotated[float, Field(gt=0, allow_inf_nan=False)])


class FastRoute(APIRoute):
    """A route for ``async (body, request, caller, deadline, **path) -> Response`` with the scope ``search``.

    This describes the endpoint to the OpenAPI document; ``FastRoutes`` has the Starlette route that answers. The
    endpoint's arguments are made here and not by FastAPI's injection, which costs as much as a search; the signature
    says the same. Path parameters come as Starlette makes them (``{collection}``, ``{number:int}``).

    Raises (into the application's error answers):
        Unauthorized, RateLimited: as ``AuthenticatedRoute``.
        Forbidden: the key lacks the scope ``search``.
        HTTPException: 415, the body is compressed or no JSON.
        RequestValidationError: the body or the header ``x-timeout-ms`` is malformed.
    """

    def get_route_handler(self) -> Handler:
        """See ``APIRoute``."""
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint
        body_type: type[BaseModel] = get_type_hints(endpoint)["body"]

        async def answer(request: Request) -> Response:
            services = services_of(request)
            caller = await admit(request, services)
            caller.require("search")
            deadline = deadline_of(request.scope, self.most_ms(services))
            refuse_other_media(request.scope)
            content = await receive_body(request.receive)
            try:
                body = body_type.model_validate_json(content)
            except ValidationError as error:
                raise _malformed(error, "body") from error
            return await endpoint(body=body, request=request, caller=caller, deadline=deadline, **request.path_params)

        return answer

    def most_ms(self, services: Services) -> float:
        """How long a request may take at most, in milliseconds."""
        return services.home.settings.deadline_ms


class BatchRoute(FastRoute):
    """A fast route whose requests bring a batch of work, which takes longer than a search."""

    def most_ms(self, services: Services) -> float:
        """See ``FastRoute``."""
        return max(BATCH_MS, services.home.settings.deadline_ms)


class _StarletteRoute(Route):
    """Answers for a ``FastRoute``, and is what the log calls the request's route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See ``Route``."""
        match, found = super().matches(scope)
        if match is not Match.NONE:
            found["route"] = self
        return match, found


class _Endpoint:
    """An ASGI application: Starlette would wrap a function in one more layer that answers errors."""

    def __init__(self, answer: Handler) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)


class FastRoutes:
    """Asks the fast routes first, and hands what none of them takes to the application."""

    def __init__(self, app: ASGIApp, routers: Iterable[APIRouter]) -> None:
        """Stand before ``app``, which describes the ``FastRoute``s of ``routers`` and takes all else."""
        self._app = app
        self._routes = [
            _StarletteRoute(route.path, _Endpoint(route.get_route_handler()), methods=route.methods, name=route.name)
            for router in routers
            for route in router.routes
            if isinstance(route, FastRoute)
        ]
        self._plain = {
            (method, route.path): route
            for route in self._routes
            for method in route.methods or ()
            if not route.param_convertors
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the first route answer that takes both path and method; errors are the caller's, as the application's."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        plain = self._plain.get((scope["method"], scope["path"]))
        if plain is not None:  # no pattern is needed where a path has no parameters
            scope.update(route=plain, endpoint=plain.endpoint, path_params={})
            await plain.app(scope, receive, send)
            return
        for route in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                await route.handle(scope, receive, send)
                return
        await self._app(scope, receive, send)


def deadline_of(scope: Scope, most_ms: float) -> Deadline:
    """Until when an answer is worth having: what the header says, within what the installation allows.

    Raises:
        RequestValidationError: the header is malformed.
    """
    asked = header_of(scope, _TIMEOUT)
    try:
        return Deadline.within(None if asked is None else _MILLISECONDS.validate_python(asked), most_ms)
    except ValidationError as error:
        raise _malformed(error, "header", TIMEOUT_HEADER) from error


def _malformed(error: ValidationError, *where: str) -> RequestValidationError:
    faults = error.errors(include_url=False, include_context=False)
    return RequestValidationError([{**fault, "loc": (*where, *fault["loc"])} for fault in faults])
