"""The routes about releases and pins, for the operator: what is in service, put another there, take it back."""

from typing import Annotated

from fastapi import APIRouter, Path

from app.schemas.problems import problems
from app.schemas.rollouts import (
    PinAnswer,
    PinBody,
    PinsAnswer,
    PromotedAnswer,
    ReleasePromotionBody,
    ReleaseRollbackBody,
    ReleasesAnswer,
    RolledBackAnswer,
)
from app.services.rollouts import all_pins, list_standings, promote_recipe, put_pin, take_back, take_pin
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Operator, ServicesDep
from indexing.releases.release import find_release

# Plain functions: each runs in a thread, since a write waits for the catalogue's lock and for the disk.
router = APIRouter(tags=["rollouts"], route_class=AuthenticatedRoute)
TenantPath = Annotated[str, Path(json_schema_extra={"minLength": 1, "maxLength": 128})]


@router.get("/v1/releases", summary="List releases", operation_id="list_releases", responses=problems())
def get_releases(caller: Operator, services: ServicesDep) -> ReleasesAnswer:
    """All releases: which is in service, which others are open and why, and how many documents each lacks."""
    return list_standings(services)


@router.post(
    "/v1/releases:promote",
    summary="Promote a release",
    operation_id="promote_release",
    responses=problems(404, 409, 507, takes_body=True),
)
def post_promotion(body: ReleasePromotionBody, caller: Operator, services: ServicesDep) -> PromotedAnswer:
    """Put a release's recipe in service for everyone; its newest build answers."""
    recipe = find_release(services.home.catalogue, body.release).recipe
    return promote_recipe(
        services,
        caller,
        recipe,
        body.reason,
        standby_seconds=body.standby_seconds,
        anyway=body.anyway,
        override=body.override,
    )


@router.post(
    "/v1/releases:rollback",
    summary="Roll back",
    operation_id="roll_back_release",
    responses=problems(404, 409, 507, takes_body=True),
)
def post_release_rollback(body: ReleaseRollbackBody, caller: Operator, services: ServicesDep) -> RolledBackAnswer:
    """Take back what was done last: an open canary gets nothing more, else the recipe before is in service again."""
    return take_back(services, caller, body.reason, to=body.to, anyway=body.anyway)


@router.get("/v1/pins", summary="List pins", operation_id="list_pins", responses=problems())
def get_pins(caller: Operator, services: ServicesDep) -> PinsAnswer:
    """Every tenant that is pinned, held back or chosen to be first."""
    return all_pins(services)


@router.put(
    "/v1/pins/{tenant}",
    summary="Pin a tenant",
    operation_id="put_pin",
    responses=problems(404, 409, 507, takes_body=True),
)
def put_pin_of(tenant: TenantPath, body: PinBody, caller: Operator, services: ServicesDep) -> PinAnswer:
    """Take a tenant out of shares and tests: one recipe for good, never a candidate, or each candidate."""
    return put_pin(services, caller, tenant, body)


@router.delete("/v1/pins/{tenant}", summary="Unpin a tenant", operation_id="delete_pin", responses=problems(404, 507))
def delete_pin_of(tenant: TenantPath, caller: Operator, services: ServicesDep) -> PinsAnswer:
    """Let shares and tests decide about the tenant again; gives the pins that are left."""
    return take_pin(services, caller, tenant)
