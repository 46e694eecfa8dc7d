"""Rankings that go on: hits behind the best ones, each once, and the page that is wanted of them.

The first tier is what a search for ``k`` hits ranks; the next ones are what it would have looked at had it looked
deeper. So whatever part is asked for, the hits before it are the same, and the first ``k`` are those of a plain search.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from typing import Protocol

import numpy as np

from app.retrieval.candidates import Chosen
from app.retrieval.hits import PassageName, RankedPassage, hits_of_rows, with_features
from app.retrieval.near_duplicates import NearDuplicates
from app.serving.document_boosts import BoostedDocuments
from indexing.indexes.fusion import at_place
from indexing.records import Scores
from indexing.snapshots.partition_view import PartitionView

MAX_LOOKED_AT = 2_000
"""Hits among which near-duplicates are looked for; our choice, as many as can be asked for without."""
_CHUNK = 32
"""Hits that are read from the shards at a time, where it is not known how many are needed. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Some passages of a partition, best first, none of which is in a tier before; ``scores`` are calibrated."""

    view: PartitionView
    chosen: Chosen
    scores: Scores
    boosted: BoostedDocuments | None

    def __len__(self) -> int:
        return len(self.chosen.rows)

    def hits(self, places: range, before: int) -> list[RankedPassage]:
        """Those at some places of it, numbered after as many as stand in the tiers before."""
        found = hits_of_rows(self.view, self.chosen, self.scores, places, before)
        if self.boosted is None:
            return found
        return with_features(found, self.chosen.groups[places.start : places.stop].tolist(), self.boosted)


class Ranking(Protocol):
    """Hits best first, with scores that never rise; the same ones whatever part is asked for."""

    def hits(self, start: int, stop: int) -> list[RankedPassage]:
        """Those from place ``start`` on, counted from 0, and before ``stop``: fewer only where there are no more."""
        ...


class TieredRanking:
    """The tiers one after another.

    What a later tier found stands behind all of those before it, and no score of it is shown above theirs.
    """

    def __init__(self, tiers: Iterator[Tier]) -> None:
        """Nothing is looked for yet."""
        self._coming = tiers
        self._tiers: list[Tier] = []
        self._head: list[RankedPassage] = []
        self._least = float("inf")

    def put_first(self, hits: Sequence[RankedPassage]) -> None:
        """Let hits stand in the places of as many of the first ones, and the others have no higher score."""
        self._head = list(hits)
        self._least = min((hit.score for hit in hits), default=self._least)

    def hits(self, start: int, stop: int) -> list[RankedPassage]:
        """See ``Ranking``."""
        found = self._head[start:stop]
        start = max(start, len(self._head))
        before = 0
        for tier in self._as_far_as(stop):
            places = range(max(0, start - before), min(len(tier), stop - before))
            if places:
                found += [self._bounded(hit) for hit in tier.hits(places, before)]
            before += len(tier)
        return found

    def _bounded(self, hit: RankedPassage) -> RankedPassage:
        return hit if hit.score <= self._least else replace(hit, score=self._least)

    def _as_far_as(self, stop: int) -> list[Tier]:
        length = sum(map(len, self._tiers))
        while length < stop:
            tier = next(self._coming, None)
            if tier is None:
                break
            last = min((one.scores[-1] for one in self._tiers if len(one)), default=np.float32(np.inf))
            tier = replace(tier, scores=np.minimum(tier.scores, last))
            self._tiers.append(tier)
            length += len(tier)
        return self._tiers


class MergedRanking:
    """Several rankings as one, by score; equal scores by the collection's name, then as they stand in their own."""

    def __init__(self, rankings: Iterable[Ranking], by_place: float) -> None:
        """Nothing is looked for yet; hits are scored as if each were the first. ``by_place``: see ``at_place``."""
        self._coming = merge(*map(_one_by_one, rankings), key=_order)
        self._by_place = by_place
        self._hits: list[RankedPassage] = []
        self._ranks: dict[PassageName, int] = {}
        self._last: tuple[float, int] = 2.0, 0

    def hits(self, start: int, stop: int) -> list[RankedPassage]:
        """See ``Ranking``; each hit has the rank that it has in its own ranking, and the score of its place in this."""
        self._hits += map(self._placed, islice(self._coming, max(0, stop - len(self._hits))))
        return self._hits[start:stop]

    def rank_of(self, hit: RankedPassage) -> int:
        """The rank that a hit which was given has in this ranking, from 1; equal hits have the same."""
        return self._ranks[hit.name]

    def _placed(self, hit: RankedPassage) -> RankedPassage:
        score, rank = self._last
        if hit.score < score:
            rank = len(self._ranks) + 1
        self._last = hit.score, rank
        self._ranks[hit.name] = rank
        return at_rank(hit, rank, self._by_place)


def at_rank(hit: RankedPassage, rank: int, by_place: float) -> RankedPassage:
    """A hit that was scored as if it were the first, with the score that it has at a rank among the hits of all."""
    return replace(hit, score=at_place(hit.score, rank, by_place))


def _one_by_one(ranking: Ranking) -> Iterator[RankedPassage]:
    start = 0
    while found := ranking.hits(start, start + _CHUNK):
        yield from found
        start += len(found)


def _order(hit: RankedPassage) -> tuple[float, str]:
    return -hit.score, hit.passage.partition.collection


def page_of(ranking: Ranking, offset: int, k: int, *, collapse: bool) -> list[RankedPassage]:
    """The ``k`` hits of a ranking after the first ``offset``, each with the rank that it has in its own ranking.

    If ``collapse``, near-duplicates of a better hit are none, and it names those among the ranks that were looked at:
    as many as are wanted, and ``k`` more each time that they are too few, up to 2,000 in all.
    """
    if not collapse:
        return ranking.hits(offset, offset + k)
    seen, shown, same = NearDuplicates(), list[RankedPassage](), list[list[PassageName]]()
    looked_at = 0
    while len(shown) < offset + k and looked_at < MAX_LOOKED_AT:
        found = ranking.hits(looked_at, min(max(offset + k, looked_at + k), MAX_LOOKED_AT))
        if not found:
            break
        looked_at += len(found)
        for hit in found:
            first = seen.place(hit.passage.text)
            if first == len(shown):
                shown.append(hit)
                same.append([])
            else:
                same[first].append(hit.name)
    page = slice(offset, offset + k)
    return [replace(hit, near_duplicates=tuple(others)) for hit, others in zip(shown[page], same[page], strict=True)]


def ranked_from(hits: Sequence[RankedPassage], offset: int) -> list[RankedPassage]:
    """Hits with the ranks that they have in an answer, after the first ``offset``."""
    return [hit if hit.rank == rank else replace(hit, rank=rank) for rank, hit in enumerate(hits, offset + 1)]
