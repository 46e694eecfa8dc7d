"""OpenAI's routes for the models that serve a tenant, and for vectors of its own texts."""

import base64
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from app.schemas.openai_embeddings import (
    MAX_MODEL_CHARACTERS,
    EmbeddingsAnswer,
    EmbeddingsBody,
    OpenAIModel,
    OpenAIModels,
    embeddings_answer,
)
from app.schemas.openai_problems import openai_problems
from app.services.embeddings import Embedded, embed
from app.services.served_models import list_models, show_model
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import DeadlineDep, Searcher, ServicesDep, services_of
from app.web.fast_routes import BatchRoute
from indexing.records import Json, Vector

router = APIRouter(tags=["openai"], route_class=AuthenticatedRoute)
batches = APIRouter(tags=["openai"], route_class=BatchRoute)


@batches.post(
    "/v1/embeddings",
    summary="Encode texts",
    response_model=EmbeddingsAnswer,
    responses=openai_problems(404, 504, takes_body=True),
)
async def create_embeddings(
    body: EmbeddingsBody, request: Request, caller: Searcher, deadline: DeadlineDep
) -> Response:
    """The vectors of texts, as OpenAI's clients ask for them, by the encoder that searches use."""
    as_sent = _base64 if body.encoding_format == "base64" else _numbers
    return await embed(services_of(request), request, caller, body, deadline, lambda found: _answer(found, as_sent))


@router.get("/v1/models", summary="List models", responses=openai_problems())
def get_models(caller: Searcher, services: ServicesDep) -> OpenAIModels:
    """The embedding models of the releases that serve the tenant, that of the release in service first."""
    return list_models(services, caller)


@router.get("/v1/models/{model}", summary="Show a model", responses=openai_problems(404))
def get_model(
    model: Annotated[str, Path(max_length=MAX_MODEL_CHARACTERS)], caller: Searcher, services: ServicesDep
) -> OpenAIModel:
    """One of them, by `NAME@VERSION` or by `NAME` alone."""
    return show_model(services, caller, model)


def _answer(found: Embedded, as_sent: Callable[[Vector], Json]) -> Response:
    answer = embeddings_answer([as_sent(one) for one in found.vectors], found.serving.recipe.model, found.tokens)
    headers = {"x-release-id": found.serving.release.number}
    return Response(to_json(answer), media_type="application/json", headers=headers)


def _base64(vector: Vector) -> Json:
    return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode()


def _numbers(vector: Vector) -> Json:
    return vector.tolist()
