"""How an A/B test ends: better, worse, equivalent or inconclusive, by the means of its units."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean, variance
from typing import Literal

from indexing.records import Json
from indexing.releases.rollouts import AbTest

MIN_UNITS = 30
"""Units an arm below which the normal approximation is not trusted, and the test is inconclusive. Source: the usual
rule; that the level holds from there on is simulated in tests/indexing/releases/test_ab_tests.py."""

Conclusion = Literal["better", "worse", "equivalent", "inconclusive"]


@dataclass(frozen=True, slots=True)
class AbResult:
    """How a test ended. ``difference`` is candidate minus baseline; ``low`` and ``high`` bound it at the stated level.

    Figures are ``None`` where there are too few units.
    """

    conclusion: Conclusion
    reason: str
    baseline_units: int
    candidate_units: int
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def evidence(self) -> dict[str, Json]:
        """It as JSON, as it is kept with the transition."""
        return asdict(self)


def conclude(test: AbTest, baseline: Sequence[float], candidate: Sequence[float]) -> AbResult:
    """Conclude a test that is over.

    Equivalent: the difference lies within the margin, by two one-sided tests at the stated level. Else better or worse:
    zero lies outside the interval at that level (two-sided). Else inconclusive.

    Args:
        test: What was stated beforehand.
        baseline: One mean of the measure for each unit of the recipe in service.
        candidate: The same of the candidate.

    Source: Welch, 1947, with the normal quantile; Schuirmann, Journal of Pharmacokinetics, 1987, for equivalence.
    """
    sizes = len(baseline), len(candidate)
    if min(sizes) < MIN_UNITS:
        reason = f"{sizes[0]} and {sizes[1]} units, and {MIN_UNITS} of each arm are needed"
        return AbResult("inconclusive", reason, *sizes)
    difference = fmean(candidate) - fmean(baseline)
    error = math.sqrt(variance(baseline) / sizes[0] + variance(candidate) / sizes[1])
    half = NormalDist().inv_cdf(1 - test.level / 2) * error
    near = NormalDist().inv_cdf(1 - test.level) * error
    low, high = difference - half, difference + half
    said = f"{test.measure} differs by {difference:.4g} ({low:.4g} to {high:.4g})"
    conclusion: Conclusion
    if abs(difference) + near < test.margin:
        conclusion, reason = "equivalent", f"{said}, within {test.margin:g}"
    elif low > 0 or high < 0:
        conclusion, reason = ("better" if (difference > 0) == test.higher_is_better else "worse"), said
    else:
        conclusion, reason = "inconclusive", f"{said}: zero is among the possible differences, and so are others"
    return AbResult(conclusion, reason, *sizes, difference, low, high)
