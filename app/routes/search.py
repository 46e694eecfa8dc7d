"""The search route."""

from fastapi import APIRouter, Request, Response

from app.schemas.problems import BATCH_PROBLEMS, SEARCH_PROBLEMS
from app.schemas.search import SearchAnswer, SearchBody
from app.schemas.search_batch import SearchBatchAnswer, SearchBatchBody
from app.services.search import Found
from app.services.search import search as search_collection
from app.services.search_answers import search_answer
from app.services.search_batch import search_batch as search_several_times
from app.web.authenticated_routes import count_requests
from app.web.dependencies import DeadlineDep, Searcher, services_of
from app.web.fast_routes import FastRoute
from app.web.responses import json_answer, served_by
from indexing.telemetry import request_id

router = APIRouter(tags=["search"], route_class=FastRoute)


@router.post("/v1/search", summary="Search a collection", response_model=SearchAnswer, responses=SEARCH_PROBLEMS)
async def search(
    body: SearchBody,
    request: Request,
    caller: Searcher,
    deadline: DeadlineDep,
) -> Response:
    """Find the passages that answer a query, best first, one a document unless asked otherwise.

    The answer names the release and the snapshot that served it, how long each stage took, and by `query_id` its row
    in the ledger.
    """

    def answer(found: Found) -> Response:
        release, snapshot = found.serving.release.number, found.serving.snapshot.id
        return served_by(release, snapshot, search_answer(found, body))

    return await search_collection(services_of(request), request, caller, body, deadline, answer)


@router.post(
    "/v1/search:batch",
    summary="Search several times",
    operation_id="search_batch",
    response_model=SearchBatchAnswer,
    responses=BATCH_PROBLEMS,
)
async def search_batch(
    body: SearchBatchBody,
    request: Request,
    caller: Searcher,
    deadline: DeadlineDep,
) -> Response:
    """Answer up to 50 searches, each by itself: one that fails says so in its place and keeps no other from its answer.

    Each counts as a request of its own towards the tenant's rate, and has its own row in the ledger. All share one
    deadline, and run a few at a time.
    """
    services = services_of(request)
    await count_requests(request, services, caller, count=len(body.searches) - 1, counted=1)
    answers = await search_several_times(services, request, caller, body.searches, deadline)
    return json_answer({"request_id": request_id.get(), "answers": answers})
