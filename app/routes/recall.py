"""How well an approximate search finds what exact search finds, measured on what is served now."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.deadline import Deadline
from app.retrieval.recall_probe import measure_recall
from app.schemas.problems import problems
from app.schemas.scalars import NO_TEXT
from app.services.state import Services
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, CollectionParam, DeadlineDep, services_of
from app.web.responses import served_by
from indexing.errors import NotFound
from indexing.records import Partition

router = APIRouter(tags=["quality"], route_class=AuthenticatedRoute)


class RecallBody(BaseModel):
    """How to measure."""

    model_config = ConfigDict(extra="forbid")

    k: Annotated[int, Field(ge=1, le=100), NO_TEXT] = Field(10, description="How many nearest passages are compared.")
    queries: Annotated[int, Field(ge=1, le=200), NO_TEXT] = Field(
        50, description="How many queries are sampled from the collection's passages."
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1), NO_TEXT] = Field(
        0, description="Another seed samples other queries."
    )


class RecallAnswer(BaseModel):
    """What was measured, on which release."""

    release: str
    snapshot: str
    recall: float = Field(description="The share of the k exactly nearest passages that the search gives, 0..1.")
    k: int
    queries: int
    passages: int
    is_approximate: bool = Field(description="Whether any of the collection is searched approximately.")
    search_ms: float = Field(description="Median milliseconds of the search that serves.")
    exact_ms: float = Field(description="Median milliseconds of exact search.")


@router.post(
    "/v1/collections/{collection}/recall",
    summary="Measure live recall",
    response_model=RecallAnswer,
    operation_id="measure_recall",
    responses=problems(404, 504, takes_body=True),
)
async def recall(
    collection: CollectionParam,
    body: RecallBody,
    request: Request,
    caller: Admin,
    deadline: DeadlineDep,
) -> Response:
    """Compare the search that serves with exact search, on queries sampled from the collection, without any model.

    One measurement is made at a time in each process, within the request's deadline: a large collection needs fewer
    queries or more time.

    The result is exported as the metric `groundwork_live_recall` of the recipe, too.
    """
    services = services_of(request)
    with services.measurements.take():
        return await services.executor.run(
            request, deadline, _measure, services, caller.tenant, collection, body, deadline
        )


def _measure(services: Services, tenant: str, collection: str, body: RecallBody, deadline: Deadline) -> Response:
    serving = services.pool.current()
    partition = Partition(tenant, collection)
    view = serving.view(partition)
    if view is None or view.rows == 0:
        serving.require_searchable(partition)
        raise NotFound(f"Nothing of a collection {collection!r} is in service: check the name, or build first.")
    found = measure_recall(view, k=body.k, queries=body.queries, seed=body.seed, before_search=deadline.check)
    services.metrics.recall.labels(str(serving.release.recipe)).set(found.recall)
    release, snapshot = serving.release.number, serving.snapshot.id
    return served_by(release, snapshot, RecallAnswer(release=release, snapshot=snapshot, **asdict(found)))
