"""The routes about alerts of quality, for the operator."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.schemas.alerts import AcknowledgeBody, AlertAnswer, AlertsAnswer
from app.schemas.problems import problems
from app.services.alerts import acknowledge, all_alerts
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Operator, ServicesDep
from indexing.records import MAX_INTEGER

router = APIRouter(tags=["quality"], route_class=AuthenticatedRoute)


@router.get("/v1/alerts", summary="List alerts", operation_id="list_alerts", responses=problems())
def get_alerts(
    caller: Operator,
    services: ServicesDep,
    acknowledged: Annotated[bool, Query(description="Also those that were acknowledged.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> AlertsAnswer:
    """What a person should know of quality, such as drift: each is said once until it is acknowledged."""
    return all_alerts(services, has_acknowledged=acknowledged, limit=limit)


@router.post(
    "/v1/alerts/{alert}:acknowledge",
    summary="Acknowledge an alert",
    operation_id="acknowledge_alert",
    responses=problems(404, 507, takes_body=True),
)
def post_acknowledgement(
    alert: Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The alert's id.")],
    body: AcknowledgeBody,
    caller: Operator,
    services: ServicesDep,
) -> AlertAnswer:
    """Say that it is known; of drift, what is asked from now on is the reference of later looks."""
    return acknowledge(services, caller, alert, body.note)
