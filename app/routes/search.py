"""The search route."""

from fastapi import APIRouter, Request, Response

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.retrieval.retriever import Result
from app.schemas.problems import described
from app.schemas.search import SearchAnswer, SearchBody, answer_of
from app.services.search import BRIEF_CANDIDATES, _ask, _is_brief, _tell, find, wait_for_write
from app.services.state import Services, services_of
from app.serving.release import ServingRelease
from app.web.authenticated_routes import DirectRoute
from app.web.dependencies import Searcher, Timely
from app.web.responses import served_by
from indexing.records import Partition
from indexing.telemetry import request_id

router = APIRouter(tags=["search"], route_class=DirectRoute)

PROBLEMS = described(
    {
        401: "No valid API key.",
        403: "The key lacks the scope `search`.",
        404: "The tenant has no such collection.",
        412: "The write `min_seq` cannot be found here yet.",
        422: "The request is malformed.",
        429: "The tenant sent too many requests; come back after `Retry-After` seconds.",
        503: "Too busy or not ready; come back after `Retry-After` seconds.",
        504: "Not answered within the time that the request may take.",
    }
)
"""What a route that searches may answer instead, for its description."""


@router.post("/v1/search", summary="Search a collection", response_model=SearchAnswer, responses=PROBLEMS)
async def search(
    body: SearchBody,
    request: Request,
    caller: Searcher,
    deadline: Timely,
) -> Response:
    """Find the passages that answer a query, best first, one a document unless asked otherwise.

    The answer names the release and the snapshot that served it, and how long each stage took.
    """
    services = services_of(request)
    await wait_for_write(services, caller.tenant, body, deadline)
    serving, partition = services.pool.current(), Partition(caller.tenant, body.collection)
    if not _is_brief(serving, partition, body):
        return await services.work(request, deadline, _search, services, caller, body, deadline)
    with services.door():
        await services.take_turn(deadline)
        asked = _ask(services, serving, caller, body, deadline)
        if asked.search.needs_encoding():
            await services.encode(request, deadline, asked.search)
            await services.take_turn(deadline)
        result = asked.search.brief_result(BRIEF_CANDIDATES)
        if result is None:
            result = await services.in_thread(request, deadline, asked.search.result)
        _tell(services, caller, body, asked, result)
        return _answer(asked.serving, result, asked.seq)


def _search(services: Services, caller: Caller, body: SearchBody, deadline: Deadline) -> Response:
    """Everything that takes time, in one thread."""
    return _answer(*find(services, caller, body, deadline))


def _answer(serving: ServingRelease, result: Result, seq: int) -> Response:
    release, snapshot = serving.release.number, serving.snapshot.id
    return served_by(release, snapshot, answer_of(result, release, snapshot, request_id.get(), seq=seq))
