"""The routes about preparations, for the operator: another recipe is built beside the one in service, and proposed."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from app.schemas.preparations import PreparationAnswer, PreparationBody, PreparationsAnswer
from app.schemas.problems import problems
from app.services.preparations import ask, cancel, list_all, show
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Operator, ServicesDep
from indexing.catalogue.preparations import PAGE
from indexing.records import MAX_INTEGER

# Plain functions: each runs in a thread, since a write waits for the catalogue's lock and for the disk.
router = APIRouter(tags=["rollouts"], route_class=AuthenticatedRoute)
PreparationParam = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The preparation's id.")]


@router.post(
    "/v1/preparations",
    status_code=202,
    summary="Prepare another recipe",
    operation_id="prepare_recipe",
    responses=problems(404, 409, 507, takes_body=True),
)
def post_preparation(body: PreparationBody, caller: Operator, services: ServicesDep) -> PreparationAnswer:
    """Have the recipe in service built with changes beside it; it ends as a proposed rollout, or as nothing.

    A builder does it: it says first what it costs, then builds. Searches and writes go on, and builds that they need go
    first. Ask for it by its id.
    """
    return ask(services, caller, body)


@router.get("/v1/preparations", summary="List preparations", operation_id="list_preparations", responses=problems())
def get_preparations(
    caller: Operator,
    services: ServicesDep,
    limit: Annotated[int, Query(ge=1, le=PAGE, description="How many at most.")] = PAGE,
    before: Annotated[
        Annotated[int, Field(ge=1, le=MAX_INTEGER)] | SkipJsonSchema[None],
        Query(description="`next` of the page before."),
    ] = None,
) -> PreparationsAnswer:
    """Those that wait, that are built, and that are over, the newest first."""
    return list_all(services, before=before, limit=limit)


@router.get(
    "/v1/preparations/{preparation}",
    summary="Show a preparation",
    operation_id="get_preparation",
    responses=problems(404),
)
def get_preparation(preparation: PreparationParam, caller: Operator, services: ServicesDep) -> PreparationAnswer:
    """What it costs, how far it is, and what came of it."""
    return show(services, preparation)


@router.post(
    "/v1/preparations/{preparation}/cancel",
    summary="Cancel a preparation",
    operation_id="cancel_preparation",
    responses=problems(404, 409, 507),
)
def post_cancellation(preparation: PreparationParam, caller: Operator, services: ServicesDep) -> PreparationAnswer:
    """Stop it: there is no release and no rollout then, and what was computed stays until it is collected."""
    return cancel(services, caller, preparation)
