"""How the scores of one collection differ from the recipe's general curve: a record in its snapshot's manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from indexing.records import Json, JsonFields

JUDGMENTS, LEG_CHECK = "judgments", "leg check"
"""What a collection's calibration was fitted on."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is done to the log-odds of the general curve: stretched (> 0, so that the order stays), then shifted."""

    shift: float
    stretch: float = 1.0

    def applied(self, curve: Sequence[float]) -> list[float]:
        """The coefficients of a curve, moved; the first is its bias."""
        bias, *others = (self.stretch * one for one in curve)
        return [bias + self.shift, *others]

    def undone(self, log_odds: float) -> float:
        """What the log-odds were before."""
        return (log_odds - self.shift) / self.stretch


UNMOVED = Move(0.0)
"""That of a collection that is scored by the general curve."""


@dataclass(frozen=True, slots=True)
class CollectionCalibration:
    """How the general curves are moved for one collection, by mode; other modes are as the recipe has them.

    ``source`` is ``judgments`` or ``leg check``, ``samples`` how many queries or passages it was fitted on.
    """

    source: str
    samples: int
    modes: Mapping[str, Move]

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        source, samples = fields.take("source", str), fields.take("samples", int)
        modes = {mode: _move(one) for mode, one in fields.take("modes", dict).items()}
        fields.end()
        return cls(source, samples, modes)

    def to_json(self) -> dict[str, Json]:
        """This as JSON."""
        modes = {mode: [self.modes[mode].shift, self.modes[mode].stretch] for mode in sorted(self.modes)}
        return {"source": self.source, "samples": self.samples, "modes": modes}


def _move(value: Json) -> Move:
    match value:
        case [int() | float() as shift, int() | float() as stretch] if stretch > 0.0:
            return Move(float(shift), float(stretch))
    raise ValueError(f"{str(value)[:40]!r} stands where a shift and a stretch above 0 were expected")
