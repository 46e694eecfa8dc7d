"""Embeddings: the vectors of a client's own texts, by the encoder of a release that serves it, beside searches."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.schemas.openai_embeddings import MAX_REQUEST_TOKENS, EmbeddingsBody
from app.services.search_executor import Client
from app.services.served_models import serving_with_model
from app.services.state import Services
from app.serving.query_cache import CachedEmbedder
from app.serving.release import ServingRelease
from indexing.errors import InvalidInput
from indexing.models.embedder import Embedder
from indexing.records import Vector
from indexing.telemetry import annotate

KEPT_TEXTS = 16
"""Texts of a request up to which their vectors are kept in the query cache: more are a corpus, which is asked once.
Source: decision 56."""
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of a request's texts, in their order, the release whose encoder gave them, and their tokens."""

    serving: ServingRelease
    vectors: list[Vector]
    tokens: int


async def embed(
    services: Services,
    client: Client,
    caller: Caller,
    body: EmbeddingsBody,
    deadline: Deadline,
    answer: Callable[[Embedded], _Answer],
) -> _Answer:
    """Encode texts by the model that a body names, with the prompt of the side that it names.

    ``answer`` makes what is sent of what was found, in a thread. There is no row in the ledger, which is of what was
    ranked and can be judged; texts are not logged.

    Raises:
        NotFound: no such model serves the tenant.
        InvalidInput: ``dimensions`` is not the model's, a text is too long, or all are together.
        Overloaded: too many of these requests are in progress.
        DeadlineExceeded, ClientGone: as ``EmbeddingThreads.encode``.
    """
    serving = serving_with_model(services, caller.tenant, body.model)
    embedder, threads = serving.embedder, services.embeddings
    if body.dimensions not in (None, embedder.dimension):
        raise InvalidInput(
            f"dimensions {body.dimensions} is not what {serving.recipe.model} gives: expected {embedder.dimension}, or"
            " leave it out. Vectors are not shortened: the model was not trained for that.",
            field="dimensions",
        )
    with threads.requests.take():
        tokens = await threads.run(lambda: _count(serving, body))
        began = time.perf_counter()
        vectors = await threads.encode(client, deadline, body.input, _encoder(embedder, body))
        if services.traced is not None:
            services.traced.embedded(serving.recipe.model, embedder.dimension, began, tokens, body.encoding_format)
        sent = await threads.run(lambda: answer(Embedded(serving, vectors, tokens)))
    services.metrics.embedded_texts.inc(len(vectors))
    annotate(release=serving.release.number, model=serving.recipe.model, texts=len(vectors), tokens=tokens)
    return sent


def _count(serving: ServingRelease, body: EmbeddingsBody) -> int:
    """How many tokens all texts have; none is cut in silence, as a long query of a search is."""
    embedder, total = serving.embedder, 0
    most = embedder.query_tokens if body.input_type == "query" else embedder.passage_tokens
    for place, text in enumerate(body.input):
        count = embedder.count_tokens(text)
        if most is not None and count > most:
            raise InvalidInput(
                f"input {place} has {count} tokens: {serving.recipe.model} takes {most} at most. Cut it into pieces.",
                field=f"input[{place}]",
            )
        total += count
        if total > MAX_REQUEST_TOKENS:
            raise InvalidInput(
                f"The texts have more than {MAX_REQUEST_TOKENS:,} tokens together: send fewer at a time.", field="input"
            )
    return total


def _encoder(embedder: Embedder, body: EmbeddingsBody) -> Callable[[str], Vector]:
    if body.input_type == "document":
        return lambda text: embedder.encode_passages([text])[0]
    if len(body.input) > KEPT_TEXTS and isinstance(embedder, CachedEmbedder):
        return embedder.encode_unkept
    return embedder.encode_query
