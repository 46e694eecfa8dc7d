"""What routes ask FastAPI for: the state of the process, the caller with its scopes, the deadline."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.schemas.principals import MAX_PRINCIPALS
from app.services.state import Services
from indexing.catalogue.names import MAX_NAME_CHARS
from indexing.sources.field_checks import MAX_ID_CHARS

TIMEOUT_HEADER = "x-timeout-ms"
"""Says, in milliseconds, how long the answer is worth having."""


def services_of(request: Request) -> Services:
    """The process's state."""
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:
    return services_of(request)  # FastAPI would run a plain function in a thread


async def admitted_caller(
    request: Request,
    needed: SecurityScopes,
    _shown_in_docs: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> Caller:
    """Who sends this request, with every scope that the route needs; ``AuthenticatedRoute`` has admitted it.

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
        Annotated[float, Field(gt=0, allow_inf_nan=False)] | SkipJsonSchema[None],
        Header(description="Milliseconds after which the answer is worth nothing any more."),
    ] = None,
) -> Deadline:
    """Until when the answer is worth having: what the client says, within what the installation allows."""
    return Deadline.within(x_timeout_ms, services_of(request).home.settings.deadline_ms)


async def _caller_of_all(
    caller: Annotated[Caller, Security(admitted_caller, scopes=["write"])],
) -> Caller:
    caller.require_unbound("this belongs to the whole tenant")
    return caller


ServicesDep = Annotated[Services, Depends(_services)]
"""The process's state."""
DeadlineDep = Annotated[Deadline, Depends(deadline_of_request)]
"""Until when the answer is worth having."""
Searcher = Annotated[Caller, Security(admitted_caller, scopes=["search"])]
"""A caller that may search."""
Writer = Annotated[Caller, Security(admitted_caller, scopes=["write"])]
"""A caller that may change documents."""
TenantWriter = Annotated[Caller, Depends(_caller_of_all)]
"""A caller that may change documents of every collection of its tenant."""
Admin = Annotated[Caller, Security(admitted_caller, scopes=["admin"])]
"""A caller that may look after its tenant."""
Operator = Annotated[Caller, Security(admitted_caller, scopes=["operator"])]
"""A caller that may look after all tenants."""
CollectionParam = Annotated[
    str,
    Path(
        description=f"1 to {MAX_NAME_CHARS} printable characters in NFKC form, no '/'.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_NAME_CHARS},
    ),
]
"""The name of a collection in a path."""
DocumentIdParam = Annotated[
    str,
    Path(
        description=f"1 to {MAX_ID_CHARS} characters, percent-encoded; slashes may stay.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_ID_CHARS},
    ),
]
"""The id of a document in a path."""
PrincipalsParam = Annotated[
    list[str] | SkipJsonSchema[None],
    Query(
        max_length=MAX_PRINCIPALS,
        description="Who asks: only what these may see. Left out, a key with the scope `write` sees everything, any"
        " other only documents without an `allow` list.",
    ),
]
"""Who asks, in a query string."""
