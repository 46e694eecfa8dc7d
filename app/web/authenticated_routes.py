"""Authenticated routes: the key is checked before the body is read, so that a stranger costs next to nothing."""

import inspect
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from functools import partial
from typing import Any, ClassVar, TypeAlias

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app.access.authentication import Caller, authenticate
from app.access.rate_limit import Kind
from app.services.state import Services
from app.web.dependencies import services_of
from app.web.headers import header_of
from app.web.rate_headers import RATE
from app.web.request_bodies import parse_body, read_body, refuse_other_media
from indexing.telemetry import caller_ids

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
"""What answers the requests of a route."""


class AuthenticatedRoute(APIRoute):
    """A route for callers with a key, within their tenant's rate; its dependencies find the caller in ``state.caller``.

    Each request with a valid key counts, whatever becomes of it; one without counts for no tenant. A route that takes a
    thread is refused, not queued, when too many wait for one already.

    Raises (into the application's error answers):
        Unauthorized: no valid key.
        RateLimited: the tenant sent too many requests.
        HTTPException: 415, the body is compressed or no JSON.
        RequestValidationError: the body cannot be parsed.
        Overloaded: too many requests are in progress here.
    """

    counts: ClassVar[Kind] = "requests"
    """Which bucket of the tenant a request is taken from."""

    def get_route_handler(self) -> Handler:
        """See ``APIRoute``."""
        answer = super().get_route_handler()
        takes_thread = not inspect.iscoroutinefunction(self.endpoint)
        takes_body = self.body_field is not None

        async def admitted(request: Request) -> Response:
            services = services_of(request)
            request.state.caller = await admit(request, services, self.counts)
            if takes_body:
                refuse_other_media(request.scope)
            # Before a place is taken: a client that sends slowly holds up no other.
            if await read_body(request) and takes_body:
                await parse_body(request)
            with services.threaded_requests.take() if takes_thread else nullcontext():
                return await answer(request)

        return admitted


class FeedbackRoute(AuthenticatedRoute):
    """A route whose requests have a bucket of their own: a flood of feedback stops no search of its tenant."""

    counts: ClassVar[Kind] = "feedback"


async def admit(request: Request, services: Services, counts: Kind = "requests") -> Caller:
    """Who sends a request, which counts from now on.

    Raises:
        Unauthorized: no valid key.
        RateLimited: the tenant sent too many requests.
    """
    caller = authenticate(services.reads, header_of(request.scope, b"authorization"))
    caller_ids.set((caller.tenant, caller.key_id))
    await count_requests(request, services, caller, counts)
    return caller


async def count_requests(
    request: Request,
    services: Services,
    caller: Caller,
    counts: Kind = "requests",
    count: int = 1,
    *,
    counted: int = 0,
) -> None:
    """Count a request as so many beside those that are ``counted``; its answer says how the tenant stands then.

    Raises:
        RateLimited: the tenant sent too many.
        InvalidInput: it may never send as many at once.
    """
    told = partial(request.scope.__setitem__, RATE)
    await services.limiter.admit(caller.tenant, caller.requests_per_minute, counts, count, told, counted=counted)
