"""The search route."""

from fastapi import APIRouter, Request, Response

from app.schemas.problems import SEARCH_PROBLEMS
from app.schemas.search import SearchAnswer, SearchBody
from app.services.search import Found
from app.services.search import search as search_collection
from app.services.search_answers import search_answer
from app.web.dependencies import DeadlineDep, Searcher, services_of
from app.web.fast_routes import FastRoute
from app.web.responses import served_by

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
