"""The door of Dify's external knowledge API; the endpoint to enter there is ``https://HOST/v1/dify``."""

from fastapi import APIRouter, Request, Response

from app.schemas.dify import DifyAnswer, DifyBody, dify_problems, records_of
from app.services.search import Found, search
from app.web.dependencies import DeadlineDep, Searcher, services_of
from app.web.fast_routes import FastRoute
from app.web.responses import served_by

router = APIRouter(tags=["compatible"], route_class=FastRoute)


@router.post(
    "/v1/dify/retrieval",
    summary="Search for Dify",
    operation_id="dify_retrieval",
    response_model=DifyAnswer,
    responses=dify_problems(404, 504),
)
async def retrieval(body: DifyBody, request: Request, caller: Searcher, deadline: DeadlineDep) -> Response:
    """A search of the collection `knowledge_id` in the shape of Dify's external knowledge API.

    Its hits are in the ledger like those of any search; `query_id` in each record's metadata names it for feedback.
    """
    return await search(services_of(request), request, caller, body.search(), deadline, _answer)


def _answer(found: Found) -> Response:
    release, snapshot = found.serving.release.number, found.serving.snapshot.id
    return served_by(release, snapshot, records_of(found.result, found.record.query_id))
