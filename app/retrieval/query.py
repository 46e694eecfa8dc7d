"""Queries: what is asked of a partition, whichever release answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np

from indexing.errors import InvalidInput
from indexing.features.conversation import Turns
from indexing.indexes.attributes import AttributeSegment
from indexing.records import Mask, Vector

Matching: TypeAlias = Callable[[AttributeSegment], Mask | None]
"""Picks documents of a segment: bool, one entry a document, or ``None`` for all."""


@dataclass(frozen=True, slots=True)
class PartShown:
    """What a collection's ranking gave to a search of several: the ``places`` of it that were shown, from 0.

    ``ranks`` are those that the same hits had among the hits of all collections, from 1, equal ones the same.
    ``max_score`` is what no BM25 score of the query can exceed where words count that only other collections hold, and
    ``unknown_share`` how many words none of them holds, 0..1.
    """

    places: tuple[int, ...]
    ranks: tuple[int, ...]
    max_score: float
    unknown_share: float


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a partition; see ``Retriever.search``. Boosts are those of the moment ``at``, by default now.

    The ``k`` hits after the first ``offset`` are wanted, near-duplicates once if ``collapse``, and of them those that
    score at least ``min_score``. Of a search of several collections it is known ``part`` was shown.
    """

    text: str
    k: int
    mode: str
    grouped: bool
    vector: Vector | None
    matching: Matching | None
    earlier: tuple[str, ...] = ()
    at: datetime | None = None
    answer: str = ""
    offset: int = 0
    collapse: bool = False
    min_score: float | None = None
    part: PartShown | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the first hits of the ranking are wanted as they stand."""
        return not self.offset and not self.collapse and self.part is None

    @property
    def turns(self) -> Turns:
        """The question and what came before it."""
        return Turns(self.text, self.earlier, self.answer)


def unit_vector(components: Sequence[float]) -> Vector:
    """A query vector of unit norm.

    Raises:
        InvalidInput: it has no direction.
    """
    vector = np.array(components, np.float64)
    largest = float(np.abs(vector).max(initial=0.0))
    if not 0.0 < largest < float("inf"):
        raise InvalidInput("the vector has no direction: expected finite components that are not all zero.")
    vector /= largest  # else squares of very large or small components leave what a number can hold
    return (vector / np.linalg.norm(vector)).astype(np.float32)
