"""Hits: what a search gives, and how chosen passages become it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.retrieval.candidates import Chosen
from app.serving.document_boosts import BoostedDocuments
from indexing.records import Rows, Scores, Vector
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import StoredPassage


@dataclass(frozen=True, slots=True, order=True)
class PassageName:
    """What names a passage of a tenant."""

    collection: str
    document_id: str
    passage_id: str


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A hit: rank from 1, calibrated score 0..1, and the raw score of each leg that the mode used.

    Grouped by document, the raw scores are the best that any passage of the document has in each leg. ``rerank`` is
    the reranker's logit for the passage, where there was a second pass; ``features`` are the values of the document
    that the recipe's boosts used, by name. ``release`` is the number of the release that found it, empty where it is
    the one that answers. ``near_duplicates`` are hits that were left out since this one says the same.
    """

    rank: int
    score: float
    dense: float | None
    lexical: float | None
    passage: StoredPassage
    rerank: float | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    release: str = ""
    near_duplicates: tuple[PassageName, ...] = ()

    @property
    def name(self) -> PassageName:
        """What names its passage."""
        passage = self.passage
        return PassageName(passage.partition.collection, passage.document_id, passage.id)


@dataclass(frozen=True, slots=True)
class QueryVector:
    """The vector that a model gave of a query."""

    model: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Result:
    """Hits best first, milliseconds by stage, and what is missing from them.

    ``features`` says what was found out about the query on the way: ``terms``, how many different ones count;
    ``unknown_share``, how many of them no passage of the partition holds (0..1); ``leg_overlap``, how many of one leg's
    candidates are the other's, too (0..1, of the leg that has fewer); ``live_share``, how many of the hits no snapshot
    holds yet (0..1), where there are writes that wait for a build. What was not found out is left out.
    ``query_vector`` is there where the search computed one; ``below_min_score`` says how many hits were left out that
    would stand here but for the least score that was asked for.
    """

    hits: list[RankedPassage]
    timings_ms: dict[str, float]
    warnings: list[str] = field(default_factory=list)
    features: dict[str, float] = field(default_factory=dict)
    query_vector: QueryVector | None = None
    below_min_score: int = 0


def hydrated(view: PartitionView, chosen: Chosen, scores: Scores) -> list[RankedPassage]:
    """Chosen passages as hits, best first; ``scores`` are calibrated."""
    return hits_of_rows(view, chosen, scores, range(len(chosen.rows)))


def hits_of_rows(
    view: PartitionView, chosen: Chosen, scores: Scores, places: range, before: int = 0
) -> list[RankedPassage]:
    """Some of the chosen passages as hits, by their ``places`` among them; ``before`` is how many hits precede all."""
    part = slice(places.start, places.stop)
    none = [None] * len(places)
    legs = (none if leg is None else leg[part].tolist() for leg in (chosen.dense, chosen.lexical))
    return [
        RankedPassage(rank, score, dense, lexical, view.passage(number, row))
        for rank, (score, dense, lexical, number, row) in enumerate(
            zip(scores[part].tolist(), *legs, chosen.numbers[part].tolist(), chosen.rows[part].tolist(), strict=True),
            before + places.start + 1,
        )
    ]


def with_features(
    hits: Sequence[RankedPassage], groups: Sequence[int], boosted: BoostedDocuments
) -> list[RankedPassage]:
    """Hits with the values that boosts used of their documents; ``groups`` says which of the candidates' they are."""
    return [replace(hit, features=boosted.values[group]) for hit, group in zip(hits, groups, strict=True)]


def reordered(hits: Sequence[RankedPassage], logits: Scores, scores: Scores) -> list[RankedPassage]:
    """The first hits by their logits, equal ones as they stood; the others after them, with no higher score."""
    order = np.argsort(-logits, kind="stable").tolist()
    first = [
        replace(hits[place], rank=rank, score=float(scores[place]), rerank=float(logits[place]))
        for rank, place in enumerate(order, 1)
    ]
    least = first[-1].score
    return first + [replace(hit, score=min(hit.score, least)) for hit in hits[len(first) :]]


def live_share(view: PartitionView, numbers: Rows) -> dict[str, float]:
    """How many of some hits, by the number of their shard, stand in memory alone, where anything does."""
    is_live = np.array([shard.is_in_memory for shard in view.shards], np.bool_)
    if not is_live.any() or not len(numbers):
        return {}
    return {"live_share": float(is_live[numbers].mean())}
