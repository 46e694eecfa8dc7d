"""Queries: what a body asks, as the retriever takes it for one recipe."""

from datetime import datetime

from app.retrieval.filters import matching
from app.retrieval.query import PartShown, Query, unit_vector
from app.schemas.filters import filter_of
from app.schemas.search import QuestionBody
from indexing.releases.recipes import Recipe


def query_for(body: QuestionBody, recipe: Recipe, at: datetime | None = None, part: PartShown | None = None) -> Query:
    """What a body asks of a recipe, which says what earlier turns of a conversation count; boosts are of moment ``at``.

    ``part`` says what was shown, where it was part of a search of several collections and is asked again.

    Raises:
        InvalidInput: a filter or the vector is not as it must be.
    """
    turns = body.turns(recipe.conversation)
    return Query(
        turns.question,
        body.k,
        body.mode,
        body.group_by_document,
        None if body.vector is None else unit_vector(body.vector),
        matching(None if body.filters is None else filter_of(body.filters), body.principals),
        tuple(turns.earlier),
        at=at,
        answer=turns.answer,
        offset=body.skipped,
        collapse=body.collapse,
        min_score=body.min_score,
        part=part,
    )
