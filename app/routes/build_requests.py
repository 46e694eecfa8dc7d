"""The route about builds that are asked for, and what waits for them."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic.json_schema import SkipJsonSchema

from app.schemas.build_requests import BuildRequestsAnswer
from app.schemas.problems import problems
from app.services.waiting_writes import list_build_requests
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, ServicesDep
from indexing.catalogue.build_requests import PAGE
from indexing.records import MAX_INTEGER

router = APIRouter(tags=["documents"], route_class=AuthenticatedRoute)


@router.get(
    "/v1/build-requests",
    summary="List what waits for a build",
    operation_id="list_build_requests",
    responses=problems(404),
)
def get_build_requests(
    caller: Admin,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = PAGE,
    after: Annotated[int, Query(ge=0, le=MAX_INTEGER, description="`next` of the page before.")] = 0,
    tenant: Annotated[
        str | SkipJsonSchema[None],
        Query(max_length=128, description="For the operator: one tenant only; left out, all."),
    ] = None,
) -> BuildRequestsAnswer:
    """Builds that the tenant's writes asked for and that are not done yet, and how many of its documents wait.

    An operator sees those of all tenants, and those that the installation asked for itself, as when memory for fresh
    writes fills up.
    """
    return list_build_requests(services, caller, tenant=tenant, after=after, limit=limit)
