"""Exact search over a shard's vectors, and what the other indexes share with it."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np

from indexing.errors import ArtefactCorrupt
from indexing.records import Mask, Rows, Scores, Vector, Vectors

_GATHERED_ROWS = 4_096
"""Allowed rows up to which their vectors are copied and multiplied; more are left to faiss. Source: our choice."""
CLOSE_COSINE = 1e-5
"""Cosines that differ by less may be equal, or the other way round, added up in another order: faiss and BLAS add up
384 products to within 3e-6 of each other. Source: the bound of decision 24, twice."""
_BLOCK_ROWS = 16
"""Rows to which a rest is filled up, so that BLAS adds up in one order. Source: our choice; a test compares bits."""


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
            self._index = map_index(path)
        else:
            self._index = faiss.IndexFlatIP(0 if vectors is None else vectors.shape[1])
            self._index.add(np.ascontiguousarray(vectors))
        self.rows = int(self._index.ntotal)
        self.vectors: Vectors = np.asarray(_Rows(self._index))

    def search(
        self, query: Vector, k: int, start: int, stop: int, *, allowed: Mask | None = None
    ) -> tuple[Rows, Scores]:
        """The ``k`` rows of ``start`` to ``stop`` nearest by inner product, reading only those; fewer if there are.

        ``allowed``, bool (stop - start,), says which of them may be found; ``None`` for all. Which rows they are does
        not depend on ``start``, ``stop`` and ``allowed``: cosines count as ``inner_products`` adds them up, and of
        equal ones the first rows count.
        """
        if allowed is not None:
            return self._search_allowed(query, k, start, allowed)
        k = min(k, stop - start)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        return self._nearest(query, k, stop - start, selecting(start, stop, self.rows, None))

    def _search_allowed(self, query: Vector, k: int, start: int, allowed: Mask) -> tuple[Rows, Scores]:
        rows: Rows = np.flatnonzero(allowed) + start
        if len(rows) <= max(_GATHERED_ROWS, k):
            return best_of(rows, inner_products(self.vectors[rows], query), k)
        return self._nearest(query, k, len(rows), selecting(start, start + len(allowed), self.rows, allowed))

    def _nearest(self, query: Vector, k: int, count: int, parameters: Any) -> tuple[Rows, Scores]:
        """The nearest ``k`` of ``count`` rows that the parameters select; ``k`` is no more than that.

        Where the next row is as near as the last of them, all rows as near as that are scored in one way.
        """
        asked = min(k + 1, count)
        scores, rows = (part[0] for part in self._index.search(query[None, :], asked, params=parameters)[:2])
        if asked == k or scores[k - 1] - scores[k] > CLOSE_COSINE:
            return best_of(rows[:k], scores[:k], k)
        while asked < count and scores[k - 1] - scores[-1] <= CLOSE_COSINE:
            asked = min(4 * asked, count)
            scores, rows = (part[0] for part in self._index.search(query[None, :], asked, params=parameters)[:2])
        return best_of(rows, inner_products(self.vectors[rows], query), k)


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


def selecting(start: int, stop: int, rows: int, allowed: Mask | None) -> Any:
    """What tells faiss to look at some rows only, or ``None`` for all."""
    if allowed is None:
        if (start, stop) == (0, rows):
            return None
        return faiss.SearchParameters(sel=faiss.IDSelectorRange(start, stop))  # type: ignore[call-arg] # SWIG adds it
    bits = np.zeros(start + len(allowed), np.bool_)
    bits[start:] = allowed
    selector = faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))  # type: ignore[call-arg, arg-type] # as above
    return faiss.SearchParameters(sel=selector)  # type: ignore[call-arg] # SWIG adds it


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


def best_of(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """The best ``k`` rows with their scores, equal ones by row."""
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def require_same_rows(path: Path, index: Any, exact: ExactIndex) -> None:
    """Let an index on that is of the exact one's vectors.

    Raises:
        ArtefactCorrupt: it holds more or fewer, or others.
    """
    if index.d != exact.vectors.shape[1]:
        raise ArtefactCorrupt(f"{path} is of {index.d} dimensions instead of {exact.vectors.shape[1]}: build again.")
    if index.ntotal != exact.rows:
        raise ArtefactCorrupt(f"{path} holds {index.ntotal} passages instead of {exact.rows}: build again.")


def map_index(path: Path) -> Any:
    """A faiss index whose file is mapped as far as faiss can.

    Raises:
        ArtefactCorrupt: it is none.
    """
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:  # a damaged header may ask for more memory than there is
        reason = (str(error).splitlines() or [type(error).__name__])[-1]
        raise ArtefactCorrupt(f"{path} is not a readable faiss index: {reason}") from error
