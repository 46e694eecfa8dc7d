"""The retriever: one query against one partition of one release, for the API, the command line and evaluation."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

import numpy as np

from app.retrieval.candidates import (
    Chosen,
    best_of_legs,
    candidate_rows,
    choose,
    document_ids,
    score_candidates,
)
from app.retrieval.fusion import calibrate
from app.retrieval.reranking import Reranker, pair_text
from app.serving.document_boosts import BoostedDocuments
from app.serving.release import ServingRelease
from indexing.errors import InvalidInput
from indexing.features.conversation import Turns, conversation_terms, conversation_vector
from indexing.indexes.attributes import AttributeSegment
from indexing.indexes.bm25 import TermScores
from indexing.models.reranker import RerankerModel
from indexing.records import MODES, Mask, Partition, Scores, Vector
from indexing.releases.recipes import RERANK
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import StoredPassage
from indexing.telemetry import StageTimings

Matching: TypeAlias = Callable[[AttributeSegment], Mask | None]
"""Picks documents of a segment: bool, one entry a document, or ``None`` for all."""


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A hit: rank from 1, calibrated score 0..1, and the raw score of each leg that the mode used.

    Grouped by document, the raw scores are the best that any passage of the document has in each leg. ``rerank`` is
    the reranker's logit for the passage, where there was a second pass; ``features`` are the values of the document
    that the recipe's boosts used, by name. ``release`` is the number of the release that found it, empty where it is
    the one that answers.
    """

    rank: int
    score: float
    dense: float | None
    lexical: float | None
    passage: StoredPassage
    rerank: float | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    release: str = ""


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
    ``query_vector`` is there where the search computed one.
    """

    hits: list[RankedPassage]
    timings_ms: dict[str, float]
    warnings: list[str] = field(default_factory=list)
    features: dict[str, float] = field(default_factory=dict)
    query_vector: QueryVector | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a partition; see ``Retriever.search``. Boosts are those of the moment ``at``, by default now."""

    text: str
    k: int
    mode: str
    grouped: bool
    vector: Vector | None
    matching: Matching | None
    earlier: tuple[str, ...] = ()
    at: datetime | None = None
    answer: str = ""

    @property
    def turns(self) -> Turns:
        """The question and what came before it."""
        return Turns(self.text, self.earlier, self.answer)


class TooManyCandidates(Exception):
    """A search was given a limit of candidates, and needs more to find its hits; without the limit it can go on."""


class Retriever:
    """Searches a release. One serves every thread."""

    def __init__(self, reranker: Reranker | None = None) -> None:
        """Rerank by ``reranker`` the releases that ask for it."""
        self._reranker = reranker or Reranker()

    def search(
        self,
        serving: ServingRelease,
        partition: Partition,
        query: str,
        *,
        k: int,
        mode: str = "hybrid",
        group_by_document: bool = True,
        vector: Vector | None = None,
        matching: Matching | None = None,
        earlier: Sequence[str] = (),
        answer: str = "",
        before_stage: Callable[[], None] | None = None,
    ) -> Result:
        """The best ``k`` passages of a partition for a query.

        Args:
            serving: The release to search.
            partition: The tenant and collection; one that the snapshot does not hold gives no hits.
            query: The text to look for; it may be empty where ``mode`` is ``dense`` and a vector is given.
            k: How many hits, at least 1.
            mode: ``hybrid``, ``dense`` or ``lexical``.
            group_by_document: Whether a document gives at most one hit, its best passage.
            vector: The query's vector, float32 (dimension,) and of unit norm, where the caller has it.
            matching: Which documents may be found; ``None`` for all.
            earlier: The turns of the conversation before the query, oldest first, as ``read_conversation`` gives them;
                the recipe's conversation view says what they count, and without one they count nothing.
            answer: What the assistant said right before the query, likewise.
            before_stage: Called before each stage; an error that it raises ends the search.

        Returns:
            Hits best first, equal scores by document id and place in the document, whichever shard they stand in.
            ``dense`` and ``hybrid`` give fewer than ``k`` hits only when fewer may be found; ``lexical`` gives only
            passages that hold a term of the query. Where the recipe has a reranker, the best of them stand in its
            order, unless a warning says that it was skipped.

        Raises:
            InvalidInput: ``k``, ``mode`` or the vector's dimension is out of range.
        """
        asked = Query(query, k, mode, group_by_document, vector, matching, tuple(earlier), answer=answer)
        return self.begin(serving, partition, asked, before_stage).result()

    def begin(
        self,
        serving: ServingRelease,
        partition: Partition,
        asked: Query,
        before_stage: Callable[[], None] | None = None,
    ) -> "Search":
        """A search that is done step by step; see ``search``, which does them all."""
        return Search(serving, partition, asked, StageTimings(before_stage), self._reranker)


class Search:
    """One search in steps, so that another thread may encode meanwhile. A step asked for twice is done once.

    ``encode`` may run beside ``score_terms``, in another thread; ``result`` comes after both, and does what was not
    done before.
    """

    def __init__(
        self,
        serving: ServingRelease,
        partition: Partition,
        asked: Query,
        timings: StageTimings,
        reranker: Reranker,
    ) -> None:
        """Nothing is searched yet.

        Raises:
            InvalidInput: as ``Retriever.search``.
        """
        if asked.k < 1 or asked.mode not in MODES:
            raise InvalidInput(
                f"k {asked.k} or mode {asked.mode!r} is out of range: expected k of at least 1 and {', '.join(MODES)}."
            )
        dimension = serving.embedder.dimension
        if asked.vector is not None and len(asked.vector) != dimension:
            raise InvalidInput(
                f"the vector has {len(asked.vector)} components: expected {dimension}, as the model gives."
            )
        self._began = time.perf_counter()
        self._serving, self._partition, self._asked = serving, partition, asked
        self._timings, self._reranker = timings, reranker
        self._view = serving.view(partition)
        self._has_rows = self._view is not None and self._view.rows > 0
        self._vector = asked.vector
        self._allowed: Sequence[Mask | None] | None = None
        self._terms: tuple[Scores | None, float] | None = None
        self._features: dict[str, float] = {}

    @property
    def view_number(self) -> int:
        """Which of the process's views of the partition is searched."""
        return self._serving.number_of(self._view)

    @property
    def text(self) -> str:
        """What is looked for, empty beside a vector alone."""
        return self._asked.text

    @property
    def needs_encoding(self) -> bool:
        """Whether ``encode`` has something to do that takes time."""
        return self._has_rows and self._vector is None and self._asked.mode != "lexical"

    def use_known_vector(self) -> None:
        """Take the query's vector from where it was kept, if it is at hand; whether it was, ``needs_encoding`` says."""
        if self.needs_encoding and self._asked.turns == Turns(self._asked.text):
            with self._timings.stage("encode"):
                self._vector = self._serving.embedder.known(self._asked.text)

    def encode(self) -> None:
        """Find the query's vector, if the mode uses it."""
        if self.needs_encoding:
            with self._timings.stage("encode"):
                self._vector = _query_vector(self._serving, self._asked)

    def score_terms(self) -> None:
        """Find which passages may be found, and their lexical scores, if the mode uses them."""
        asked, view = self._asked, self._view
        if view is None or not self._has_rows or self._terms is not None:
            return
        with self._timings.stage("filter"):
            self._allowed = view.allowed(asked.matching)
        if asked.mode == "dense" or not asked.text:
            self._terms = None, 0.0
        else:
            with self._timings.stage("lexical"):
                found = _term_scores(self._serving, view, asked, self._allowed)
            self._terms = found.scores, found.max_score
            if found.terms:
                self._features["terms"] = float(found.terms)
                self._features["unknown_share"] = found.unknown / found.terms

    def result(self, max_candidates: int | None = None) -> Result:
        """Everything that was not done before, and the hits.

        Args:
            max_candidates: How many passages may be scored at most; ``None`` for as many as the search needs.

        Raises:
            TooManyCandidates: more would have to be scored, or be looked for. What was done so far is kept, so that
                ``result`` without a limit goes on from there.
        """
        self.score_terms()
        self.encode()
        serving = self._serving
        depth = self._asked.k if serving.reranker is None else max(self._asked.k, serving.recipe.second_pass.depth)
        hits = self._hits(depth, max_candidates)
        broken = serving.snapshot.broken_shards(self._partition)
        warnings = [f"not searched: {reason}" for reason in broken.values()]
        if serving.reranker is not None and hits:
            with self._timings.stage("rerank"):
                hits = self._rerank(serving.reranker, hits, warnings)[: self._asked.k]
        self._timings.add("total", (time.perf_counter() - self._began) * 1000.0)
        return Result(hits, self._timings.milliseconds, warnings, self._features, self._computed_vector())

    def _computed_vector(self) -> QueryVector | None:
        """The query's vector, unless the caller gave it."""
        if self._vector is None or self._asked.vector is not None:
            return None
        return QueryVector(self._serving.recipe.model, self._vector)

    def _hits(self, k: int, max_candidates: int | None) -> list[RankedPassage]:
        view, serving, timings = self._view, self._serving, self._timings
        if view is None or self._terms is None:
            return []
        retrieval, fusion = serving.recipe.retrieval, serving.fusion(self._partition)
        term_scores, max_score = self._terms
        depth = max(retrieval.candidates, k)
        while True:
            best = best_of_legs(view, self._vector, term_scores, depth, timings, self._allowed)
            with timings.stage("fuse"):
                rows = candidate_rows(view, best.keys, grouped=self._asked.grouped)
                has_enough = len(rows.first) >= k or best.is_exhausted
                if max_candidates is not None and (len(rows.rows) > max_candidates or not has_enough):
                    raise TooManyCandidates
                if has_enough:
                    found = score_candidates(view, rows, self._vector, term_scores)
                    boosted = None
                    if serving.boosts is not None:
                        boosted = serving.boosts.of(self._partition, document_ids(view, found), self._asked.at)
                    added = None if boosted is None else boosted.added
                    chosen = choose(view, found, max_score, k, dense_weight=fusion.dense_weight, added=added)
                    if best.overlap is not None:
                        self._features["leg_overlap"] = best.overlap
                    self._features |= _live_share(view, chosen)
                    break
            depth *= 4
        with timings.stage("hydrate"):
            is_hybrid = self._asked.mode == "hybrid"
            curve = fusion.calibration if is_hybrid else serving.curve(self._partition, self._asked.mode)
            hits = _hydrate(view, chosen, self._calibrated(curve, chosen.fused_scores))
            return hits if boosted is None else _with_features(hits, chosen, boosted)

    def _rerank(self, reranker: RerankerModel, hits: list[RankedPassage], warnings: list[str]) -> list[RankedPassage]:
        """The hits in the reranker's order, or as they are and a warning why."""
        plan = self._serving.recipe.second_pass
        texts = [pair_text(hit.passage) for hit in hits[: plan.depth]]
        second = self._reranker.score(reranker, self._asked.text, texts, plan.budget_ms)
        if second.logits is None:
            warnings.append(f"not reranked: {second.reason}")
            return hits
        curve = self._serving.curve(self._partition, RERANK)
        return _reordered(hits, second.logits, self._calibrated(curve, second.logits))

    def _calibrated(self, curve: Sequence[float], ordering: Scores) -> Scores:
        terms, unknown = self._features.get("terms", 0.0), self._features.get("unknown_share", 0.0)
        return calibrate(curve, ordering, terms=terms, unknown_share=unknown)


def _live_share(view: PartitionView, chosen: Chosen) -> dict[str, float]:
    """How many of the hits stand in memory alone, where anything does."""
    is_live = np.array([shard.is_in_memory for shard in view.shards], np.bool_)
    if not is_live.any() or not len(chosen.numbers):
        return {}
    return {"live_share": float(is_live[chosen.numbers].mean())}


def _query_vector(serving: ServingRelease, query: Query) -> Vector:
    conversation = serving.recipe.conversation
    if conversation is None:
        return serving.embedder.encode_query(query.text)
    return conversation_vector(conversation, query.turns, serving.embedder.encode_query)


def unit_vector(components: Sequence[float]) -> Vector:
    """A query vector of unit norm.

    Raises:
        InvalidInput: it has no direction.
    """
    vector = np.array(components, np.float64)
    largest = float(np.abs(vector).max(initial=0.0))
    if not 0.0 < largest < float("inf"):
        raise InvalidInput("the vector has no direction: expected finite components that are not all zero.")
    vector /= largest  # else squares of very large or small components leave what a number can hold
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _term_scores(
    serving: ServingRelease, view: PartitionView, query: Query, allowed: Sequence[Mask | None]
) -> TermScores:
    """BM25 of every passage, 0 for those that may not be found."""
    conversation, analyser = serving.recipe.conversation, serving.analyser.of(view.partition)
    if conversation is None:
        weights = analyser.query_weights(query.text)
    else:
        weights = conversation_terms(conversation, query.turns, analyser.query_weights)
    found = serving.bm25.score_terms(view.segments, weights or analyser.stop_weights(query.text))
    for offset, mask in zip(view.offsets.tolist(), allowed, strict=True):
        if mask is not None:
            found.scores[offset : offset + len(mask)][~mask] = 0.0
    return found


def _reordered(hits: Sequence[RankedPassage], logits: Scores, scores: Scores) -> list[RankedPassage]:
    """The first hits by their logits, equal ones as they stood; the others after them, with no higher score."""
    order = np.argsort(-logits, kind="stable").tolist()
    first = [
        replace(hits[place], rank=rank, score=float(scores[place]), rerank=float(logits[place]))
        for rank, place in enumerate(order, 1)
    ]
    least = first[-1].score
    return first + [replace(hit, score=min(hit.score, least)) for hit in hits[len(first) :]]


def _with_features(hits: Sequence[RankedPassage], chosen: Chosen, boosted: BoostedDocuments) -> list[RankedPassage]:
    return [
        replace(hit, features=boosted.values[group]) for hit, group in zip(hits, chosen.groups.tolist(), strict=True)
    ]


def _hydrate(view: PartitionView, hits: Chosen, scores: Scores) -> list[RankedPassage]:
    none = [None] * len(scores)
    legs = (none if leg is None else leg.tolist() for leg in (hits.dense, hits.lexical))
    return [
        RankedPassage(rank, score, dense, lexical, view.passage(number, row))
        for rank, (score, dense, lexical, number, row) in enumerate(
            zip(scores.tolist(), *legs, hits.numbers.tolist(), hits.rows.tolist(), strict=True), 1
        )
    ]
