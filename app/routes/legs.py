"""The route about the legs of a collection: whether the vectors and the words can search it."""

from fastapi import APIRouter

from app.schemas.legs import LegsAnswer
from app.schemas.problems import problems
from app.services.legs import legs_of
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, CollectionParam, ServicesDep

# A plain function: it runs in a thread, since a shard may have to be opened.
router = APIRouter(tags=["quality"], route_class=AuthenticatedRoute)


@router.get(
    "/v1/collections/{collection}/legs",
    summary="Show the leg check",
    operation_id="get_legs",
    responses=problems(404),
)
def get_legs(collection: CollectionParam, caller: Admin, services: ServicesDep) -> LegsAnswer:
    """What the build found out about the legs of a collection: languages, what each leg finds, and what they weigh.

    A sample is a passage whose document must be found by a piece of its own text.
    """
    return legs_of(services, caller.partition(collection))
