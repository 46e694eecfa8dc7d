"""Position bias: how much less often lower ranks are looked at, from documents that one query showed at several ranks.

A hit at rank r is clicked with probability ``relevance * r ** -eta``. Releases, canaries and interleaving show the same
document for the same query at different ranks; between those its relevance is the same, so what differs is position.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from eval.feedback.estimates import LEVEL, Estimate, wilson

LEAST_PAIRS = 300
"""Pairs of query and document at two ranks or more below which nothing is estimated. Source: issue 12."""
LEAST_QUERIES = 30
"""Queries with clicks on such pairs below which the spread between queries is not known. Source: our choice."""
_BOUNDS = (-10.0, 20.0)
"""Where eta is looked for: far beyond any that was ever measured (0.5 to 2)."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShownPairs:
    """How often pairs of query and document were shown and clicked at each rank.

    Parallel int64 arrays, one entry for each pair and rank: ``pair`` counts pairs from 0 without gaps, ``rank`` from 1,
    ``shown`` is at least 1 and ``clicked`` at most ``shown``. ``query`` has one entry for each pair: the number of its
    query.
    """

    pair: Counts
    rank: Counts
    shown: Counts
    clicked: Counts
    query: Counts

    @property
    def moved(self) -> NDArray[np.bool_]:
        """For each pair, whether it was shown at two ranks or more."""
        return np.bincount(self.pair, minlength=len(self.query)) > 1


@dataclass(frozen=True, slots=True)
class PositionBias:
    """``eta`` with its interval, or why there is none, and what it was estimated from."""

    eta: Estimate
    pairs: int
    """Shown at two ranks or more."""
    clicked_pairs: int
    """Of these, clicked at least once; only they tell anything."""
    queries: int
    """Of those that were clicked."""


@dataclass(frozen=True, slots=True)
class Relevance:
    """Of one pair, how likely a user who looks at it clicks it, wherever it stands; with its interval, in [0, 1]."""

    pair: int
    shown: int
    clicked: int
    value: float
    low: float
    high: float


def examination(rank: NDArray[np.float64], eta: float) -> NDArray[np.float64]:
    """How often a rank is looked at, relative to the first: ``rank ** -eta``."""
    found: NDArray[np.float64] = rank**-eta
    return found


def estimate_position_bias(shown: ShownPairs, *, level: float = LEVEL) -> PositionBias:
    """Estimate eta from pairs that were shown at several ranks.

    Given how often a pair was clicked in all, its clicks fall on its ranks in proportion to ``shown * rank ** -eta``;
    that holds whatever its relevance is, which so need not be known. Eta solves the sum of those equations. Its
    interval lets clicks within one query depend on each other (a sandwich over queries, Student's t).

    Returns:
        Below ``LEAST_PAIRS`` pairs, or ``LEAST_QUERIES`` queries with clicks on them, without eta and with the reason.

    Source: the condition on several ranks is intervention harvesting, Agarwal, Zaitsev, Wang, Li, Najork and Joachims,
    WSDM 2019; ``rank ** -eta`` is Joachims, Swaminathan and Schnabel, WSDM 2017; the sandwich is Liang and Zeger, 1986.
    """
    moved = shown.moved
    clicks = np.bincount(shown.pair, shown.clicked, minlength=len(shown.query))
    telling = moved & (clicks > 0)
    pairs, clicked_pairs = int(moved.sum()), int(telling.sum())
    queries = len(np.unique(shown.query[telling]))
    reason = ""
    if pairs < LEAST_PAIRS:
        reason = f"not enough data: {pairs} pairs of query and document at two ranks or more, {LEAST_PAIRS} are needed"
    elif queries < LEAST_QUERIES:
        reason = f"not enough data: {queries} queries with clicks on such pairs, {LEAST_QUERIES} are needed"
    equation = _Equation.of(shown, telling)
    if not reason and equation.score(_BOUNDS[0]) * equation.score(_BOUNDS[1]) >= 0:
        reason = "not enough data: all clicks are at one end of the ranks"
    if reason:
        return PositionBias(Estimate(None, reason=reason), pairs, clicked_pairs, queries)
    eta = float(brentq(equation.score, *_BOUNDS, xtol=1e-10))
    half = float(student.ppf((1 + level) / 2, queries - 1)) * equation.standard_error(eta)
    return PositionBias(Estimate(eta, eta - half, eta + half), pairs, clicked_pairs, queries)


@dataclass(frozen=True, slots=True)
class _Equation:
    """The estimating equation over the pairs that tell anything, numbered anew."""

    pair: Counts
    log_rank: NDArray[np.float64]
    shown: NDArray[np.float64]
    clicked: NDArray[np.float64]
    query: Counts
    """Of each pair, numbered without gaps."""

    @classmethod
    def of(cls, shown: ShownPairs, telling: NDArray[np.bool_]) -> "_Equation":
        kept = telling[shown.pair]
        numbers = np.cumsum(telling) - 1
        _, query = np.unique(shown.query[telling], return_inverse=True)
        return cls(
            numbers[shown.pair[kept]],
            np.log(shown.rank[kept]),
            shown.shown[kept].astype(np.float64),
            shown.clicked[kept].astype(np.float64),
            query,
        )

    def score(self, eta: float) -> float:
        """Zero at the estimate; falls with eta."""
        return float(self._by_pair(eta)[0].sum())

    def standard_error(self, eta: float) -> float:
        """Of the estimate, robust to clicks that depend on each other within a query."""
        residuals, slopes = self._by_pair(eta)
        by_query = np.bincount(self.query, residuals)
        queries = len(by_query)
        spread = queries / (queries - 1) * float(by_query @ by_query)
        return math.sqrt(spread) / float(slopes.sum())

    def _by_pair(self, eta: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each pair, expected less seen log rank of its clicks, and how fast that falls with eta."""
        exposure = self.shown * np.exp(-eta * self.log_rank)
        total = np.bincount(self.pair, exposure)
        mean = np.bincount(self.pair, exposure * self.log_rank) / total
        square = np.bincount(self.pair, exposure * self.log_rank**2) / total
        clicks = np.bincount(self.pair, self.clicked)
        seen = np.bincount(self.pair, self.clicked * self.log_rank)
        return clicks * mean - seen, clicks * (square - mean**2)


def _looks(shown: ShownPairs, eta: float) -> NDArray[np.float64]:
    """How often each pair was looked at."""
    exposure = shown.shown * examination(shown.rank.astype(np.float64), eta)
    return np.bincount(shown.pair, exposure).astype(np.float64)


def corrected_relevance(
    shown: ShownPairs, bias: PositionBias, *, least_shown: int = 1, level: float = LEVEL
) -> Sequence[Relevance]:
    """What clicks say of each pair's relevance once its ranks are accounted for, most relevant first.

    Clicks are held against how often the pair was looked at, ``sum(shown * rank ** -eta)``. The interval spans those of
    both ends of eta's own, so it is wide where eta is not well known.

    Args:
        shown: All pairs, at several ranks or one.
        bias: What position does; without eta there is no relevance.
        least_shown: Pairs that were shown less often are left out.
        level: Of the interval.
    """
    eta = bias.eta
    if eta.value is None or eta.low is None or eta.high is None:
        return []
    quantile = float(norm.ppf((1 + level) / 2))
    times, clicks = np.bincount(shown.pair, shown.shown), np.bincount(shown.pair, shown.clicked)
    kept = np.flatnonzero(times >= least_shown)
    most, middle, least = (_looks(shown, one)[kept] for one in (eta.low, eta.value, eta.high))
    clicked = clicks[kept]
    value = np.minimum(1.0, clicked / middle)
    low = wilson(np.minimum(1.0, clicked / most), most, quantile)[0]
    high = wilson(np.minimum(1.0, clicked / least), least, quantile)[1]
    order = np.lexsort((kept, -value, -low))
    columns = (kept, times[kept].astype(np.int64), clicked.astype(np.int64), value, low, high)
    return [Relevance(*row) for row in zip(*(column[order].tolist() for column in columns), strict=True)]
