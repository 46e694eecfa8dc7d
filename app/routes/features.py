"""The routes about document features: which there are, values computed, pushed and read, and their skew."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.schemas.features import (
    MaterialisedAnswer,
    PushAnswer,
    PushBody,
    ReadAnswer,
    ReadBody,
    ShownViewAnswer,
    SkewAnswer,
    ViewDiffAnswer,
    ViewsAnswer,
)
from app.schemas.problems import problems
from app.services.administered_tenant import administered_tenant
from app.services.features import (
    list_views,
    materialise_view,
    push_values,
    read_values,
    show_view,
    skew_of,
    view_difference,
)
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, CollectionParam, Operator, ServicesDep, Writer
from app.web.periods import Since, TenantParam, Until

MAX_MATERIALISED = 10_000
"""Documents that one request computes a view of. Source: our choice: some seconds, at 0.1 ms for ``document_stats``."""
MAX_LOOKED_AT = 10_000
"""Answers that one request recomputes the values of. Our choice."""
ViewPath = Annotated[str, Path(min_length=1, max_length=128, description="A document view, NAME or NAME@VERSION.")]
Before = Annotated[str, Query(min_length=1, max_length=128, description="The other view, NAME or NAME@VERSION.")]

# Plain functions: each runs in a thread, since the catalogue may be locked.
router = APIRouter(tags=["features"], route_class=AuthenticatedRoute)


@router.get("/v1/features", summary="List document views", operation_id="list_features", responses=problems())
def get_features(_caller: Admin, services: ServicesDep) -> ViewsAnswer:
    """The document views that boosts may use, built in or added, in all versions."""
    return list_views(services)


@router.get("/v1/features:skew", summary="Measure skew", operation_id="get_skew", responses=problems(404))
def get_skew(
    caller: Admin,
    services: ServicesDep,
    tenant: TenantParam = None,
    since: Since = None,
    until: Until = None,
    sample: Annotated[float, Query(ge=0, le=1, description="The share of documents, chosen by key hash.")] = 1.0,
    limit: Annotated[int, Query(ge=1, le=MAX_LOOKED_AT, description="The newest requests are looked at.")] = 1_000,
) -> SkewAnswer:
    """Values that a tenant's answers used, against what is recomputed for the same moments; by default of a day."""
    whose = administered_tenant(services.home.catalogue, caller, tenant)
    return skew_of(services, whose, since, until, sample, limit)


@router.get(
    "/v1/features/{view}", summary="Show a document view", operation_id="get_feature_view", responses=problems(404)
)
def get_view(view: ViewPath, _caller: Operator, services: ServicesDep) -> ShownViewAnswer:
    """Its definition, what is stored of it and what it lacks, and the recipes that use it."""
    return show_view(services, view)


@router.get(
    "/v1/features/{view}/diff",
    summary="Compare two document views",
    operation_id="get_feature_view_diff",
    responses=problems(404),
)
def get_view_diff(view: ViewPath, before: Before, _caller: Operator, services: ServicesDep) -> ViewDiffAnswer:
    """What a document view has otherwise than another, field by field of their definitions."""
    return view_difference(services, before, view)


@router.post(
    "/v1/features/{view}/materialise",
    summary="Compute a document view",
    operation_id="materialise_feature_view",
    responses=problems(404, 409, 507),
)
def post_materialise(
    view: ViewPath,
    _caller: Operator,
    services: ServicesDep,
    documents: Annotated[int, Query(ge=1, le=MAX_MATERIALISED, description="How many at most.")] = 1_000,
) -> MaterialisedAnswer:
    """Compute its values for documents that changed since, of all tenants; ask again while some are lacking."""
    return materialise_view(services, view, documents)


@router.post(
    "/v1/collections/{collection}/features:push",
    summary="Push feature values",
    operation_id="push_features",
    responses=problems(404, 409, 507, takes_body=True),
)
def post_push(collection: CollectionParam, body: PushBody, caller: Writer, services: ServicesDep) -> PushAnswer:
    """Append values of up to 200 documents, all or none; nothing that was stored before is changed.

    Each value is known from now on, and was so from its `event_time` on. Searches that boost by the view use it at
    once. Documents that are not there are left out and named.
    """
    return push_values(services, caller.partition(collection), body)


@router.post(
    "/v1/collections/{collection}/features:get",
    summary="Read feature values",
    operation_id="get_features",
    responses=problems(404, takes_body=True),
)
def post_get(collection: CollectionParam, body: ReadBody, caller: Writer, services: ServicesDep) -> ReadAnswer:
    """Values of documents as a search gets them now, or as they were known at `as_of`: nothing later counts.

    The tenant's own backend asks, so it sees those of every document.
    """
    return read_values(services, caller.partition(collection), body)
