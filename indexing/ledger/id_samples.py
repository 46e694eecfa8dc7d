"""Samples of rows by the random bits of their ids: even over time, and in step with nothing that they say."""

import math
import random
from dataclasses import dataclass
from uuid import UUID

from indexing.ledger.row_columns import Value

_SLOTS = 1 << 16
"""Values of the last two bytes of an id, all of them random (RFC 9562, section 5.7)."""
_SPARE_DEVIATIONS = 4.0
"""By how many standard deviations more rows are asked for than are wanted, since a share gives no exact number: so
that one sample in 30,000 has a few too little. Our choice."""


@dataclass(frozen=True, slots=True)
class IdSample:
    """The ids whose last two bytes are one of ``width`` values from ``beginning`` on, and after the last from 0."""

    beginning: int
    width: int

    @property
    def where(self) -> tuple[str, list[Value]]:
        """The condition in SQL that SQLite and DuckDB both understand, with its parameters."""
        if self.width >= _SLOTS:
            return "1 = 1", []
        end = self.beginning + self.width
        joined = "AND" if end <= _SLOTS else "OR"
        below = f"{end % _SLOTS:04X}" if end != _SLOTS else "~"  # four digits are below "~"
        digits = "substr(hex(id), 29, 4)"
        return f"({digits} >= ? {joined} {digits} < ?)", [f"{self.beginning:04X}", below]

    def place(self, row_id: UUID) -> int:
        """How far an id is from the beginning: of too many rows those with the lowest places are kept."""
        return ((row_id.int & (_SLOTS - 1)) - self.beginning) % _SLOTS


def id_sample(total: int, most: int, seed: int = 0) -> IdSample:
    """What gives some more than ``most`` of ``total`` rows, or all where there are no more.

    Args:
        total: How many rows there are.
        most: How many are wanted, >= 1.
        seed: Which part: samples of two seeds have no more rows in common than chance gives.
    """
    beginning = random.Random(seed).randrange(_SLOTS)  # noqa: S311 (a sample, to be had again)
    share = (most + _SPARE_DEVIATIONS * math.sqrt(most)) / max(total, 1)
    return IdSample(beginning, min(_SLOTS, math.ceil(_SLOTS * share)))
