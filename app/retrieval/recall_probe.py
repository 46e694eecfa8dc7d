"""Live recall: how much of what exact search finds does the search that serves find, on the data it serves now?"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from indexing.indexes.ivf_index import sample_queries
from indexing.records import Rows, Vector, Vectors
from indexing.snapshots.partition_view import PartitionView

_SAMPLED_ROWS = 3
"""For each query. Our choice."""


@dataclass(frozen=True, slots=True)
class LiveRecall:
    """The share of the ``k`` exactly nearest passages that a search gives over sampled queries, and what each costs.

    Times are medians in milliseconds.
    """

    recall: float
    k: int
    queries: int
    passages: int
    is_approximate: bool
    search_ms: float
    exact_ms: float


def measure_recall(
    view: PartitionView, *, k: int, queries: int, seed: int = 0, before_search: Callable[[], None] = lambda: None
) -> LiveRecall:
    """Search a partition both ways for queries sampled from its own passages.

    Args:
        view: A partition that holds at least one passage.
        k: At least 1.
        queries: How many, at least 1.
        seed: Other seeds sample other queries.
        before_search: Called before each search; an error that it raises ends the measurement.
    """
    asked = sample_queries(_sampled_vectors(view, queries * _SAMPLED_ROWS, seed), queries)
    found, search_ms = _timed(asked, lambda query: view.search(query, k), before_search)
    wanted, exact_ms = _timed(asked, lambda query: view.search(query, k, exact=True), before_search)
    hits = sum(len(some & all_) for some, all_ in zip(found, wanted, strict=True))
    return LiveRecall(
        recall=hits / max(sum(len(rows) for rows in wanted), 1),
        k=k,
        queries=queries,
        passages=view.rows,
        is_approximate=any(shard.lists is not None for shard in view.shards),
        search_ms=search_ms,
        exact_ms=exact_ms,
    )


def _sampled_vectors(view: PartitionView, count: int, seed: int) -> Vectors:
    """The vectors of some passages that may be found."""
    numbers, rows = [], []
    for number, (mask, shard, start) in enumerate(zip(view.allowed(), view.shards, view.starts, strict=True)):
        part = shard.partitions[view.partition]
        seen: Rows = np.arange(part.stop - part.start) if mask is None else np.flatnonzero(mask)
        numbers.append(np.full(len(seen), number, np.int64))
        rows.append(seen + start)
    all_numbers, all_rows = np.concatenate(numbers), np.concatenate(rows)
    chosen = np.sort(np.random.default_rng(seed).integers(0, len(all_rows), count))
    return view.vectors(all_numbers[chosen], all_rows[chosen])


def _timed(
    queries: Vectors, search: Callable[[Vector], tuple[Rows, Rows, object]], before_search: Callable[[], None]
) -> tuple[list[set[tuple[int, int]]], float]:
    found, milliseconds = [], []
    for query in queries:
        before_search()
        began = time.perf_counter()
        numbers, rows, _ = search(query)
        milliseconds.append((time.perf_counter() - began) * 1000.0)
        found.append(set(zip(numbers.tolist(), rows.tolist(), strict=True)))
    return found, float(np.median(milliseconds))
