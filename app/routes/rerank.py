"""The rerank door, in the shapes of Cohere and of Text Embeddings Inference."""

from fastapi import APIRouter, Request, Response

from app.schemas.problems import problems
from app.schemas.rerank import RerankAnswer, RerankBody, rerank_answer
from app.services.text_ranking import rank_texts
from app.web.dependencies import DeadlineDep, Searcher, services_of
from app.web.fast_routes import FastRoute
from app.web.responses import served_by
from indexing.telemetry import request_id

router = APIRouter(tags=["compatible"], route_class=FastRoute)


PATHS = ("/v1/rerank", "/v2/rerank", "/rerank")
"""Where clients of the two expect it: Cohere's below a version, those of Text Embeddings Inference at the root."""


async def rerank(body: RerankBody, request: Request, caller: Searcher, deadline: DeadlineDep) -> Response:
    """Rank texts that come with the request: by the reranker of the recipe in service, else by its embedding model.

    `documents` are answered as Cohere does, `texts` as Text Embeddings Inference does. Nothing of it is stored.
    """
    asked = body.root
    found = await rank_texts(
        services_of(request), request, caller, asked.query, asked.passages, deadline, model=asked.model
    )
    release, snapshot = found.serving.release.number, found.serving.snapshot.id
    answer = rerank_answer(asked, found.order, found.scores, found.raw, name=request_id.get(), model=found.model)
    return served_by(release, snapshot, answer.model_dump(exclude_none=True))


for path in PATHS:
    router.post(
        path,
        summary="Rank texts",
        operation_id=f"rerank{path.replace('/', '_')}".removesuffix("_rerank"),
        response_model=RerankAnswer,
        responses=problems(504, takes_body=True),
    )(rerank)
