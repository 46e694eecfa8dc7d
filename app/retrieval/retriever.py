"""The retriever: one query against one partition of one release, for the API, the command line and evaluation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.retrieval.fusion import calibrate, evidence
from app.retrieval.snapshot_pool import ServingRelease
from indexing.errors import InvalidInput
from indexing.records import Partition, Rows, Scores, Vector
from indexing.shards import StoredPassage
from indexing.snapshot import PartitionView
from indexing.telemetry import StageTimings

MODES = ("hybrid", "dense", "lexical")


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A hit: rank from 1, calibrated score 0..1, and the raw score of each leg that the mode used.

    Grouped by document, the raw scores are the best that any passage of the document has in each leg.
    """

    rank: int
    score: float
    dense: float | None
    lexical: float | None
    passage: StoredPassage


@dataclass(frozen=True, slots=True)
class Result:
    """Hits best first, milliseconds by stage, and what is missing from them."""

    hits: list[RankedPassage]
    timings_ms: dict[str, float]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Passages of a partition by (shard number, row), with both raw scores where the mode uses them."""

    numbers: Rows
    rows: Rows
    dense: Scores | None
    lexical: Scores | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit before its passage is read."""

    number: int
    row: int
    evidence: float
    dense: float | None
    lexical: float | None


class Retriever:
    """Searches a release. Holds no state of its own, so one serves every thread."""

    def search(
        self,
        serving: ServingRelease,
        partition: Partition,
        query: str,
        *,
        k: int,
        mode: str = "hybrid",
        group_by_document: bool = True,
    ) -> Result:
        """The best ``k`` passages of a partition for a query.

        Args:
            serving: The release to search.
            partition: The tenant and collection; one that the snapshot does not hold gives no hits.
            query: The text to look for.
            k: How many hits, at least 1.
            mode: ``hybrid``, ``dense`` or ``lexical``.
            group_by_document: Whether a document gives at most one hit, its best passage.

        Returns:
            Hits best first, equal scores in a fixed order. ``dense`` and ``hybrid`` give fewer than ``k`` hits only
            when the partition holds fewer; ``lexical`` gives only passages that hold a term of the query.

        Raises:
            InvalidInput: ``k`` or ``mode`` is out of range.
        """
        if k < 1 or mode not in MODES:
            raise InvalidInput(
                f"k {k} or mode {mode!r} is out of range: expected k of at least 1 and {', '.join(MODES)}."
            )
        timings = StageTimings()
        began = time.perf_counter()
        view = serving.snapshot.view(partition)
        hits: list[RankedPassage] = []
        if view is not None and view.rows:
            hits = _search_view(serving, view, query, k, mode, group_by_document, timings)
        broken = serving.snapshot.broken_shards(partition)
        timings.add("total", (time.perf_counter() - began) * 1000.0)
        return Result(hits, timings.milliseconds, [f"not searched: {reason}" for reason in broken.values()])


def _search_view(
    serving: ServingRelease, view: PartitionView, query: str, k: int, mode: str, grouped: bool, timings: StageTimings
) -> list[RankedPassage]:
    vector: Vector | None = None
    term_scores: list[Scores] = []
    bound = 0.0
    if mode != "lexical":
        with timings.stage("encode"):
            vector = serving.embedder.encode_query(query)
    if mode != "dense":
        with timings.stage("lexical"):
            term_scores, bound = serving.bm25.scores(view.segments, serving.analyser.terms(query))
    depth = max(serving.recipe.retrieval.candidates, 2 * k)
    while True:
        found = _gather(view, vector, term_scores, depth, timings)
        with timings.stage("fuse"):
            hits = _order(serving, view, found, bound, grouped)[:k]
        if len(hits) == k or depth >= view.rows:
            break
        depth *= 4
    with timings.stage("hydrate"):
        return _hydrate(view, hits, serving.recipe.retrieval.calibration[mode])


def _gather(
    view: PartitionView, vector: Vector | None, term_scores: Sequence[Scores], depth: int, timings: StageTimings
) -> _Candidates:
    """The best ``depth`` passages of each leg, every one of them scored by both."""
    keys: list[NDArray[np.int64]] = []
    if vector is not None:
        with timings.stage("dense"):
            numbers, rows, _ = view.search(vector, depth)
            keys.append(numbers << 32 | rows)
    if term_scores:
        with timings.stage("lexical"):
            keys.append(_best_rows(view, term_scores, depth))
    with timings.stage("fuse"):
        merged = np.unique(np.concatenate(keys))
        numbers, rows = merged >> 32, merged & 0xFFFFFFFF
        dense = None if vector is None else view.vectors(numbers, rows) @ vector
        lexical = None
        if term_scores:
            lexical = np.empty(len(merged), np.float32)
            for number, scores in enumerate(term_scores):
                mine = numbers == number
                lexical[mine] = scores[rows[mine] - view.starts[number]]
    return _Candidates(numbers, rows, dense, lexical)


def _best_rows(view: PartitionView, term_scores: Sequence[Scores], depth: int) -> NDArray[np.int64]:
    """Keys of the ``depth`` passages with the highest lexical scores; passages without a query term never count."""
    keys, values = [], []
    for number, scores in enumerate(term_scores):
        rows = np.flatnonzero(scores)
        if len(rows) > depth:
            rows = rows[np.argpartition(-scores[rows], depth - 1)[:depth]]
        keys.append(np.int64(number) << 32 | (rows + view.starts[number]))
        values.append(scores[rows])
    key, value = np.concatenate(keys), np.concatenate(values)
    return key[np.lexsort((key, -value))[:depth]]


def _order(
    serving: ServingRelease, view: PartitionView, found: _Candidates, bound: float, grouped: bool
) -> list[_Found]:
    """The candidates best first, equal ones by shard and row; one a document if ``grouped``.

    A document counts by the best of its passages in each leg, which need not be the same passage; the passage shown
    is the one that is best in both together.
    """
    weight = serving.recipe.retrieval.dense_weight
    dense, lexical = found.dense, found.lexical
    ordering = evidence(dense, lexical, bound=bound, dense_weight=weight)
    order = np.lexsort((found.rows, found.numbers, -ordering))
    if grouped:
        documents = _documents(view, found)
        _, first, group = np.unique(documents[order], return_index=True, return_inverse=True)
        shown = order[first]
        dense, lexical = (_best_of_group(leg, order, group, len(first)) for leg in (dense, lexical))
        ordering = evidence(dense, lexical, bound=bound, dense_weight=weight)
        order = np.lexsort((found.rows[shown], found.numbers[shown], -ordering))
    else:
        shown = np.arange(len(ordering))
    return [
        _Found(
            number=int(found.numbers[shown[index]]),
            row=int(found.rows[shown[index]]),
            evidence=float(ordering[index]),
            dense=None if dense is None else float(dense[index]),
            lexical=None if lexical is None else float(lexical[index]),
        )
        for index in order
    ]


def _documents(view: PartitionView, found: _Candidates) -> NDArray[np.int64]:
    """Each candidate's document, as one number that is unique in the partition."""
    documents = np.empty(len(found.rows), np.int64)
    for number, shard in enumerate(view.shards):
        mine = found.numbers == number
        documents[mine] = np.int64(number) << 32 | shard.passage_documents[found.rows[mine]].astype(np.int64)
    return documents


def _best_of_group(
    scores: Scores | None, order: NDArray[np.int64], group: NDArray[np.int64], groups: int
) -> Scores | None:
    if scores is None:
        return None
    best = np.full(groups, -np.inf, np.float32)
    np.maximum.at(best, group, scores[order])
    return best


def _hydrate(view: PartitionView, hits: Sequence[_Found], calibration: Sequence[float]) -> list[RankedPassage]:
    scores = calibrate(calibration, np.array([hit.evidence for hit in hits], np.float32))
    return [
        RankedPassage(rank, float(score), hit.dense, hit.lexical, view.passage(hit.number, hit.row))
        for rank, (hit, score) in enumerate(zip(hits, scores, strict=True), 1)
    ]
