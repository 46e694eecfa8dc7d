"""The retriever: one query against one partition of one release, for the API, the command line and evaluation."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from app.retrieval.fusion import calibrate, evidence
from app.retrieval.reranker import Reranker, pair_text
from app.retrieval.snapshot_pool import ServingRelease
from indexing.attributes import AttributeSegment
from indexing.conversation import Turns, conversation_terms, conversation_vector
from indexing.errors import InvalidInput
from indexing.pair_scorer import PairScorer
from indexing.records import MODES, Mask, Partition, Rows, Scores, Vector
from indexing.shards import StoredPassage
from indexing.snapshot import PartitionView
from indexing.telemetry import StageTimings

Matching: TypeAlias = Callable[[AttributeSegment], Mask | None]
"""Picks documents of a segment: bool, one entry a document, or ``None`` for all."""


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A hit: rank from 1, calibrated score 0..1, and the raw score of each leg that the mode used.

    Grouped by document, the raw scores are the best that any passage of the document has in each leg. ``rerank`` is
    the reranker's logit for the passage, where there was a second pass.
    """

    rank: int
    score: float
    dense: float | None
    lexical: float | None
    passage: StoredPassage
    rerank: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Hits best first, milliseconds by stage, and what is missing from them."""

    hits: list[RankedPassage]
    timings_ms: dict[str, float]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages of a partition by (shard number, row), with both raw scores where the mode uses them.

    They stand in groups, each a document with all its passages or a single passage; ``first`` is where each group
    begins.
    """

    numbers: Rows
    rows: Rows
    first: Rows
    dense: Scores | None
    lexical: Scores | None


@dataclass(frozen=True, slots=True)
class _Query:
    """What is asked of a partition; see ``Retriever.search``."""

    text: str
    k: int
    mode: str
    grouped: bool
    vector: Vector | None
    matching: Matching | None
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit before its passage is read."""

    number: int
    row: int
    evidence: float
    dense: float | None
    lexical: float | None


class Retriever:
    """Searches a release. One serves every thread: all that it keeps is a few threads for second legs."""

    def __init__(self, reranker: Reranker | None = None) -> None:
        """Rerank by ``reranker`` the releases that ask for it."""
        self._reranker = reranker or Reranker()
        self._legs = ThreadPoolExecutor(1, thread_name_prefix="second-leg")
        self._at_work = 0
        self._lock = threading.Lock()

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
            before_stage: Called before each stage; an error that it raises ends the search.

        Returns:
            Hits best first, equal scores in a fixed order. ``dense`` and ``hybrid`` give fewer than ``k`` hits only
            when fewer may be found; ``lexical`` gives only passages that hold a term of the query. Where the recipe
            has a reranker, the best of them stand in its order, unless a warning says that it was skipped.

        Raises:
            InvalidInput: ``k``, ``mode`` or the vector's dimension is out of range.
        """
        if k < 1 or mode not in MODES:
            raise InvalidInput(
                f"k {k} or mode {mode!r} is out of range: expected k of at least 1 and {', '.join(MODES)}."
            )
        if vector is not None and len(vector) != serving.embedder.dimension:
            raise InvalidInput(
                f"the vector has {len(vector)} components: expected {serving.embedder.dimension}, as the model gives."
            )
        timings = StageTimings(before_stage)
        began = time.perf_counter()
        view = serving.view(partition)
        hits: list[RankedPassage] = []
        if view is not None and view.rows:
            depth = k if serving.reranker is None else max(k, serving.recipe.second_pass.depth)
            asked = _Query(query, depth, mode, group_by_document, vector, matching, tuple(earlier))
            with self._counted():
                hits = self._search_view(serving, view, asked, timings)
        warnings = [f"not searched: {reason}" for reason in serving.snapshot.broken_shards(partition).values()]
        if serving.reranker is not None and hits:
            with timings.stage("rerank"):
                hits = self._rerank(serving, serving.reranker, query, hits, warnings)[:k]
        timings.add("total", (time.perf_counter() - began) * 1000.0)
        return Result(hits, timings.milliseconds, warnings)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a search as at work."""
        with self._lock:
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1

    def _rerank(
        self,
        serving: ServingRelease,
        scorer: PairScorer,
        question: str,
        hits: list[RankedPassage],
        warnings: list[str],
    ) -> list[RankedPassage]:
        """The hits in the reranker's order, or as they are and a warning why."""
        plan = serving.recipe.second_pass
        texts = [pair_text(hit.passage) for hit in hits[: plan.depth]]
        second = self._reranker.score(scorer, question, texts, plan.budget_ms)
        if second.logits is None:
            warnings.append(f"not reranked: {second.reason}")
            return hits
        return _reordered(hits, second.logits, plan.calibration)

    def _search_view(
        self, serving: ServingRelease, view: PartitionView, query: _Query, timings: StageTimings
    ) -> list[RankedPassage]:
        with timings.stage("filter"):
            allowed = view.allowed(query.matching)
        vector, term_scores, bound = self._both_legs(serving, view, query, allowed, timings)
        depth = max(serving.recipe.retrieval.candidates, query.k)
        while True:
            keys, is_exhausted = best_of_legs(view, vector, term_scores, depth, timings, allowed)
            with timings.stage("fuse"):
                found = score_candidates(view, keys, vector, term_scores, grouped=query.grouped)
            if len(found.first) >= query.k or is_exhausted:
                break
            depth *= 4
        with timings.stage("fuse"):
            chosen = _choose(serving, found, bound, query.k)
        with timings.stage("hydrate"):
            return _hydrate(view, chosen, serving.recipe.retrieval.calibration[query.mode])

    def _both_legs(
        self,
        serving: ServingRelease,
        view: PartitionView,
        query: _Query,
        allowed: Sequence[Mask | None],
        timings: StageTimings,
    ) -> tuple[Vector | None, Scores | None, float]:
        """The query's vector, and the lexical scores with their bound; side by side while no other search is at work.

        Two legs in two threads make one answer sooner and all answers together later, since each has to wait for the
        interpreter in between.
        """

        def lexical() -> tuple[Scores, float]:
            with timings.stage("lexical"):
                return _term_scores(serving, view, query, allowed)

        def encode() -> Vector:
            if query.vector is not None:
                return query.vector
            with timings.stage("encode"):
                return _query_vector(serving, query)

        if query.mode == "dense" or not query.text:
            return encode(), None, 0.0
        if query.mode == "lexical":
            return None, *lexical()
        if self._at_work > 1 or query.vector is not None or serving.embedder.knows(query.text):
            return encode(), *lexical()
        other = self._legs.submit(lexical)
        return encode(), *other.result()


def _query_vector(serving: ServingRelease, query: _Query) -> Vector:
    conversation = serving.recipe.conversation
    if conversation is None:
        return serving.embedder.encode_query(query.text)
    return conversation_vector(conversation, Turns(query.text, query.earlier), serving.embedder.encode_query)


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
    serving: ServingRelease, view: PartitionView, query: _Query, allowed: Sequence[Mask | None]
) -> tuple[Scores, float]:
    """BM25 of every passage, 0 for those that may not be found, and the bound that none exceeds."""
    conversation = serving.recipe.conversation
    terms: Sequence[str] | Mapping[str, float]
    if conversation is None:
        terms = serving.analyser.terms(query.text)
    else:
        terms = conversation_terms(conversation, Turns(query.text, query.earlier), serving.analyser.terms)
    scores, bound = serving.bm25.scores(view.segments, terms)
    for offset, mask in zip(view.offsets.tolist(), allowed, strict=True):
        if mask is not None:
            scores[offset : offset + len(mask)][~mask] = 0.0
    return scores, bound


def best_of_legs(
    view: PartitionView,
    vector: Vector | None,
    term_scores: Scores | None,
    depth: int,
    timings: StageTimings,
    allowed: Sequence[Mask | None] | None = None,
) -> tuple[Rows, bool]:
    """Keys (shard number and row in one) of each leg's best ``depth`` passages, and whether no leg has any more."""
    keys: list[Rows] = []
    if vector is not None:
        with timings.stage("dense"):
            numbers, rows, _ = view.search(vector, depth, allowed=allowed)
            keys.append(numbers << 32 | rows)
    if term_scores is not None:
        with timings.stage("lexical"):
            keys.append(_best_rows(view, term_scores, depth))
    return np.unique(np.concatenate(keys)), all(len(part) < depth for part in keys) or depth >= view.rows


def _best_rows(view: PartitionView, term_scores: Scores, depth: int) -> Rows:
    """Keys of the ``depth`` passages with the highest lexical scores; passages without a query term never count."""
    rows = np.flatnonzero(term_scores)
    values = term_scores[rows]
    if len(rows) > depth:
        # Of those that equal the last one to fit in, the first count.
        least = np.partition(values, len(rows) - depth)[len(rows) - depth]
        fitting = np.flatnonzero(values >= least)
        rows, values = rows[fitting], values[fitting]
    order = np.argsort(-values, kind="stable")[:depth]
    rows = rows[order]
    numbers = np.searchsorted(view.offsets, rows, "right") - 1
    return numbers << 32 | (rows - view.offsets[numbers] + view.starts[numbers])


def score_candidates(
    view: PartitionView, keys: Rows, vector: Vector | None, term_scores: Scores | None, *, grouped: bool
) -> Candidates:
    """Score passages by both legs; if ``grouped``, all passages of their documents, so that no better one is missed."""
    numbers, rows = keys >> 32, keys & 0xFFFFFFFF
    first = np.arange(len(keys))
    if grouped:
        numbers, rows, first = _whole_documents(view, numbers, rows)
    dense = None if vector is None else view.vectors(numbers, rows) @ vector
    lexical = None
    if term_scores is not None:
        lexical = term_scores[rows - view.starts[numbers] + view.offsets[numbers]]
    return Candidates(numbers, rows, first, dense, lexical)


def _whole_documents(view: PartitionView, numbers: Rows, rows: Rows) -> tuple[Rows, Rows, Rows]:
    """All passages of the documents that some passages belong to, and where each document begins among them."""
    all_numbers, all_rows, sizes = [], [], []
    for number, shard in enumerate(view.shards):
        owners = shard.passage_documents
        documents = np.unique(owners[rows[numbers == number]])
        begin = np.searchsorted(owners, documents, "left")
        size = np.searchsorted(owners, documents, "right") - begin
        offset = np.repeat(begin - (np.cumsum(size) - size), size)
        all_rows.append(offset + np.arange(len(offset)))
        all_numbers.append(np.full(len(offset), number, np.int64))
        sizes.append(size)
    size = np.concatenate(sizes)
    return np.concatenate(all_numbers), np.concatenate(all_rows), np.cumsum(size) - size


def _choose(serving: ServingRelease, found: Candidates, bound: float, k: int) -> list[_Found]:
    """The best ``k`` groups, equal ones by shard and row.

    A document counts by the best of its passages in each leg, which need not be the same passage; the passage shown
    is the one that is best in both together.
    """
    if len(found.first) == 0:
        return []
    weight = serving.recipe.retrieval.dense_weight
    dense, lexical = (
        None if leg is None else np.maximum.reduceat(leg, found.first) for leg in (found.dense, found.lexical)
    )
    ordering = evidence(dense, lexical, bound=bound, dense_weight=weight)
    single = evidence(found.dense, found.lexical, bound=bound, dense_weight=weight)
    order = np.lexsort((found.rows[found.first], found.numbers[found.first], -ordering))
    ends = [*found.first[1:].tolist(), len(found.rows)]
    chosen = []
    for group in order[:k].tolist():
        begin = int(found.first[group])
        shown = begin if ends[group] == begin + 1 else begin + int(np.argmax(single[begin : ends[group]]))
        chosen.append(
            _Found(
                number=int(found.numbers[shown]),
                row=int(found.rows[shown]),
                evidence=float(ordering[group]),
                dense=None if dense is None else float(dense[group]),
                lexical=None if lexical is None else float(lexical[group]),
            )
        )
    return chosen


def _reordered(hits: Sequence[RankedPassage], logits: Scores, calibration: Sequence[float]) -> list[RankedPassage]:
    """The first hits by their logits, equal ones as they stood; the others after them, with no higher score."""
    scores = calibrate(calibration, logits)
    order = np.argsort(-logits, kind="stable").tolist()
    first = [
        replace(hits[place], rank=rank, score=float(scores[place]), rerank=float(logits[place]))
        for rank, place in enumerate(order, 1)
    ]
    least = first[-1].score
    return first + [replace(hit, score=min(hit.score, least)) for hit in hits[len(first) :]]


def _hydrate(view: PartitionView, hits: Sequence[_Found], calibration: Sequence[float]) -> list[RankedPassage]:
    scores = calibrate(calibration, np.array([hit.evidence for hit in hits], np.float32))
    return [
        RankedPassage(rank, float(score), hit.dense, hit.lexical, view.passage(hit.number, hit.row))
        for rank, (hit, score) in enumerate(zip(hits, scores, strict=True), 1)
    ]
