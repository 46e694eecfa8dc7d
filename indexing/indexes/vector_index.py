"""Vector indexes: exact search over a shard's vectors, the same by way of SQ8 codes, and nearly the same by IVF lists.

This module alone knows faiss.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from indexing.errors import ArtefactCorrupt, BuildFailed
from indexing.records import Mask, Rows, Scores, Vector, Vectors

MIN_ROWS = 256
"""Fewer rows get no lists: there is nothing to gain."""
_TARGET_RECALL = 0.995
_SCANNED_ROWS = 8_192
_QUERIES = 200
PROMISED_K = 10
"""The nearest passages for which recall is measured and promised."""
_TOLERANCE = 1e-3
_LEAST_DEPTH = 64
_MOST_DEPTH = 4_096
_LEAST_PROBES = 8
_GATHERED_ROWS = 4_096
_BLOCK_ROWS = 16
_LARGEST_CODE = 127
_CODED_BLOCK = 1_024
SQ8_ROWS = 4_096
"""Rows of a partition from which on codes take less time than vectors."""
_CODED_SHARE = 2.5
_CODED_PART = 16
_ROUNDING = 1e-5
_TINY = 1e-30
_LEAST_SHARE = 0.3
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

    def __init__(self, path: Path | None = None, *, vectors: Vectors | None = None) -> None:
        """Map the file at ``path``, or hold a copy of ``vectors``."""
        if path is not None:
            self._index = _map(path)
        else:
            self._index = faiss.IndexFlatIP(0 if vectors is None else vectors.shape[1])
            self._index.add(np.ascontiguousarray(vectors))
        self.rows = int(self._index.ntotal)
        self.vectors: Vectors = np.asarray(_Rows(self._index))

    def search(
        self, query: Vector, k: int, start: int, stop: int, *, allowed: Mask | None = None
    ) -> tuple[Rows, Scores]:
        """The ``k`` rows of ``start`` to ``stop`` nearest by inner product, reading only those; fewer if there are.

        ``allowed``, bool (stop - start,), says which of them may be found; ``None`` for all.
        """
        if allowed is not None:
            return self._search_allowed(query, k, start, allowed)
        k = min(k, stop - start)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores, rows = self._index.search(query[None, :], k, params=_selecting(start, stop, self.rows, None))
        return _best(rows[0], scores[0], k)

    def _search_allowed(self, query: Vector, k: int, start: int, allowed: Mask) -> tuple[Rows, Scores]:
        rows: Rows = np.flatnonzero(allowed) + start
        if len(rows) <= max(_GATHERED_ROWS, k):
            return _best(rows, inner_products(self.vectors[rows], query), k)
        parameters = _selecting(start, start + len(allowed), self.rows, allowed)
        scores, found = self._index.search(query[None, :], k, params=parameters)
        return _best(found[0], scores[0], k)


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
class Sq8Info:
    """What a manifest says of a shard's codes: a vector is ``step`` times its code, but for a rest.

    No rest is longer than ``error``, and no vector made of a code than ``length``.
    """

    step: float
    error: float
    length: float


def write_sq8_codes(path: Path, vectors: Vectors) -> Sq8Info:
    """Write the file that ``Sq8Index`` maps: a byte for every component. The same vectors give the same bytes.

    Raises:
        ValueError: a component is not finite.
    """
    index = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    index.is_trained = True  # its codes are the numbers themselves
    blocks = [vectors[first : first + _CODED_BLOCK] for first in range(0, len(vectors), _CODED_BLOCK)]
    peaks = [float(np.abs(block).max()) for block in blocks]
    if not np.isfinite(peaks).all():
        raise ValueError("a vector is not finite")
    largest = max(peaks, default=0.0)
    step = largest / _LARGEST_CODE if largest > _TINY else 1.0
    error = length = 0.0
    for block in blocks:
        codes = np.rint(block / np.float32(step))
        index.add(codes)
        made = codes.astype(np.float64) * step
        error = max(error, float(np.linalg.norm(block - made, axis=1).max()))
        length = max(length, float(np.linalg.norm(made, axis=1).max()))
    faiss.write_index(index, str(path))
    return Sq8Info(step, error, length)


class Sq8Index:
    """Vectors as bytes, a quarter of what exact search has to read, and the same results. Threads may share one.

    The codes say of each vector how near it is, but for an error with a bound. The best by that are scored exactly,
    until the worst wanted of them is nearer than anything further down can be (by the Cauchy-Schwarz inequality).

    Raises (at construction):
        ArtefactCorrupt: the file is no faiss index, or not of the exact index's vectors.
    """

    def __init__(self, path: Path, exact: ExactIndex, info: Sq8Info) -> None:
        self._index = _map(path)
        _require_same_rows(path, self._index, exact)
        self._exact, self._info = exact, info

    def search(
        self, query: Vector, k: int, start: int, stop: int, *, allowed: Mask | None = None
    ) -> tuple[Rows, Scores]:
        """As ``ExactIndex.search``; equal scores at the end may be those of other rows."""
        count = stop - start if allowed is None else int(np.count_nonzero(allowed))
        depth = max(_LEAST_DEPTH, int(_CODED_SHARE * k))
        if count < SQ8_ROWS or depth > count // _CODED_PART or not np.abs(query).max() > _TINY:
            return self._exact.search(query, k, start, stop, allowed=allowed)
        coded, scale, off = self.quantised(query)
        parameters = _selecting(start, stop, self._exact.rows, allowed)
        rough, found = self._index.search(coded[None, :], depth, params=parameters)
        rows: Rows = found[0]
        scores = inner_products(self._exact.vectors[rows], query)
        if not np.partition(scores, -k)[-k] >= rough[0][-1] * scale + off:  # a crowd
            return self._exact.search(query, k, start, stop, allowed=allowed)
        return _best(rows, scores, k)

    def quantised(self, query: Vector) -> tuple[Vector, float, float]:
        """A query as codes, what a product of codes counts, and how far an inner product may be off by them."""
        step = float(np.abs(query).max()) / _LARGEST_CODE
        coded: Vector = np.rint(query / np.float32(step))
        rest, norm = float(np.linalg.norm(query - coded * step)), float(np.linalg.norm(query))
        rounding = _ROUNDING * max(1.0, norm * self._info.length)
        return coded, step * self._info.step, rest * self._info.length + norm * self._info.error + rounding


def _selecting(start: int, stop: int, rows: int, allowed: Mask | None) -> Any:
    """What tells faiss to look at some rows only, or ``None`` for all."""
    if allowed is None:
        if (start, stop) == (0, rows):
            return None
        return faiss.SearchParameters(sel=faiss.IDSelectorRange(start, stop))  # type: ignore[call-arg] # SWIG adds it
    bits = np.zeros(start + len(allowed), np.bool_)
    bits[start:] = allowed
    selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))  # type: ignore[call-arg, arg-type] # as above
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg] # SWIG adds it


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


def write_ivf_lists(path: Path, vectors: Vectors, *, min_recall: float) -> ListsInfo:
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


def _choose_probes(index: Any, vectors: Vectors, min_recall: float) -> ListsInfo:
    queries = sample_queries(vectors, _QUERIES)
    nearest: Scores = faiss.knn(queries, vectors, min(PROMISED_K, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT)[0]
    least = nearest[:, -1] - _TOLERANCE
    wanted = nearest.size
    budget = min(_SCANNED_ROWS * index.nlist // len(vectors), index.nlist)
    probes = min(_LEAST_PROBES, index.nlist)
    while True:
        index.nprobe = probes
        found = [_rescored(index, vectors, query, PROMISED_K)[1] for query in queries]
        recall = sum(int((scores >= bar).sum()) for scores, bar in zip(found, least, strict=True)) / wanted
        more = min(int(probes * _STEP), index.nlist)
        is_last = probes == index.nlist
        if recall >= max(_TARGET_RECALL, min_recall) or (recall >= min_recall and (is_last or more > budget)):
            return ListsInfo(int(index.nlist), probes, round(recall, 4), len(queries))
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
        if len(rows) < depth or depth >= _MOST_DEPTH:
            break
        off = scores - rough[0][taken]
        if max(float(np.partition(scores, -place)[-place]), floor) >= rough[0][-1] + off.max():
            break
        depth *= 4
    return _best(rows, scores, k)


def inner_products(vectors: Vectors, query: Vector) -> Scores:
    """The inner product of each of some vectors with a query, the same to the bit among whatever it stands.

    BLAS adds up in another order what does not fill a block of rows; so the last block is filled.
    """
    rows = len(vectors)
    whole = rows - rows % _BLOCK_ROWS
    if whole == rows:
        return vectors @ query
    scores = np.empty(rows, np.float32)
    np.matmul(vectors[:whole], query, out=scores[:whole])
    last = np.zeros((_BLOCK_ROWS, vectors.shape[1]), np.float32)
    last[: rows - whole] = vectors[whole:]
    scores[whole:] = (last @ query)[: rows - whole]
    return scores


def _best(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


class IvfIndex:
    """Lists over all vectors of a shard. Takes some 100 bytes of memory a row; safe to share between threads.

    Raises (at construction):
        ArtefactCorrupt: the file is no faiss index, or not of the exact index's vectors.
    """

    def __init__(self, path: Path, exact: ExactIndex, *, probes: int) -> None:
        self._index = _map(path)
        _require_same_rows(path, self._index, exact)
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
                return _best(found, inner_products(self._exact.vectors[found], query), k)
        return self._exact.search(query, k, 0, everything, allowed=allowed)


def _require_same_rows(path: Path, index: Any, exact: ExactIndex) -> None:
    if index.d != exact.vectors.shape[1]:
        raise ArtefactCorrupt(f"{path} is of {index.d} dimensions instead of {exact.vectors.shape[1]}: build again.")
    if index.ntotal != exact.rows:
        raise ArtefactCorrupt(f"{path} holds {index.ntotal} passages instead of {exact.rows}: build again.")


def _map(path: Path) -> Any:
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise ArtefactCorrupt(f"{path} is not a readable faiss index: {str(error).splitlines()[-1]}") from error
