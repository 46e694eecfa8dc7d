"""SQ8 codes: the results of exact search, from a quarter of the bytes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import faiss
import numpy as np

from indexing.indexes.exact_index import (
    ExactIndex,
    best_of,
    inner_products,
    map_index,
    require_same_rows,
    selecting,
)
from indexing.records import Json, JsonFields, Mask, Rows, Scores, Vector, Vectors

SQ8_ROWS = 4_096
"""Rows of a partition from which on codes take less time than vectors. Source: decision 24."""
_LEAST_DEPTH = 64
"""Rows that are scored exactly at least, of those that codes find. Source: decision 24."""
_LARGEST_CODE = 127
"""The largest of a signed byte."""
_SQ8_BLOCK = 1_024
"""Rows that become codes at a time: bounds the memory of writing them. Source: our choice."""
_SQ8_SHARE = 2.5
"""Rows found by codes for each that is wanted; the bound held for all of 400 queries. Source: decision 24."""
SQ8_PART = 16
"""A search by codes pays if it looks at this part of the rows, one in so many, or less. Source: decision 24."""
_ROUNDING = 1e-5
"""Room for rounding in a float32 inner product, for each unit of length. Source: our choice."""
_TINY = 1e-30
"""A largest component below this is none: dividing by it would overflow. Our choice."""


@dataclass(frozen=True, slots=True)
class Sq8Info:
    """What a manifest says of a shard's codes: a vector is ``step`` times its code, but for a rest.

    No rest is longer than ``error``, and no vector made of a code than ``length``.
    """

    step: float
    error: float
    length: float

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``dataclasses.asdict`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        info = cls(fields.take("step", float), fields.take("error", float), fields.take("length", float))
        fields.end()
        return info


def write_sq8_codes(path: Path, vectors: Vectors) -> Sq8Info:
    """Write the file that ``Sq8Index`` maps: a byte for every component. The same vectors give the same bytes.

    Raises:
        ValueError: a component is not finite.
    """
    index = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
    )
    index.is_trained = True  # its codes are the numbers themselves
    blocks = [vectors[first : first + _SQ8_BLOCK] for first in range(0, len(vectors), _SQ8_BLOCK)]
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
        self._index = map_index(path)
        require_same_rows(path, self._index, exact)
        self._exact, self._info = exact, info

    def search(
        self, query: Vector, k: int, start: int, stop: int, *, allowed: Mask | None = None
    ) -> tuple[Rows, Scores]:
        """As ``ExactIndex.search``."""
        count = stop - start if allowed is None else int(np.count_nonzero(allowed))
        depth = max(_LEAST_DEPTH, int(_SQ8_SHARE * k))
        if count < SQ8_ROWS or depth > count // SQ8_PART or not np.abs(query).max() > _TINY:
            return self._exact.search(query, k, start, stop, allowed=allowed)
        query_codes, scale, off = self.quantised(query)
        parameters = selecting(start, stop, self._exact.rows, allowed)
        rough, found = self._index.search(query_codes[None, :], depth, params=parameters)
        rows: Rows = found[0]
        scores = inner_products(self._exact.vectors[rows], query)
        if not np.partition(scores, -k)[-k] > rough[0][-1] * scale + off:  # a crowd
            return self._exact.search(query, k, start, stop, allowed=allowed)
        return best_of(rows, scores, k)

    def quantised(self, query: Vector) -> tuple[Vector, float, float]:
        """A query as codes, what a product of codes counts, and how far an inner product may be off by them."""
        step = float(np.abs(query).max()) / _LARGEST_CODE
        query_codes: Vector = np.rint(query / np.float32(step))
        rest, norm = float(np.linalg.norm(query - query_codes * step)), float(np.linalg.norm(query))
        rounding = _ROUNDING * max(1.0, norm * self._info.length)
        return query_codes, step * self._info.step, rest * self._info.length + norm * self._info.error + rounding
