"""The routes about lineage, for the operator: what a release is made of, and what came of a thing."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic.json_schema import SkipJsonSchema

from app.schemas.lineage import LineageAnswer, ReleaseDiffAnswer, ReleaseLineageAnswer
from app.schemas.problems import problems
from app.schemas.scalars import Moment
from app.services.release_differences import release_difference
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Operator, ServicesDep
from indexing.releases.lineage import release_lineage
from indexing.releases.lineage_answers import Asked
from indexing.releases.lineage_questions import lineage_of

# Plain functions: each runs in a thread, since it reads files.
router = APIRouter(tags=["rollouts"], route_class=AuthenticatedRoute)
ReleasePath = Annotated[str, Path(description="`13.2`, or `13` for its newest build.")]
Before = Annotated[str, Query(max_length=64, description="The other release, `12.3` or `12`.")]
Of = Annotated[
    Literal["model", "view", "snapshot", "release", "document", "passage", "request"],
    Query(description="What `id` names."),
]
Thing = Annotated[
    str,
    Query(
        alias="id",
        min_length=1,
        max_length=1024,
        description="A model or view as `NAME@VERSION`, a snapshot's id, a release's number, a document as"
        " `TENANT/COLLECTION/ID`, a passage as `TENANT/COLLECTION/ID#ORDINAL`, or a request by `query_id`, ledger id or"
        " `x-request-id`.",
    ),
]
Since = Annotated[Moment | SkipJsonSchema[None], Query(alias="from", description="Answers from this moment on.")]
Until = Annotated[
    Moment | SkipJsonSchema[None], Query(alias="to", description="Answers up to and without this moment.")
]
AsIn = Annotated[
    str | SkipJsonSchema[None],
    Query(
        max_length=64,
        description="Of a document or passage: as this release (`13.2`) holds it; by default the one in service.",
    ),
]
Limit = Annotated[int, Query(ge=0, le=1000, description="How many of the newest answers to list.")]


@router.get("/v1/releases/{release}", summary="Show a release", operation_id="get_release", responses=problems(404))
def get_release(release: ReleasePath, caller: Operator, services: ServicesDep) -> ReleaseLineageAnswer:
    """Everything that went into a release: model, views, analyser, settings, snapshot, who, when, on what evidence."""
    return ReleaseLineageAnswer.model_validate(release_lineage(services.home, release).to_json())


@router.get(
    "/v1/releases/{release}/diff",
    summary="Compare two releases",
    operation_id="get_release_diff",
    responses=problems(404),
)
def get_release_diff(
    release: ReleasePath, before: Before, caller: Operator, services: ServicesDep
) -> ReleaseDiffAnswer:
    """What a release has otherwise than another: its recipe field by field, and its documents."""
    return release_difference(services.home, before, release)


@router.get("/v1/lineage", summary="Ask for lineage", operation_id="get_lineage", responses=problems(404))
def get_lineage(
    of: Of,
    thing: Thing,
    caller: Operator,
    services: ServicesDep,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    release: AsIn = None,
) -> LineageAnswer:
    """What a model, view, snapshot, release, document, passage or request is made of, and what came of it."""
    found = lineage_of(services.home, of, Asked(thing, since, until, limit, release))
    return LineageAnswer.model_validate(found.to_json())
