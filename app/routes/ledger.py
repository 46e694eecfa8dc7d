"""The routes about the ledger, for operators and, of their own tenant, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.schemas.ledger import LedgerRequestsAnswer, ModelAnswersAnswer, ServedAnswer
from app.schemas.problems import problems
from app.services.administered_tenant import administered_tenant
from app.services.ledger_questions import answered_by_model, requests_by_id, served
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, Operator, ServicesDep
from app.web.periods import Since, TenantParam, Until

# Plain functions: each runs in a thread, since it reads files.
router = APIRouter(tags=["ledger"], route_class=AuthenticatedRoute)
Limit = Annotated[int, Query(ge=0, le=1000, description="How many of the newest requests to list.")]


@router.get(
    "/v1/ledger/requests/{request_id}",
    summary="What served a request",
    operation_id="get_ledger_requests",
    responses=problems(404),
)
def get_requests(
    request_id: Annotated[str, Path(min_length=1, max_length=200, description="`query_id` or `x-request-id`.")],
    caller: Admin,
    services: ServicesDep,
    since: Since = None,
    until: Until = None,
) -> LedgerRequestsAnswer:
    """By the `query_id` of an answer, a ledger id, or the caller's own `x-request-id` between `from` and `to`."""
    return requests_by_id(services.home, services.records.query_ids, caller, request_id, since, until)


@router.get(
    "/v1/ledger/served",
    summary="What served a tenant",
    operation_id="get_ledger_served",
    responses=problems(404),
)
def get_served(
    caller: Admin,
    services: ServicesDep,
    tenant: TenantParam = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> ServedAnswer:
    """The share of each release and arm in a tenant's answers between `from` and `to`, and its newest requests."""
    whose = administered_tenant(services.home.catalogue, caller, tenant)
    return served(services.home, whose, since, until, limit)


@router.get(
    "/v1/ledger/model", summary="What a model answered", operation_id="get_ledger_model", responses=problems(404)
)
def get_model(
    model: Annotated[str, Query(min_length=1, max_length=256, description="A model version, `NAME@VERSION`.")],
    caller: Operator,
    services: ServicesDep,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
) -> ModelAnswersAnswer:
    """Every answer of the recipes that hold a model version, as encoder or as reranker, of all tenants."""
    return answered_by_model(services.home, model, since, until, limit)
