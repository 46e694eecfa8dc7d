"""Tests of whether two samples differ, and how much: pure functions of numbers, counts and shares.

Deciding is by p values; the population stability index is for reading alone, since it has no level of its own.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LEAST_EXPECTED = 5.0
"""Of a category in the smaller sample; rarer ones are put together. Source: Cochran 1954, the rule of chi-square."""
BINS = 10
"""Of the population stability index, by the deciles of the reference. Source: the index's usual form (Siddiqi 2006)."""
_SMOOTHING = 0.5
"""Added to each bin's count, so that an empty one has a logarithm. Source: Jeffreys' prior."""
ENOUGH = 50
"""Permutations as large as what was seen after which a test ends: p is then known to a seventh. Source: our choice."""
_LEAST_P = 1e-300
"""Near the smallest number that a float holds."""
BATCH_PERMUTATIONS = 200
"""Permutations at once. Our choice."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A test's statistic, larger for samples further apart, and its p value in (0, 1]."""

    statistic: float
    p: float


def kolmogorov_smirnov(reference: ArrayLike, window: ArrayLike) -> Tested:
    """The two-sample Kolmogorov-Smirnov test; with ties, as counts have them, its p is too large rather than too small.

    Args:
        reference: Numbers, at least one.
        window: Numbers, at least one.
    """
    found = stats.ks_2samp(np.asarray(reference, np.float64), np.asarray(window, np.float64), method="asymp")
    return Tested(float(found.statistic), _p(found.pvalue))


def chi_square(reference: Sequence[str], window: Sequence[str]) -> Tested:
    """Pearson's chi-square test of whether categories are as frequent; its statistic is Cramér's V, 0 to 1.

    Categories that are rare in both are put together first; where one is left nothing can differ, and p is 1.
    """
    before, after = Counter(reference), Counter(window)
    total, smaller = len(reference) + len(window), min(len(reference), len(window))
    common = [
        name for name in sorted(before | after) if (before[name] + after[name]) * smaller / total >= LEAST_EXPECTED
    ]
    table = [[counts[name] for name in common] for counts in (before, after)]
    rest = [len(reference) - sum(table[0]), len(window) - sum(table[1])]
    if any(rest):
        table = [[*row, left] for row, left in zip(table, rest, strict=True)]
    if len(table[0]) < 2:
        return Tested(0.0, 1.0)
    found = stats.chi2_contingency(np.array(table), correction=False)
    return Tested(float(np.sqrt(found.statistic / total)), _p(found.pvalue))


def rates_differ(reference: Sequence[bool], window: Sequence[bool]) -> Tested:
    """Fisher's exact test of two rates; its statistic is how far they are apart, 0 to 1."""
    had, has = sum(reference), sum(window)
    table = [[had, len(reference) - had], [has, len(window) - has]]
    apart = abs(had / len(reference) - has / len(window))
    return Tested(apart, _p(stats.fisher_exact(table).pvalue))


def _p(value: float) -> float:
    """A p value in (0, 1], also where it is too small to be told from 0."""
    return min(1.0, max(float(value), _LEAST_P))


def population_stability(reference: ArrayLike, window: ArrayLike) -> float:
    """The population stability index, at least 0: bins are the reference's deciles, so equal samples give nearly 0."""
    before, after = np.asarray(reference, np.float64), np.asarray(window, np.float64)
    edges = np.unique(np.quantile(before, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
    expected, actual = (_shares(np.searchsorted(edges, some, side="left"), len(edges) + 1) for some in (before, after))
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def category_stability(reference: Sequence[str], window: Sequence[str]) -> float:
    """The population stability index of categories."""
    names = sorted(set(reference) | set(window))
    places = {name: place for place, name in enumerate(names)}
    expected, actual = (_shares(np.array([places[name] for name in some]), len(names)) for some in (reference, window))
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _shares(places: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    counts = np.bincount(places, minlength=count) + _SMOOTHING
    return np.asarray(counts / counts.sum(), np.float64)


def concentration_differs(
    reference: Sequence[Sequence[str]], window: Sequence[Sequence[str]], *, seed: int, permutations: int = 999
) -> Tested:
    """Whether answers gather on fewer documents than before, or on more: a permutation test over queries.

    The measure is the probability that two hits of different queries are one document, on a logarithmic scale; the
    statistic is how far it moved. Whole queries are permuted, since hits of one query belong together.

    Args:
        reference: The documents of each query's answer.
        window: The same of the window.
        seed: Of the permutations.
        permutations: How many; p is at least ``1 / (permutations + 1)``.
    """
    lists = [*reference, *window]
    places = {name: place for place, name in enumerate(sorted({name for one in lists for name in one}))}
    if not places:
        return Tested(0.0, 1.0)
    queries = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    documents = np.array([places[name] for one in lists for name in one])
    chance = np.random.default_rng(seed)
    is_window = np.arange(len(lists)) >= len(reference)

    def moved(labels: NDArray[np.bool_]) -> float:
        of_hit = labels[queries]
        parts = (_coincidence(np.bincount(documents[some], minlength=len(places))) for some in (~of_hit, of_hit))
        before, after = parts
        return abs(float(np.log(after / before)))

    seen = moved(is_window)

    def draw(count: int) -> NDArray[np.bool_]:
        return np.array([moved(chance.permutation(is_window)) >= seen for _ in range(count)], np.bool_)

    return Tested(seen, sequential_p(draw, permutations))


def sequential_p(draw: Callable[[int], NDArray[np.bool_]], most: int) -> float:
    """The p of a permutation test that ends early where it is plain that nothing is there.

    Args:
        draw: Draws so many permutations; of each, whether its statistic is as large as the one that was seen.
        most: How many are drawn at most; p is at least ``1 / (most + 1)``.

    Source: Besag and Clifford, Biometrika 1991: with ``ENOUGH`` as large ones after n permutations, p is ENOUGH / n.
    """
    drawn = larger = 0
    while drawn < most:
        found = draw(min(BATCH_PERMUTATIONS, most - drawn))
        counts = larger + np.cumsum(found)
        if counts[-1] >= ENOUGH:
            return ENOUGH / (drawn + int(np.argmax(counts >= ENOUGH)) + 1)
        drawn, larger = drawn + len(found), int(counts[-1])
    return (1 + larger) / (drawn + 1)


def _coincidence(counts: NDArray[np.int64]) -> float:
    """How probable it is that two hits are one document; half a coincidence is added, so that it is never 0."""
    total = float(counts.sum())
    pairs = float(np.sum(counts * (counts - 1.0)))
    return (pairs + 0.5) / max(total * (total - 1.0), 1.0)
