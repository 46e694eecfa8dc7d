"""OpenAI's route that searches a vector store."""

from fastapi import APIRouter, Request, Response

from app.schemas.openai_problems import openai_problems
from app.schemas.openai_search import VectorStoreSearchAnswer, VectorStoreSearchBody
from app.services.openai_search import Asker, Page, search_vector_store
from app.web.dependencies import DeadlineDep, Searcher, services_of
from app.web.fast_routes import FastRoute
from app.web.headers import warning_headers
from app.web.principals import PrincipalsHeader, UserHeader, principals_of, user_of
from app.web.responses import served_by

router = APIRouter(tags=["openai"], route_class=FastRoute)


@router.post(
    "/v1/vector_stores/{vector_store_id}/search",
    summary="Search a vector store",
    response_model=VectorStoreSearchAnswer,
    responses=openai_problems(404, 504, takes_body=True),
)
async def search_store(
    body: VectorStoreSearchBody,
    request: Request,
    caller: Searcher,
    deadline: DeadlineDep,
    vector_store_id: str,
    x_groundwork_principals: PrincipalsHeader = None,
    x_groundwork_user: UserHeader = None,
) -> Response:
    """Find the passages that answer a query, best first: a collection is a vector store, by its name.

    The headers `x-release-id`, `x-snapshot-id` and `x-query-id` name what served the answer, and its row in the ledger
    for feedback (several queries: as many ids, with commas between).
    """
    asker = Asker(principals_of(request.scope) or (), user_of(request.scope))
    services = services_of(request)
    page = await search_vector_store(services, request, caller, vector_store_id, body, asker, deadline)
    return served_by(page.release, page.snapshot, page.answer, _headers(page))


def _headers(page: Page) -> dict[str, str]:
    return {"x-query-id": ",".join(page.query_ids), **warning_headers(page.warnings)}
