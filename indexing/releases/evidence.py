"""The statistics that guards and A/B tests rest on: tails, bounds, and odds that stay valid at any number of looks."""

import math
from collections.abc import Sequence
from statistics import NormalDist

ONE_SIDED_95 = NormalDist().inv_cdf(0.95)
"""Standard deviations of a one-sided bound at 95 %."""


def chi_square_p(statistic: float) -> float:
    """The chance of a chi-square statistic, one degree of freedom, as large as this or larger.

    Source: its square root is a standard normal variable; Abramowitz and Stegun, 1964, 26.4.
    """
    return math.erfc(math.sqrt(statistic / 2))


def binomial_p(successes: int, trials: int, chance: float) -> float:
    """The chance, in both directions, of a count as far out as this: twice the smaller tail, at most 1."""
    below = math.fsum(_binomial(count, trials, chance) for count in range(successes + 1))
    return min(1.0, 2 * min(below, binomial_above(successes, trials, chance)))


def binomial_above(successes: int, trials: int, chance: float) -> float:
    """The chance of a count as high as this or higher."""
    return math.fsum(_binomial(count, trials, chance) for count in range(successes, trials + 1))


def log_excess_odds(has: int, of: int, had: int, of_before: int) -> float:
    """How strongly ``has`` of ``of`` speaks against a rate as in ``had`` of ``of_before``, as a natural logarithm.

    If both rates are the same, each event is the first sample's with the chance that its requests are; the odds compare
    that with all other chances alike (a uniform mixture). They exceed ``1 / level`` with probability ``level`` at most,
    over all looks together, where the first sample's rate is no higher. They say nothing about the direction.

    Source: Ville, 1939; Robbins, Statistical methods related to the law of the iterated logarithm, 1970.
    """
    events, expected = has + had, of / (of + of_before)
    mixture = math.lgamma(has + 1) + math.lgamma(had + 1) - math.lgamma(events + 2)
    return mixture - has * math.log(expected) - had * math.log1p(-expected)


def upper_difference(has: int, of: int, had: int, of_before: int) -> float:
    """By how much the rate of ``has`` of ``of`` exceeds that of ``had`` of ``of_before`` at most, with 95 % confidence.

    Source: Newcombe, Interval estimation for the difference between independent proportions, 1998, method 10.
    """
    has_rate, had_rate = has / of, had / of_before
    high, low = wilson_interval(has, of)[1], wilson_interval(had, of_before)[0]
    return has_rate - had_rate + math.hypot(high - has_rate, had_rate - low)


def quantile(ordered: Sequence[float], part: float) -> float:
    """The value below or at which ``part`` of the ascending values lie: the nearest rank, no interpolation."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def quantile_bounds(ordered: Sequence[float], part: float, level: float) -> tuple[float, float]:
    """Bounds of a distribution's quantile, whatever the distribution; each is wrong with probability ``level`` at most.

    Returns:
        Lower and upper bound, from values in ascending order; infinite where there are too few values.

    Source: David and Nagaraja, Order Statistics, 2003, section 7.1.
    """
    size = len(ordered)
    tail, most_above = 0.0, -1  # the largest count above the quantile that is still improbably small
    above = 0
    while above <= size and tail <= 1 - level:
        tail += _binomial(above, size, 1 - part)
        if tail <= level:
            most_above = above
        above += 1
    # ``above`` values or more above the quantile come with probability ``level`` at most.
    low = ordered[size - above] if above <= size and tail > 1 - level else -math.inf
    high = ordered[size - most_above - 1] if most_above >= 0 else math.inf
    return low, high


def _binomial(count: int, trials: int, chance: float) -> float:
    if chance <= 0.0 or chance >= 1.0:
        return float(count == (trials if chance >= 1.0 else 0))
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    return math.exp(ways + count * math.log(chance) + (trials - count) * math.log1p(-chance))


def wilson_interval(events: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval, each side at 95 %. Source: Wilson, JASA, 1927."""
    rate, z2 = events / trials, ONE_SIDED_95**2
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = ONE_SIDED_95 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return max(0.0, middle - half), min(1.0, middle + half)
