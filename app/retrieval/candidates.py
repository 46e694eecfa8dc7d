"""Candidates: what either leg finds of a partition, with the scores of both legs, before fusion orders it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexing.indexes.fusion import fused_scores
from indexing.records import Mask, Rows, Scores, Vector
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import distinct
from indexing.telemetry import StageTimings

_FOLDS = 16
"""Parts of the scores that are laid over each other, to find a floor for the best. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages of a partition by (shard number, row), with both raw scores where the mode uses them.

    They stand in groups, each a document with all its passages or a single passage, by shard and row; ``first`` is
    where each group begins.
    """

    numbers: Rows
    rows: Rows
    first: Rows
    dense: Scores | None
    lexical: Scores | None


@dataclass(frozen=True, slots=True)
class LegsBest:
    """Keys (shard number and row in one) of each leg's best passages, all in one, each once.

    ``is_exhausted`` says that no leg has any more; ``overlap``, 0..1, how many of the shorter leg's are the other's,
    too, ``None`` unless both legs found some.
    """

    keys: Rows
    is_exhausted: bool
    overlap: float | None


def best_of_legs(
    view: PartitionView,
    vector: Vector | None,
    term_scores: Scores | None,
    depth: int,
    timings: StageTimings,
    allowed: Sequence[Mask | None] | None = None,
) -> LegsBest:
    """Each leg's best ``depth`` passages."""
    keys: list[Rows] = []
    if vector is not None:
        with timings.stage("dense"):
            numbers, rows, _ = view.search(vector, depth, allowed=allowed)
            keys.append(_keys(numbers, rows))
    if term_scores is not None:
        with timings.stage("lexical"):
            keys.append(_best_rows(view, term_scores, depth))
    together = distinct(np.sort(np.concatenate(keys)))
    sizes = [len(part) for part in keys]
    is_exhausted = all(size < depth for size in sizes) or depth >= view.rows
    has_overlap = len(sizes) > 1 and min(sizes) > 0
    return LegsBest(together, is_exhausted, (sum(sizes) - len(together)) / min(sizes) if has_overlap else None)


def _best_rows(view: PartitionView, term_scores: Scores, depth: int) -> Rows:
    """Keys of the ``depth`` passages with the highest lexical scores; passages without a query term never count.

    Of those that equal the last one to fit in, the first by document id and place count.
    """
    floor, columns = np.float32(0.0), len(term_scores) // _FOLDS
    if columns > depth:
        # At least ``depth`` passages reach the floor; it takes a sixteenth of the time of asking all for the last one.
        most = term_scores[: _FOLDS * columns].reshape(_FOLDS, columns).max(axis=0)
        floor = np.partition(most, columns - depth)[columns - depth]
    rows = np.flatnonzero(term_scores >= floor if floor > 0 else term_scores > 0)
    values = term_scores[rows]
    if len(rows) > depth:
        last = np.partition(values, len(rows) - depth)[len(rows) - depth]
        better = rows[values > last]
        numbers, equal = _in_shards(view, rows[values == last])
        chosen = view.first_by_document(numbers, equal, depth - len(better))
        return np.concatenate([_keys(*_in_shards(view, better)), _keys(numbers[chosen], equal[chosen])])
    return _keys(*_in_shards(view, rows))


def _in_shards(view: PartitionView, rows: Rows) -> tuple[Rows, Rows]:
    """Shard numbers and rows of those shards, by the place of passages in all of the partition's rows."""
    numbers = np.searchsorted(view.offsets, rows, "right") - 1
    return numbers, rows - view.offsets[numbers] + view.starts[numbers]


def _keys(numbers: Rows, rows: Rows) -> Rows:
    return numbers << 32 | rows


@dataclass(frozen=True, slots=True)
class CandidateRows:
    """Where candidates are; see ``Candidates``."""

    numbers: Rows
    rows: Rows
    first: Rows


def candidate_rows(view: PartitionView, keys: Rows, *, grouped: bool) -> CandidateRows:
    """Passages by their keys, as ``best_of_legs`` gives them; if ``grouped``, all passages of their documents.

    So no better passage of a document is missed.
    """
    numbers, rows = keys >> 32, keys & 0xFFFFFFFF
    return _whole_documents(view, numbers, rows) if grouped else CandidateRows(numbers, rows, np.arange(len(keys)))


def group_keys(rows: CandidateRows) -> Rows:
    """What names each group: the key of its first passage."""
    return _keys(rows.numbers[rows.first], rows.rows[rows.first])


def without_groups(rows: CandidateRows, seen: Rows) -> CandidateRows:
    """Candidates without some groups, by their names; groups hold the same passages whenever they are found."""
    sizes = np.diff(np.append(rows.first, len(rows.rows)))
    is_new = ~np.isin(group_keys(rows), seen)
    kept, size = np.repeat(is_new, sizes), sizes[is_new]
    return CandidateRows(rows.numbers[kept], rows.rows[kept], np.cumsum(size) - size)


def score_candidates(
    view: PartitionView, chosen_rows: CandidateRows, vector: Vector | None, term_scores: Scores | None
) -> Candidates:
    """Score passages by both legs."""
    numbers, rows = chosen_rows.numbers, chosen_rows.rows
    dense = None if vector is None else view.cosines(numbers, rows, vector)
    lexical = None
    if term_scores is not None:
        lexical = term_scores[rows - view.starts[numbers] + view.offsets[numbers]]
    return Candidates(numbers, rows, chosen_rows.first, dense, lexical)


def document_ids(view: PartitionView, found: Candidates) -> list[str]:
    """The id of the document of each group of candidates, in order."""
    numbers, rows = found.numbers[found.first].tolist(), found.rows[found.first].tolist()
    return [view.document_id(number, row) for number, row in zip(numbers, rows, strict=True)]


def _whole_documents(view: PartitionView, numbers: Rows, rows: Rows) -> CandidateRows:
    all_numbers, all_rows, sizes = [], [], []
    for number, shard in enumerate(view.shards):
        found, size = shard.whole_documents(view.partition, rows[numbers == number])
        all_rows.append(found)
        all_numbers.append(np.full(len(found), number, np.int64))
        sizes.append(size)
    size = np.concatenate(sizes)
    return CandidateRows(np.concatenate(all_numbers), np.concatenate(all_rows), np.cumsum(size) - size)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best groups of candidates, best first: the passage shown of each, and the best raw scores of the group."""

    numbers: Rows
    rows: Rows
    fused_scores: Scores
    dense: Scores | None
    lexical: Scores | None
    groups: Rows
    """Which of the candidates' groups they are."""


def choose(
    view: PartitionView,
    found: Candidates,
    max_score: float,
    k: int,
    *,
    dense_weight: float,
    added: Scores | None = None,
) -> Chosen:
    """The best ``k`` groups by ``fused_scores``, equal ones by document id and place in the document.

    ``added`` is what boosts add to the score of each group, float32; without boosts ``None``.

    A document counts by the best of its passages in each leg, which need not be the same passage; the passage shown
    is the one that is best in both together.
    """
    if len(found.first) == 0:
        return Chosen(found.numbers, found.rows, np.empty(0, np.float32), found.dense, found.lexical, found.first)
    dense, lexical = (
        None if leg is None else np.maximum.reduceat(leg, found.first) for leg in (found.dense, found.lexical)
    )
    ordering = fused_scores(dense, lexical, max_score=max_score, dense_weight=dense_weight)
    if added is not None:
        ordering = ordering + added
    best = _best_groups(view, found, ordering, k)
    shown = found.first[best]
    ends = np.append(found.first, len(found.rows))[best + 1]
    single = fused_scores(found.dense, found.lexical, max_score=max_score, dense_weight=dense_weight)
    for place in np.flatnonzero(ends - shown > 1).tolist():
        shown[place] += single[shown[place] : ends[place]].argmax()
    dense, lexical = (None if leg is None else leg[best] for leg in (dense, lexical))
    return Chosen(found.numbers[shown], found.rows[shown], ordering[best], dense, lexical, best)


def _best_groups(view: PartitionView, found: Candidates, ordering: Scores, k: int) -> Rows:
    """The ``k`` groups that score best; only where some of them score the same are their documents looked at."""
    order = np.argsort(-ordering, kind="stable")
    first = ordering[order[: k + 1]]
    if len(view.shards) < 2 or not (first[1:] == first[:-1]).any():
        return order[:k]
    numbers, rows = found.numbers[found.first], found.rows[found.first]
    begins = np.flatnonzero(np.append(True, ordering[order[1:]] != ordering[order[:-1]]))
    chosen: list[Rows] = []
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(order)], strict=True):
        if begin >= k:
            break
        equal = order[begin:end]
        if len(equal) > 1:
            equal = equal[view.first_by_document(numbers[equal], rows[equal], min(len(equal), k - begin))]
        chosen.append(equal)
    return np.concatenate(chosen)
