"""Admission: who sends a request is asked before its body is read, so that a stranger costs next to nothing."""

import inspect
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from app import tenancy
from app.deps import services_of
from indexing.telemetry import caller_ids


class AdmittedRoute(APIRoute):
    """A route for callers with a key, within their tenant's rate; its dependencies find the caller in ``state.caller``.

    Each request with a valid key counts, whatever becomes of it; one without counts for nobody. A route that takes a
    thread is refused, not queued, when too many wait for one already.

    Raises (into the application's error answers):
        Unauthorized: no valid key.
        RateLimited: the tenant sent too many requests.
        Overloaded: too many requests are in progress here.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See ``APIRoute``."""
        answer = super().get_route_handler()
        takes_thread = not inspect.iscoroutinefunction(self.endpoint)

        async def admitted(request: Request) -> Response:
            services = services_of(request)
            caller = tenancy.caller_of(services.home.catalogue, request.headers.get("authorization"))
            caller_ids.set((caller.tenant, caller.key_id))
            await services.limiter.admit(caller.tenant, caller.requests_per_minute)
            request.state.caller = caller
            with services.side_door() if takes_thread else nullcontext():
                return await answer(request)

        return admitted
