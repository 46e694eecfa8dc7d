"""Hits by column: a sequence of hits that is cheap to make and to pack, since a search answers many at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from indexing.ledger.records import ServedHit


@dataclass(slots=True)
class HitColumns(Sequence[ServedHit]):
    """The hits of one answer, best first; a ``ServedHit`` is made of each only when it is asked for.

    All columns have one entry a hit; ``features`` is empty where no boost was used. As ``RequestRow`` it is not frozen.
    """

    document_ids: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]
    scores: Sequence[float]
    dense: Sequence[float | None]
    lexical: Sequence[float | None]
    rerank: Sequence[float | None]
    features: Sequence[Mapping[str, float]] = ()

    @classmethod
    def of(cls, hits: Sequence[ServedHit]) -> "HitColumns":
        """The same hits by column."""
        if isinstance(hits, HitColumns):
            return hits
        return cls(
            [hit.document_id for hit in hits],
            [hit.start for hit in hits],
            [hit.end for hit in hits],
            [hit.score for hit in hits],
            [hit.dense for hit in hits],
            [hit.lexical for hit in hits],
            [hit.rerank for hit in hits],
            [hit.features for hit in hits] if any(hit.features for hit in hits) else (),
        )

    def __len__(self) -> int:
        return len(self.document_ids)

    def __iter__(self) -> Iterator[ServedHit]:
        return (self._hit(place) for place in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> ServedHit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ServedHit]: ...
    def __getitem__(self, index: int | slice) -> ServedHit | Sequence[ServedHit]:
        if isinstance(index, slice):
            return [self._hit(place) for place in range(*index.indices(len(self)))]
        return self._hit(range(len(self))[index])

    def _hit(self, place: int) -> ServedHit:
        return ServedHit(
            self.document_ids[place],
            self.starts[place],
            self.ends[place],
            self.scores[place],
            self.dense[place],
            self.lexical[place],
            self.rerank[place],
            self.features[place] if self.features else {},
        )
