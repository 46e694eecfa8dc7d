"""The routes about document features: which there are, values pushed, and values read."""

from fastapi import APIRouter

from app.schemas.features import PushAnswer, PushBody, ReadAnswer, ReadBody, ViewsAnswer
from app.schemas.problems import problems
from app.services.features import list_views, push_values, read_values
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, CollectionParam, ServicesDep, Writer

# Plain functions: each runs in a thread, since the catalogue may be locked.
router = APIRouter(tags=["features"], route_class=AuthenticatedRoute)


@router.get("/v1/features", summary="List document views", operation_id="list_features", responses=problems())
def get_features(_caller: Admin, services: ServicesDep) -> ViewsAnswer:
    """The document views that boosts may use, built in or added, in all versions."""
    return list_views(services)


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
