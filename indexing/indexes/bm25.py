"""BM25 over the postings of one partition.

What it needs of the whole partition (document frequency, count, average length) is summed over the segments at query
time, so sharded and unsharded scores agree and other tenants never count. Every passage is a "document" for BM25.
"""

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np

from indexing.indexes.postings import LexicalSegment
from indexing.lru_cache import LruCache
from indexing.records import Rows, Scores

MAX_TERMS = 512
"""Different terms of a query that count: bounds what a pasted log costs. Our choice."""
FOUND_TERMS_BYTES = 8 << 20
"""Memory for what was looked up last, by process and release. Most words of most queries are among a few thousand.
Our choice."""
_LARGEST_SHARE = 8
"""One word may take this part of the memory, one in so many, so that it leaves room for others. Our choice."""
_Found: TypeAlias = tuple[Rows, Scores]


@dataclass(frozen=True, slots=True)
class TermScores:
    """The passages of a partition, scored by the terms of a query.

    ``scores``: float32 (rows,), the rows of all segments one after another, 0 where no term occurs. ``max_score``: what
    no score can exceed, sum of weight * idf * (k1 + 1) over the terms, 0.0 when none of them occurs. ``terms``: how
    many different ones counted; ``absent``: those of them that no passage holds, each with what it would add to
    ``max_score``; ``known``: the others.
    """

    scores: Scores
    max_score: float
    terms: int
    absent: Mapping[str, float]
    known: Sequence[str]

    @property
    def unknown(self) -> int:
        """How many terms no passage holds."""
        return len(self.absent)


class Bm25:
    """BM25 with Lucene's idf, ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. Threads may share one.

    ``found_terms`` is what was looked up last, within ``FOUND_TERMS_BYTES``.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; idf as in Lucene's BM25Similarity.
    """

    def __init__(self, k1: float, b: float) -> None:
        self.k1 = k1
        self.b = b
        self.found_terms: LruCache[tuple[tuple[int, ...], str], _Found] = LruCache(FOUND_TERMS_BYTES)

    def scores(
        self, segments: Sequence[LexicalSegment], terms: Sequence[str] | Mapping[str, float]
    ) -> tuple[Scores, float]:
        """As ``score_terms``: the scores, and what none of them can exceed."""
        found = self.score_terms(segments, terms)
        return found.scores, found.max_score

    def score_terms(self, segments: Sequence[LexicalSegment], terms: Sequence[str] | Mapping[str, float]) -> TermScores:
        """Score every passage of a partition.

        Args:
            segments: All segments of the partition.
            terms: The query's terms, or what each counts; a repeated term counts as often as it is repeated. Of more
                than ``MAX_TERMS`` different ones the first count.
        """
        scores: Scores = np.zeros(sum(len(segment) for segment in segments), np.float32)
        count = sum(segment.count for segment in segments)
        max_score, absent, known = 0.0, dict[str, float](), list[str]()
        weights: Mapping[str, float] = terms if isinstance(terms, Mapping) else Counter(terms)
        numbers = tuple(segment.number for segment in segments)
        average = sum(segment.total_length for segment in segments) / max(1, count)
        for term, weight in sorted(islice(weights.items(), MAX_TERMS)):
            rows, saturation = self._look_up(segments, numbers, average, term)
            if not len(rows):
                absent[term] = weight * math.log1p((count + 0.5) / 0.5) * (self.k1 + 1.0)
                continue
            known.append(term)
            idf = math.log1p((count - len(rows) + 0.5) / (len(rows) + 0.5))
            most = weight * idf * (self.k1 + 1.0)
            max_score += most
            scores[rows] += np.float32(most) * saturation
        return TermScores(scores, max_score, min(len(weights), MAX_TERMS), absent, known)

    def _look_up(
        self, segments: Sequence[LexicalSegment], numbers: tuple[int, ...], average: float, term: str
    ) -> _Found:
        """The rows with a term among those of all segments, and tf / (tf + damping) of each.

        ``average`` is how many terms a passage of the segments has.
        """
        found = self.found_terms.get((numbers, term))
        if found is None:
            found = self._read(segments, average, term)
            size = found[0].nbytes + found[1].nbytes + sys.getsizeof(term) + sys.getsizeof(numbers)
            # One word must not take the place of all others, and what is nowhere is soon looked up.
            if len(found[0]) and size <= FOUND_TERMS_BYTES // _LARGEST_SHARE:
                self.found_terms.put((numbers, term), found, size)
        return found

    def _read(self, segments: Sequence[LexicalSegment], average: float, term: str) -> _Found:
        rows: list[Rows] = [np.empty(0, np.int64)]
        saturation: list[Scores] = [np.empty(0, np.float32)]
        offset = 0
        for segment in segments:
            if (postings := segment.postings(term)) is not None:
                tf = postings[1].astype(np.float32)
                length = segment.lengths_of(postings[0]).astype(np.float32)
                rows.append(postings[0] + offset)
                damping: Scores = self.k1 * (1.0 - self.b + self.b * length / average)
                saturation.append(tf / (tf + damping))
            offset += len(segment)
        return np.concatenate(rows), np.concatenate(saturation)
