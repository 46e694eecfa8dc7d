"""IVF lists: nearly the results of exact search, from a small part of the rows, with a recall that is measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from indexing.errors import BuildFailed
from indexing.indexes.exact_index import ExactIndex, best_of, inner_products, map_index, require_same_rows
from indexing.records import Json, JsonFields, Mask, Rows, Scores, Vector, Vectors

MIN_ROWS = 256
"""Fewer rows get no lists: there is nothing to gain. Source: decision 14."""
_TARGET_RECALL = 0.995
"""Share of the ten nearest, 0..1, that is aimed for while few rows are read. Source: decision 14."""
SCANNED_ROWS = 8_192
"""Rows that the probed IVF lists may hold while that is aimed for. Source: decision 14."""
_QUERIES = 200
"""Sampled queries that recall is measured with. Source: decision 14."""
PROMISED_K = 10
"""The nearest passages for which recall is measured and promised."""
_TOLERANCE = 1e-3
"""Cosine by which a passage may miss the tenth and still count as one of the ten. Source: ANN-Benchmarks."""
_LEAST_DEPTH = 64
"""Rows that are scored exactly at least, of those that the lists give. Source: decision 14."""
MOST_DEPTH = 4_096
"""Rows that are scored exactly at most: bounds what a crowd of equal passages costs. Source: our choice."""
_LEAST_PROBES = 8
"""IVF lists that a search probes at least. Source: our choice."""
_LEAST_SHARE = 0.3
"""Share of the rows, 0..1, that must be allowed for IVF lists to be probed at all. Source: our choice."""
_STEP = 1.25
"""Factor by which probes grow while recall is too low. Source: our choice."""
_ITERATIONS = 10
"""Rounds of k-means that train IVF lists; faiss has 25 by default. Source: our choice."""
_POINTS = 40
"""Rows for each IVF list that training looks at; faiss has 256 by default. Source: our choice."""


@dataclass(frozen=True, slots=True)
class IvfInfo:
    """What a manifest says of a shard's lists: how many, how many of them a search probes, and what that finds.

    ``recall_at_10`` is the share of the ten exactly nearest passages that a search gives, a mean over ``queries``
    sampled queries. A passage whose cosine is within 0.001 of the tenth counts as one of them, as in ANN-Benchmarks, so
    that a crowd of equal pages is no failure. No build serves less than ``min_recall``. ``rest`` holds what a newer
    version may have written beside these.
    """

    lists: int
    probes: int
    recall_at_10: float
    queries: int
    min_recall: float
    rest: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        info = cls(
            fields.take("lists", int),
            fields.take("probes", int),
            fields.take("recall_at_10", float),
            fields.take("queries", int),
            fields.take("min_recall", float),
        )
        return replace(info, rest=fields.rest())

    def to_json(self) -> dict[str, Json]:
        """This as JSON."""
        stored = asdict(self)
        stored.update(stored.pop("rest"))
        return stored


def write_ivf_lists(path: Path, vectors: Vectors, *, min_recall: float) -> IvfInfo:
    """Write the file that ``IvfIndex`` maps, with as many probes as its measured recall needs.

    An inverted file (4 sqrt(rows) lists) whose vectors, less their list's centre, are quantised to half a byte for two
    dimensions; a search re-scores what it finds exactly. The smallest number of probes with a recall@10 of 0.995 is
    taken, but no more than scan some 8,192 rows, except where ``min_recall`` needs more. The same vectors give the
    same bytes.

    Args:
        path: Where to.
        vectors: At least ``MIN_ROWS`` rows.
        min_recall: 0..1, recall@10 below which nothing is to be served.

    Raises:
        BuildFailed: not even probing all lists reaches ``min_recall``.

    Source: benchmarks/results/index_options.json; docs/decisions/0014-approximate-indexes.md.
    """
    rows, dimension = vectors.shape
    lists = min(int(4 * rows**0.5), rows // 4)
    halves = dimension // 2 if dimension % 2 == 0 else dimension
    quantizer = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFPQFastScan(quantizer, dimension, lists, halves, 4, faiss.METRIC_INNER_PRODUCT)
    index.by_residual = True
    index.cp.niter = _ITERATIONS
    index.cp.max_points_per_centroid = _POINTS
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # it warns on standard error otherwise
    index.cp.spherical = True
    vectors = np.ascontiguousarray(vectors)
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(path))
    return _choose_probes(index, vectors, min_recall)


def _choose_probes(index: Any, vectors: Vectors, min_recall: float) -> IvfInfo:
    queries = sample_queries(vectors, _QUERIES)
    nearest: Scores = faiss.knn(queries, vectors, min(PROMISED_K, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)[0]
    least = nearest[:, -1] - _TOLERANCE
    wanted = nearest.size
    budget = min(SCANNED_ROWS * index.nlist // len(vectors), index.nlist)
    probes = min(_LEAST_PROBES, index.nlist)
    while True:
        index.nprobe = probes
        found = [_rescored(index, vectors, query, PROMISED_K)[1] for query in queries]
        recall = sum(int((scores >= bar).sum()) for scores, bar in zip(found, least, strict=True)) / wanted
        more = min(int(probes * _STEP), index.nlist)
        is_last = probes == index.nlist
        if recall >= max(_TARGET_RECALL, min_recall) or (recall >= min_recall and (is_last or more > budget)):
            return IvfInfo(int(index.nlist), probes, round(recall, 4), len(queries), min_recall)
        if is_last:
            raise BuildFailed(
                f"its approximate index finds {recall:.3f} of the ten nearest passages, expected at least {min_recall}"
            )
        probes = more


def sample_queries(vectors: Vectors, count: int) -> Vectors:
    """Queries for measuring recall: passages, each moved by the difference of two others, always the same ones.

    They lie as far from their nearest passage as people's queries do (cosine about 0.6), and a search finds as much
    for them or less. Source: benchmarks/results/index_options.json.
    """
    chance = np.random.default_rng(len(vectors))
    first, second, third = (vectors[chance.integers(0, len(vectors), count)] for _ in range(3))
    moved = first + (second - third)
    norms = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), np.float32(1e-9))
    queries: Vectors = (moved / norms).astype(np.float32)
    return queries


def _rescored(index: Any, vectors: Vectors, query: Vector, k: int, floor: float = -1.0) -> tuple[Rows, Scores]:
    """The best ``k`` rows of the probed lists, by exact scores.

    The codes say roughly how near a row is. Rows are taken by that and scored exactly, until the tenth of them (or
    ``floor``, if that is higher) beats all that a row further down could have, judged by how far the codes were off for
    the rows already scored: in a crowd of similar passages that takes many more rows than elsewhere.
    """
    place = min(k, PROMISED_K)
    depth = max(2 * k, _LEAST_DEPTH)
    while True:
        rough, found = index.search(query[None, :], depth)
        taken = found[0] >= 0
        rows: Rows = found[0][taken]
        scores = inner_products(vectors[rows], query)
        if len(rows) < depth or depth >= MOST_DEPTH:
            break
        off = scores - rough[0][taken]
        if max(float(np.partition(scores, -place)[-place]), floor) >= rough[0][-1] + off.max():
            break
        depth *= 4
    return best_of(rows, scores, k)


class IvfIndex:
    """Lists over all vectors of a shard. Takes some 100 bytes of memory a row; safe to share between threads.

    Raises (at construction):
        ArtefactCorrupt: the file is no faiss index, or not of the exact index's vectors.
    """

    def __init__(self, path: Path, exact: ExactIndex, *, probes: int) -> None:
        self._index = map_index(path)
        require_same_rows(path, self._index, exact)
        self._index.nprobe = probes
        self._exact = exact

    def search(self, query: Vector, k: int, *, allowed: Mask | None = None, floor: float = -1.0) -> tuple[Rows, Scores]:
        """About the ``k`` nearest rows, with exact scores; exactly those if the probed lists hold fewer than ``k``.

        ``allowed``, bool (rows,), says which may be found; where that is few of them, they are searched exactly.
        Scores of ``floor`` and less are of little use to the caller, so no effort is made to find them all.
        """
        everything = self._exact.rows
        if allowed is None:
            k = min(k, everything)
            rows, scores = _rescored(self._index, self._exact.vectors, query, k, floor)
            return (rows, scores) if len(rows) == k else self._exact.search(query, k, 0, everything)
        count = int(np.count_nonzero(allowed))
        if count >= _LEAST_SHARE * everything:
            depth = min(int(max(2 * k, _LEAST_DEPTH) * everything / count), everything)
            found = self._index.search(query[None, :], depth)[1][0]
            found = found[found >= 0]
            found = found[allowed[found]]
            if len(found) >= min(k, count):
                return best_of(found, inner_products(self._exact.vectors[found], query), k)
        return self._exact.search(query, k, 0, everything, allowed=allowed)
