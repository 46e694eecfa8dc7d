"""How a build moves the scores of a collection without judgments: by how high documents score that do not answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from indexing.records import MODES, Json, JsonFields
from indexing.snapshots.collection_calibration import LEG_CHECK, CollectionCalibration, Move

FROM_LEG_CHECK, GENERAL = "leg-check", "general"
"""What people call the rule, and that there is none: one curve for all collections."""
MIN_SAMPLES = 10
"""Samples below which nothing is moved. Source: our choice, as of the leg rule."""


@dataclass(frozen=True, slots=True)
class CalibrationRule:
    """A collection in whose leg check other documents score high has its scores moved down, and the other way round.

    The leg check asks for passages by words of theirs. ``usual`` is the mean log-odds that the general curve gives
    there to documents that are not asked for, over the collections it was measured on; scores move by ``strength``
    times what a collection lies below that, ``most`` at most, in log-odds. Source: decision 58.
    """

    name: str = FROM_LEG_CHECK
    version: int = 1
    usual: float = -2.17
    strength: float = 1.5
    most: float = 1.0

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``dataclasses.asdict`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        rule = cls(
            fields.take("name", str),
            fields.take("version", int),
            fields.take("usual", float),
            fields.take("strength", float),
            fields.take("most", float),
        )
        fields.end()
        return rule

    def calibration(self, others: Sequence[float]) -> CollectionCalibration | None:
        """How the scores of a collection move; ``None`` where too little is known, or nothing moves.

        Args:
            others: For each sample the mean log-odds of documents that were not asked for.
        """
        if len(others) < MIN_SAMPLES:
            return None
        shift = self.strength * (self.usual - math.fsum(others) / len(others))
        shift = round(min(self.most, max(-self.most, shift)), 1)  # else every build would move it a little
        return CollectionCalibration(LEG_CHECK, len(others), dict.fromkeys(MODES, Move(shift))) if shift else None
