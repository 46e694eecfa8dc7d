"""From what a search was asked and answered to its ledger row. It runs in the recorder's thread, not in a request."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from operator import attrgetter

import numpy as np

from app.retrieval.hits import Result
from app.retrieval.query import PartShown
from app.schemas.search import QuestionBody
from app.serving.assignment import Assignment
from indexing.ledger.hashes import EVENT, QUERY, UNIT, USER, keyed_hash
from indexing.ledger.hit_columns import HitColumns
from indexing.ledger.query_features import hit_features, text_features
from indexing.records import Json, canonical_json

NO_HITS = HitColumns((), (), (), (), (), (), ())
_COLUMNS_OF_HIT = attrgetter(
    *("passage.document_id", "passage.start", "passage.end"),
    *("score", "dense", "lexical", "rerank", "features"),
)
"""Of a ``RankedPassage``, in the order of ``HitColumns``."""


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """What rows may hold, beside assignments.

    ``secret`` keys the hashes. Without ``is_whole`` rows hold nothing of query and answer; with ``may_keep_text`` they
    hold the text of the queries of those tenants that allow it.
    """

    secret: bytes
    is_whole: bool
    may_keep_text: bool

    def user_hash(self, user: str | None) -> str | None:
        """What stands for a user's id."""
        return None if user is None else keyed_hash(self.secret, USER, _bytes(user))

    def unit_hash(self, assignment: Assignment) -> str | None:
        """What stands for what was assigned."""
        return None if assignment.unit is None else keyed_hash(self.secret, UNIT, _bytes(assignment.unit))

    def event_hash(self, event: str) -> str:
        """What stands for a client's id of feedback."""
        return keyed_hash(self.secret, EVENT, _bytes(event))

    def query_hash(self, body: QuestionBody) -> str:
        """What stands for the text, the conversation, or the vector alone: the same for the same."""
        if body.query is not None:
            return keyed_hash(self.secret, QUERY, _bytes(body.query))
        if body.messages is not None:
            turns = [[message.role, message.content] for message in body.spoken]
            return keyed_hash(self.secret, QUERY, canonical_json(turns))
        return keyed_hash(self.secret, QUERY, np.asarray(body.vector, np.float64).tobytes())


_ASKED = {"query", "vector", "offset", "min_score", "collapse"}
"""Of a body, what is kept with the question where it is not the default: it says which hits there are."""


def query_of(body: QuestionBody, part: PartShown | None = None) -> dict[str, Json]:
    """What was asked, in full: ``query``, ``messages`` and ``vector`` as they were given, and which hits of them.

    Of a chat that is what can count, each message as one text: what tools answered, and images, change no ranking.
    Where several collections were searched at once, ``part`` says which places of this one's ranking were shown.
    """
    query: dict[str, Json] = body.model_dump(mode="json", include=_ASKED, exclude_defaults=True)
    if part is not None:
        query["part"] = asdict(part)
    if body.messages is not None:
        query["messages"] = [{"role": message.role, "content": message.content} for message in body.spoken]
    return query


def filters_of(body: QuestionBody) -> dict[str, Json] | None:
    """The filter as it was given."""
    if body.filters is None:
        return None
    filters: dict[str, Json] = body.filters.model_dump(mode="json")
    return filters


def hits_of(result: Result | None) -> HitColumns:
    """The hits as they were answered, without their text."""
    if result is None or not result.hits:
        return NO_HITS
    columns = zip(*map(_COLUMNS_OF_HIT, result.hits), strict=True)
    ids, starts, ends, scores, dense, lexical, rerank, features = columns
    return HitColumns(ids, starts, ends, scores, dense, lexical, rerank, features if any(features) else ())


def features_of(
    body: QuestionBody, result: Result | None, hits: HitColumns, more: Mapping[str, float]
) -> dict[str, float | str]:
    """Features of the text, if there is one, of what the search found out about it, and of the hits."""
    found: dict[str, float | str] = {}
    if body.messages is not None:
        found |= text_features(body.turns(None).question, turns=len(body.spoken))
    elif body.query is not None:
        found |= text_features(body.query)
    if result is not None:
        found |= result.features
        found |= hit_features(hits.scores, hits.lexical)
    if body.skipped:
        found["offset"] = float(body.skipped)
    return {**found, **more}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
