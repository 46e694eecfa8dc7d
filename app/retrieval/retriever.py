"""The retriever: one query against one partition of one release, for the API, the command line and evaluation."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from app.retrieval.fusion import calibrate, evidence
from app.retrieval.snapshot_pool import ServingRelease
from indexing.errors import InvalidInput
from indexing.records import MODES, Partition, Rows, Scores, Vector
from indexing.shards import StoredPassage
from indexing.snapshot import PartitionView
from indexing.telemetry import StageTimings


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
    depth = max(serving.recipe.retrieval.candidates, k)
    while True:
        keys, is_exhausted = best_of_legs(view, vector, term_scores, depth, timings)
        with timings.stage("fuse"):
            found = score_candidates(view, keys, vector, term_scores, grouped=grouped)
        if len(found.first) >= k or is_exhausted:
            break
        depth *= 4
    with timings.stage("fuse"):
        chosen = _choose(serving, found, bound, k)
    with timings.stage("hydrate"):
        return _hydrate(view, chosen, serving.recipe.retrieval.calibration[mode])


def best_of_legs(
    view: PartitionView, vector: Vector | None, term_scores: Sequence[Scores], depth: int, timings: StageTimings
) -> tuple[Rows, bool]:
    """Keys (shard number and row in one) of each leg's best ``depth`` passages, and whether no leg has any more."""
    keys: list[Rows] = []
    if vector is not None:
        with timings.stage("dense"):
            numbers, rows, _ = view.search(vector, depth)
            keys.append(numbers << 32 | rows)
    if term_scores:
        with timings.stage("lexical"):
            keys.append(_best_rows(view, term_scores, depth))
    return np.unique(np.concatenate(keys)), all(len(part) < depth for part in keys) or depth >= view.rows


def _best_rows(view: PartitionView, term_scores: Sequence[Scores], depth: int) -> Rows:
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


def score_candidates(
    view: PartitionView, keys: Rows, vector: Vector | None, term_scores: Sequence[Scores], *, grouped: bool
) -> Candidates:
    """Score passages by both legs; if ``grouped``, all passages of their documents, so that no better one is missed."""
    numbers, rows = keys >> 32, keys & 0xFFFFFFFF
    first = np.arange(len(keys))
    if grouped:
        numbers, rows, first = _whole_documents(view, numbers, rows)
    dense = None if vector is None else view.vectors(numbers, rows) @ vector
    lexical = None
    if term_scores:
        lexical = np.empty(len(rows), np.float32)
        for number, scores in enumerate(term_scores):
            mine = numbers == number
            lexical[mine] = scores[rows[mine] - view.starts[number]]
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
        shown = begin + int(np.argmax(single[begin : ends[group]]))
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


def _hydrate(view: PartitionView, hits: Sequence[_Found], calibration: Sequence[float]) -> list[RankedPassage]:
    scores = calibrate(calibration, np.array([hit.evidence for hit in hits], np.float32))
    return [
        RankedPassage(rank, float(score), hit.dense, hit.lexical, view.passage(hit.number, hit.row))
        for rank, (hit, score) in enumerate(zip(hits, scores, strict=True), 1)
    ]
