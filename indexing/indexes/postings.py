"""Postings: terms to the rows of one partition that hold them, and how often.

Shards store term frequencies and lengths, never finished scores; ``indexing.indexes.bm25`` makes scores of them.
"""

import itertools
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.indexes.analyser import PassageTerms
from indexing.storage.arrays import offsets_of

_NUMBERS = itertools.count()
_MAX_FREQUENCY = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class TermRange:
    """Where one partition's terms stand in a shard's term list: ``start`` to ``stop`` (exclusive)."""

    start: int
    stop: int


def build_postings(
    partitions: Iterable[Iterable[PassageTerms]],
) -> tuple[dict[str, NDArray[Any]], list[TermRange]]:
    """Postings of one shard.

    Args:
        partitions: For each partition of the shard, in row order, the terms of each of its passages; read once, a
            passage at a time.

    Returns:
        Arrays to store, and one term range a partition. ``term_bytes`` uint8: the UTF-8 of all terms end to end,
        sorted inside
        each partition; ``term_offsets`` uint64 (terms + 1,): where each begins; ``posting_offsets`` uint64 (terms +
        1,): where each term's postings begin; ``posting_rows`` uint32: rows of the shard, ascending inside a term;
        ``posting_frequencies`` uint16, capped at 65,535; ``lengths`` uint32 (rows,): that of each passage.
    """
    terms: list[bytes] = []
    rows: list[NDArray[np.uint32]] = []
    frequencies: list[NDArray[np.uint16]] = []
    lengths: list[int] = []
    ranges = []
    for passages in partitions:
        postings: dict[str, array[int]] = {}  # row, frequency, row, ...: lists of pairs would take ten times the memory
        for passage in passages:
            for term, count in Counter(passage.terms).items():
                found = postings.get(term)
                if found is None:
                    found = postings[term] = array("I")
                found.append(len(lengths))
                found.append(min(count, _MAX_FREQUENCY))
            lengths.append(passage.length)
        first = len(terms)
        for encoded, term in sorted((term.encode("utf-8", "surrogatepass"), term) for term in postings):
            pairs = np.frombuffer(postings[term], np.uint32).reshape(-1, 2)
            terms.append(encoded)
            rows.append(pairs[:, 0].astype(np.uint32))
            frequencies.append(pairs[:, 1].astype(np.uint16))
        ranges.append(TermRange(first, len(terms)))
    arrays: dict[str, NDArray[Any]] = {
        "term_bytes": np.frombuffer(b"".join(terms), np.uint8),
        "term_offsets": offsets_of(len(term) for term in terms),
        "posting_offsets": offsets_of(len(part) for part in rows),
        "posting_rows": np.concatenate(rows) if rows else np.empty(0, np.uint32),
        "posting_frequencies": np.concatenate(frequencies) if frequencies else np.empty(0, np.uint16),
        "lengths": np.array(lengths, np.uint32),
    }
    return arrays, ranges


class TermList(Sequence[bytes]):
    """The sorted terms of a shard as a sequence of bytes that reads only what is asked for."""

    def __init__(self, term_bytes: NDArray[np.uint8], offsets: NDArray[np.uint64]) -> None:
        # Memory views give plain bytes and numbers at a fraction of what numpy's indexing costs.
        self._bytes = memoryview(term_bytes)  # type: ignore[arg-type] # arrays are buffers
        self._offsets = memoryview(offsets)  # type: ignore[arg-type] # likewise

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: Any) -> Any:
        return self._bytes[self._offsets[index] : self._offsets[index + 1]].tobytes()


class LexicalSegment:
    """One partition's postings in one shard, read straight from the mapped arrays; nothing is loaded beforehand.

    ``count`` passages and their ``total_length`` in terms count in its statistics: all but the hidden ones. No other
    segment of this process ever has the same ``number``.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        term_range: TermRange,
        start: int,
        stop: int,
        *,
        hidden: NDArray[np.bool_] | None = None,
        damaged: Callable[[str], Exception] = ValueError,
    ) -> None:
        """Look at rows ``start`` to ``stop`` (exclusive) of the shard that ``arrays`` belong to.

        ``hidden``, bool, (stop - start,), says which of them are treated as if they were not there. ``damaged`` makes
        the error that is raised where the arrays name rows outside.
        """
        self._damaged = damaged
        self._arrays = arrays
        self._terms = TermList(arrays["term_bytes"], arrays["term_offsets"])
        self._range = term_range
        self._start = start
        self._hidden = hidden
        self.number = next(_NUMBERS)
        self.lengths: NDArray[np.uint32] = arrays["lengths"][start:stop]
        counted = self.lengths if hidden is None else self.lengths[~hidden]
        self.count = len(counted)
        self.total_length = int(counted.sum(dtype=np.int64))

    def __len__(self) -> int:
        return len(self.lengths)

    def postings(self, term: str) -> tuple[NDArray[np.int64], NDArray[np.uint16]] | None:
        """Rows (from the partition's first row in this shard, ascending) and frequencies of a term, or ``None``."""
        encoded = term.encode("utf-8", "surrogatepass")
        index = bisect_left(self._terms, encoded, self._range.start, self._range.stop)
        if index == self._range.stop or self._terms[index] != encoded:
            return None
        begin, end = (int(offset) for offset in self._arrays["posting_offsets"][index : index + 2])
        rows = self._arrays["posting_rows"][begin:end].astype(np.int64) - self._start
        frequencies = self._arrays["posting_frequencies"][begin:end]
        if self._hidden is None:
            return rows, frequencies
        try:
            seen = ~self._hidden[rows]
        except IndexError as error:
            raise self._damaged("a term names passages outside of its partition") from error
        return rows[seen], frequencies[seen]

    def lengths_of(self, rows: NDArray[np.int64]) -> NDArray[np.uint32]:
        """How many terms each of some rows has, counted as ``postings`` does."""
        try:
            return self.lengths[rows]
        except IndexError as error:
            raise self._damaged("a term names passages outside of its partition") from error
