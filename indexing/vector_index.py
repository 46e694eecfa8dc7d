"""Vector indexes: exact search over the vectors of a shard, and lists that find the nearest ones approximately.

This module alone knows faiss.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from indexing.errors import ArtefactCorrupt, BuildFailed
from indexing.records import Rows, Scores, Vector, Vectors

MIN_ROWS = 256
"""Fewer rows get no lists: there is nothing to gain."""
_TARGET_RECALL = 0.99
_SCANNED_ROWS = 8_192
_QUERIES = 200
_K = 10
_TOLERANCE = 1e-3
_LEAST_DEPTH = 64
_LEAST_PROBES = 8
_STEP = 1.25
_ITERATIONS = 10
_POINTS = 40


def write_exact(path: Path, vectors: Vectors) -> None:
    """Write the file that ``ExactIndex`` maps; the same vectors give the same bytes."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors))
    faiss.write_index(index, str(path))


class ExactIndex:
    """Vectors in row order, searched exactly. Opening reads the header only; safe to share between threads.

    ``vectors`` is the whole file as an array, read-only and not copied.

    Raises (at construction):
        ArtefactCorrupt: the file is no faiss index.
    """

    def __init__(self, path: Path) -> None:
        self._index = _map(path)
        self.rows = int(self._index.ntotal)
        self.vectors: Vectors = np.asarray(_Rows(self._index))

    def search(self, query: Vector, k: int, start: int, stop: int) -> tuple[Rows, Scores]:
        """The ``k`` rows of ``start`` to ``stop`` nearest by inner product, reading only those; fewer if there are."""
        k = min(k, stop - start)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        parameters = faiss.SearchParameters(sel=faiss.IDSelectorRange(start, stop))  # type: ignore[call-arg] # SWIG adds it
        scores, rows = self._index.search(query[None, :], k, params=parameters)
        return rows[0], scores[0]


class _Rows:
    """What numpy needs to show an index's vectors without copying them, and to keep the index alive meanwhile."""

    def __init__(self, index: Any) -> None:
        self._index = index
        flat = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d)
        self.__array_interface__ = {
            "version": 3,
            "typestr": flat.dtype.str,
            "shape": (int(index.ntotal), int(index.d)),
            "data": (flat.ctypes.data, True),
        }


@dataclass(frozen=True, slots=True)
class ListsInfo:
    """What a manifest says of a shard's lists: how many, how many of them a search probes, and what that finds.

    ``recall_at_10`` is the share of the ten exactly nearest passages that a search gives, a mean over ``queries``
    sampled queries. A passage whose cosine is within 0.001 of the tenth counts as one of them, as in ANN-Benchmarks, so
    that a crowd of equal pages is no failure.
    """

    lists: int
    probes: int
    recall_at_10: float
    queries: int


def write_lists(path: Path, vectors: Vectors, *, min_recall: float) -> ListsInfo:
    """Write the file that ``ApproximateIndex`` maps, with as many probes as its measured recall needs.

    An inverted file (4 sqrt(rows) lists) of vectors quantised to half a byte for two dimensions; a search re-scores
    what it finds exactly. The smallest number of probes with a recall@10 of 0.99 is taken, but no more than scan some
    8,192 rows, except where ``min_recall`` needs more. The same vectors give the same bytes.

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
    index.cp.niter = _ITERATIONS
    index.cp.max_points_per_centroid = _POINTS
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # it warns on standard error otherwise
    index.cp.spherical = True
    vectors = np.ascontiguousarray(vectors)
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(path))
    return _choose_probes(index, vectors, min_recall)


def _choose_probes(index: Any, vectors: Vectors, min_recall: float) -> ListsInfo:
    queries = sample_queries(vectors, _QUERIES)
    least = _tenth_scores(vectors, queries) - _TOLERANCE
    wanted = min(_K, len(vectors)) * len(queries)
    budget = min(_SCANNED_ROWS * index.nlist // len(vectors), index.nlist)
    probes = min(_LEAST_PROBES, index.nlist)
    while True:
        index.nprobe = probes
        found = [_rescored(index, vectors, query, _K)[1] for query in queries]
        recall = sum(int((scores >= bar).sum()) for scores, bar in zip(found, least, strict=True)) / wanted
        if recall >= _TARGET_RECALL or (recall >= min_recall and probes >= budget):
            return ListsInfo(int(index.nlist), probes, round(recall, 4), len(queries))
        if probes == index.nlist:
            raise BuildFailed(
                f"its approximate index finds {recall:.3f} of the ten nearest passages, expected at least {min_recall}"
            )
        probes = min(int(probes * _STEP), index.nlist)


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


def _tenth_scores(vectors: Vectors, queries: Vectors) -> Scores:
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    scores: Scores = exact.search(queries, min(_K, len(vectors)))[0][:, -1]
    return scores


def _rescored(index: Any, vectors: Vectors, query: Vector, k: int) -> tuple[Rows, Scores]:
    found = index.search(query[None, :], max(2 * k, _LEAST_DEPTH))[1][0]
    rows: Rows = found[found >= 0]
    scores: Scores = vectors[rows] @ query
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


class ApproximateIndex:
    """Lists over all vectors of a shard. Takes some 100 bytes of memory a row; safe to share between threads.

    Raises (at construction):
        ArtefactCorrupt: the file is no faiss index, or not of the exact index's vectors.
    """

    def __init__(self, path: Path, exact: ExactIndex, *, probes: int) -> None:
        self._index = _map(path)
        if self._index.ntotal != exact.rows:
            raise ArtefactCorrupt(f"{path} holds {self._index.ntotal} passages instead of {exact.rows}: build again.")
        self._index.nprobe = probes
        self._exact = exact

    def search(self, query: Vector, k: int) -> tuple[Rows, Scores]:
        """About the ``k`` nearest rows, with exact scores; exactly those if the probed lists hold fewer than ``k``."""
        k = min(k, self._exact.rows)
        rows, scores = _rescored(self._index, self._exact.vectors, query, k)
        return (rows, scores) if len(rows) == k else self._exact.search(query, k, 0, self._exact.rows)


def _map(path: Path) -> Any:
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise ArtefactCorrupt(f"{path} is not a readable faiss index: {str(error).splitlines()[-1]}") from error
