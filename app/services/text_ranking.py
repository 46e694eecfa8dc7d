"""Texts that a caller brings, ranked for a query by the models of the release that serves the caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.services.search_executor import Client
from app.services.state import Services
from app.serving.release import ServingRelease
from indexing.errors import InvalidInput
from indexing.indexes.fusion import calibrate
from indexing.models.embedder import Embedder
from indexing.models.reranker import RerankerModel
from indexing.records import Scores
from indexing.telemetry import request_id

TEXTS_AT_ONCE = 8
"""Texts that are encoded between two looks at the deadline: at most some 100 ms. Our choice."""
DEFAULT_MODEL = "default"
"""What a client may call the model that serves it, whichever that is."""


@dataclass(frozen=True, slots=True)
class RankedTexts:
    """Texts in the order of their scores.

    ``order`` holds their places, best first, equal ones as they came; ``scores`` (0..1) and ``raw`` (logits of a
    reranker, cosines of an embedding model) stand by place. ``model`` names what gave them.
    """

    serving: ServingRelease
    model: str
    order: Sequence[int]
    scores: Sequence[float]
    raw: Sequence[float]


async def rank_texts(
    services: Services,
    client: Client,
    caller: Caller,
    query: str,
    texts: Sequence[str],
    deadline: Deadline,
    *,
    model: str | None = None,
) -> RankedTexts:
    """Rank texts by the reranker of the recipe that serves the caller, without one by its embedding model.

    It counts as a search in progress, and takes one thread. Nothing of it is kept: no row in the ledger, no text.

    Args:
        services: The process's state.
        client: Whose answer it is: nothing is begun for one that has gone.
        caller: Whose tenant decides the release.
        query: What to look for.
        texts: At least one.
        deadline: Looked at between texts.
        model: What the client believes to ask; ``None`` for whatever serves.

    Raises:
        InvalidInput: ``model`` is another one than serves.
        NotReady: nothing is open yet.
        Overloaded, ClientGone, DeadlineExceeded: as a search.
    """
    _, serving = services.pool.assigned(tenant=caller.tenant, user=None, request_id=request_id.get())
    _require_served(serving, model)
    return await services.executor.run(client, deadline, lambda: _ranked(serving, query, texts, deadline.check))


def _require_served(serving: ServingRelease, model: str | None) -> None:
    served = _model_of(serving)
    if model not in (None, DEFAULT_MODEL, served, served.partition("@")[0]):
        raise InvalidInput(
            f"model {model!r} does not rank here: expected {served!r}, {DEFAULT_MODEL!r}, or no model.", field="model"
        )


def _model_of(serving: ServingRelease) -> str:
    recipe = serving.recipe
    return recipe.model if serving.reranker is None or recipe.reranker is None else recipe.reranker


def _ranked(serving: ServingRelease, query: str, texts: Sequence[str], check: Callable[[], None]) -> RankedTexts:
    if serving.reranker is None:
        raw, name = _cosines(serving.embedder, query, texts, check), f"{_model_of(serving)} (embedding)"
        curve = serving.recipe.retrieval.calibration["dense"][:2]  # a text's score is its own, whatever comes with it
        scores = calibrate(curve, raw)
    else:
        raw, name = _logits(serving.reranker, query, texts, check), _model_of(serving)
        scores = calibrate(serving.recipe.second_pass.calibration, raw)
    order = np.argsort(-raw, kind="stable").tolist()
    return RankedTexts(serving, name, order, scores.tolist(), raw.tolist())


def _logits(reranker: RerankerModel, query: str, texts: Sequence[str], check: Callable[[], None]) -> Scores:
    logits = np.empty(len(texts), np.float32)
    for place, text in enumerate(texts):
        check()
        logits[place] = reranker.score(query, text)
    return logits


def _cosines(embedder: Embedder, query: str, texts: Sequence[str], check: Callable[[], None]) -> Scores:
    cosines = np.empty(len(texts), np.float32)
    asked = embedder.encode_query(query)
    for begin in range(0, len(texts), TEXTS_AT_ONCE):
        check()
        some = texts[begin : begin + TEXTS_AT_ONCE]
        cosines[begin : begin + len(some)] = embedder.encode_passages(some) @ asked
    return cosines
