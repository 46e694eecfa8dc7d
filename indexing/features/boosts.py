"""Boosts: what a document's values add to its score; one formula, offline and online."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from indexing.errors import InvalidInput

MAX_BOOSTS = 16
"""Of a recipe; our choice."""


@dataclass(frozen=True, slots=True)
class Boost:
    """What a feature adds to a fused score: ``weight * x / (x + saturation)``, with ``x`` its value, at least 0.

    So it adds half of ``weight`` at ``x == saturation`` and never more than ``weight``, which may be negative; a value
    below 0 counts as 0, a claim as 0 or 1, and one that is absent, null or a text adds nothing.

    Source: the saturation function of Craswell, Robertson, Zaragoza and Taylor, "Relevance weighting for query
    independent evidence", SIGIR 2005, with an exponent of 1.
    """

    feature: str
    weight: float
    saturation: float

    def contribution(self, x: float) -> float:
        """What the value ``x`` adds."""
        x = max(0.0, x)
        return self.weight * (x / (x + self.saturation))


Boosts: TypeAlias = tuple[Boost, ...]


def boosted(boosts: Boosts, numbers: Mapping[str, float]) -> float:
    """What all boosts add to a document's score, given the values that it has by feature name."""
    return sum(boost.contribution(numbers[boost.feature]) for boost in boosts if boost.feature in numbers)


def parse_boost(text: str) -> Boost:
    """A boost from ``VIEW:COLUMN=WEIGHT,SATURATION``, such as ``document_stats:age=-0.1,30``.

    Raises:
        InvalidInput: it has another form, or a number is out of range.
    """
    feature, _, numbers = text.partition("=")
    try:
        weight, saturation = map(float, numbers.split(","))
        is_valid = bool(feature.strip(":")) and -1e6 <= weight <= 1e6 and 0 < saturation <= 1e18
    except ValueError:
        is_valid = False
    if not is_valid:
        raise InvalidInput(
            f"The boost {text!r} is invalid: expected VIEW:COLUMN=WEIGHT,SATURATION with a saturation above 0, such as"
            " document_stats:age=-0.1,30."
        )
    return Boost(feature, weight, saturation)
