"""What routes ask FastAPI for: the state of the process, the caller with its scopes, the deadline."""

from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.services.state import Services, services_of


async def _services(request: Request) -> Services:
    return services_of(request)  # FastAPI would run a plain function in a thread


async def caller_of(
    request: Request,
    needed: SecurityScopes,
    _shown_in_docs: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> Caller:
    """Who sends this request, with every scope that the route needs; ``AdmittedRoute`` has admitted it.

    Raises:
        Forbidden: the key lacks a scope.
    """
    caller: Caller = request.state.caller
    for scope in needed.scopes:
        caller.require(scope)
    return caller


async def deadline_of_request(
    request: Request,
    x_timeout_ms: Annotated[
        float | None,
        Header(gt=0, allow_inf_nan=False, description="Milliseconds after which the answer is worth nothing any more."),
    ] = None,
) -> Deadline:
    """Until when the answer is worth having: what the client says, within what the installation allows."""
    return Deadline.within(x_timeout_ms, services_of(request).home.settings.deadline_ms)


Here = Annotated[Services, Depends(_services)]
"""The process's state."""


Timely = Annotated[Deadline, Depends(deadline_of_request)]
"""Until when the answer is worth having."""


Searcher = Annotated[Caller, Security(caller_of, scopes=["search"])]
"""A caller that may search."""


Writer = Annotated[Caller, Security(caller_of, scopes=["write"])]
"""A caller that may change documents."""


Admin = Annotated[Caller, Security(caller_of, scopes=["admin"])]
"""A caller that may look after its tenant."""


Operator = Annotated[Caller, Security(caller_of, scopes=["operator"])]
"""A caller that may look after all tenants."""
