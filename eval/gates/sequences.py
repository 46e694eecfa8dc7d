"""Two kinds of test, each at its own level: boundaries for planned looks, and a bound that holds at every look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

N_STAR = 300
"""Observations at which the confidence sequence is tightest, unless told otherwise. Source: issue 12."""
_GRID = 150
"""Points of the grid between two looks. Source: our choice; published constants are met to 0.001."""
_FAR = 8.0
"""Standard deviations below which no path is followed: it lies there with a chance below 1e-15. Our choice."""

Floats = NDArray[np.float64]


def one_sided_critical(level: float) -> float:
    """What a standard normal statistic exceeds with the chance ``level``: the boundary of a test made once."""
    return float(norm.isf(level))


def group_sequential_boundaries(looks: Sequence[int], level: float) -> tuple[float, ...]:
    """O'Brien-Fleming boundaries: what a z statistic must exceed at each planned look, one-sided.

    High at first and near the fixed test's at the end; over all looks together they are exceeded with the chance
    ``level`` where there is no effect.

    Args:
        looks: At how many observations it is looked, ascending.
        level: In (0, 0.5).

    Returns:
        One boundary a look: ``C / sqrt(share of the last look)``.

    Raises:
        ValueError: ``looks`` do not ascend from 1 on, or the level is no level.

    Source: O'Brien and Fleming, Biometrics 35, 1979; integration as in Armitage, McPherson, Rowe, JRSS A 132, 1969.
    """
    return _boundaries(tuple(looks), level)


@lru_cache(maxsize=64)
def _boundaries(looks: tuple[int, ...], level: float) -> tuple[float, ...]:
    if not looks or looks[0] < 1 or any(after <= before for before, after in pairwise(looks)):
        raise ValueError(f"Looks {list(looks)} are not a plan: expected numbers of observations that ascend from 1 on.")
    if not 0 < level < 0.5:
        raise ValueError(f"Level {level} is out of range: expected more than 0 and less than 0.5.")
    shares = np.asarray(looks, dtype=np.float64) / looks[-1]
    constant = brentq(
        lambda c: crossing_chance(shares, c / np.sqrt(shares)) - level, one_sided_critical(level) * 0.9, 9.0
    )
    return tuple(float(bound) for bound in constant / np.sqrt(shares))


def crossing_chance(shares: Floats, bounds: Floats) -> float:
    """The chance that a z statistic without effect exceeds its bound at any look.

    Args:
        shares: Each look's share of all observations, ascending to 1.
        bounds: What z must exceed at each.
    """
    scores = bounds * np.sqrt(shares)  # as Brownian motion: it is at ``score`` at the time ``share``
    chance = float(norm.sf(bounds[0]))
    low = -_FAR * math.sqrt(shares[0])
    points = np.linspace(low, scores[0], _GRID)
    density = norm.pdf(points, scale=math.sqrt(shares[0]))
    for before, share, score in zip(shares, shares[1:], scores[1:], strict=False):
        spread = math.sqrt(share - before)
        weights = density * _weights(points)
        chance += float(weights @ norm.sf((score - points) / spread))
        following = np.linspace(-_FAR * math.sqrt(share), score, _GRID)
        density = norm.pdf(following[:, None], loc=points[None, :], scale=spread) @ weights
        points = following
    return chance


def _weights(points: Floats) -> Floats:
    """Weights of an integral over an even grid. Source: Press et al., Numerical Recipes, 2007, equation 4.1.14."""
    step = points[1] - points[0]
    weights = np.full(len(points), step)
    ends = np.array([3 / 8, 7 / 6, 23 / 24]) * step
    weights[:3], weights[-3:] = ends, ends[::-1]
    return weights


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """A one-sided asymptotic confidence sequence for a mean: it may be looked at after every observation.

    ``level`` in (0, 0.5) is the chance that the bound is ever wrong; it is tightest at ``n_star`` observations.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences", Annals of Statistics 52, 2024 (arXiv 2103.06476 of 2021), proposition B.1 and section B.2.
    """

    level: float
    n_star: int = N_STAR

    def __post_init__(self) -> None:
        if not 0 < self.level < 0.5 or self.n_star < 1:
            raise ValueError(f"Level {self.level} and N* {self.n_star}: expected a level in (0, 0.5) and N* above 0.")

    @property
    def rho_squared(self) -> float:
        """The mixture's variance that makes the bound tightest at ``n_star``."""
        doubled = -2 * math.log(2 * self.level)
        return (doubled + math.log(doubled + 1)) / self.n_star

    def radius(self, n: Floats | float, deviation: Floats | float) -> Floats:
        """How far below the mean of ``n`` observations the true mean may lie.

        Args:
            n: How many observations, >= 1.
            deviation: Their standard deviation.
        """
        scaled = np.asarray(n, dtype=np.float64) * self.rho_squared
        inner = 2 * (scaled + 1) / (np.asarray(n) * scaled) * np.log1p(np.sqrt(scaled + 1) / (2 * self.level))
        return np.asarray(deviation) * np.sqrt(inner)

    def lower(self, n: int, mean: float, deviation: float) -> float:
        """What the true mean is not below, at any number of looks."""
        return mean - float(self.radius(n, deviation))

    def upper(self, n: int, mean: float, deviation: float) -> float:
        """What the true mean is not above, at any number of looks."""
        return mean + float(self.radius(n, deviation))
