"""Shares and means over answers that come in clusters, one a user, with intervals that one busy user cannot narrow."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

LEVEL = 0.95
"""Of intervals: the share of them that hold the truth. Our choice."""
LEAST_USERS = 10
"""Clusters below which there is no interval: the spread between fewer is not known. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval; both ends are ``None``, and ``reason`` says why, where there is not enough to tell."""

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Singles:
    """Clusters of one answer each, by their sums alone, so that they take no memory each."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    """The sum of the squares of what ``total`` sums up; of a share the same as ``total``."""


NO_SINGLES = Singles()


def clustered_share(
    hits: NDArray[np.int64], counts: NDArray[np.int64], *, singles: Singles = NO_SINGLES, level: float = LEVEL
) -> Estimate:
    """The share ``sum(hits) / sum(counts)`` with its interval, in [0, 1].

    The spread between clusters gives the number of independent answers that tell as much; with it and Student's t of
    the clusters it is Wilson's interval. A share of 0 or 1 shows no spread: then each cluster counts as one answer.

    Args:
        hits: int64, shape (clusters,), each 0 up to its count.
        counts: int64, shape (clusters,), each at least 1.
        singles: Further clusters.
        level: Above 0 and below 1.

    Source: Korn and Graubard, Survey Methodology 24, 1998 (effective sample size, t); Franco, Little, Louis and Slud,
    J. Survey Statistics and Methodology 7, 2019 (Wilson's interval with it).
    """
    clusters, total = len(counts) + singles.count, int(counts.sum()) + singles.count
    if total == 0:
        return Estimate(None, reason="no answers")
    share = (float(hits.sum()) + singles.total) / total
    if clusters < LEAST_USERS:
        return Estimate(share, reason=_too_few(clusters))
    variance = _variance(hits.astype(np.float64), counts, singles, share)
    effective = share * (1 - share) / variance if variance > 0 else float(clusters)
    quantile = float(student.ppf((1 + level) / 2, clusters - 1))
    low, high = wilson(share, min(effective, float(total)), quantile)
    return Estimate(share, float(low), float(high))


def clustered_mean(
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
    *,
    least: float,
    most: float,
    singles: Singles = NO_SINGLES,
    level: float = LEVEL,
) -> Estimate:
    """The mean ``sum(sums) / sum(counts)`` of values between ``least`` and ``most`` with its interval between them.

    Args:
        sums: float64, shape (clusters,), of the values of each cluster.
        counts: int64, shape (clusters,), how many these are, each at least 1.
        least: No value is below it.
        most: No value is above it.
        singles: Further clusters.
        level: Above 0 and below 1.

    Source: the ratio estimator, Cochran, Sampling Techniques, 1977, section 2.11.
    """
    clusters, total = len(counts) + singles.count, int(counts.sum()) + singles.count
    if total == 0:
        return Estimate(None, reason="no values")
    mean = (float(sums.sum()) + singles.total) / total
    if clusters < LEAST_USERS:
        return Estimate(mean, reason=_too_few(clusters))
    half = float(student.ppf((1 + level) / 2, clusters - 1)) * math.sqrt(_variance(sums, counts, singles, mean))
    return Estimate(mean, max(least, mean - half), min(most, mean + half))


def wilson(
    share: NDArray[np.float64] | float, total: NDArray[np.float64] | float, quantile: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's interval of shares in [0, 1] of ``total`` > 0 each, at so many standard errors; both ends in [0, 1]."""
    square = quantile * quantile / np.asarray(total, np.float64)
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(share * (1 - np.asarray(share)) * square + square * square / 4) / (1 + square)
    return np.maximum(0.0, middle - half), np.minimum(1.0, middle + half)


def _variance(sums: NDArray[np.float64], counts: NDArray[np.int64], singles: Singles, ratio: float) -> float:
    """Of a ratio of sums over clusters, by its linearisation."""
    residuals = sums - ratio * counts
    of_singles = singles.squares - 2 * ratio * singles.total + singles.count * ratio**2
    clusters, total = len(counts) + singles.count, float(counts.sum()) + singles.count
    return clusters / (clusters - 1) * (float(residuals @ residuals) + max(0.0, of_singles)) / total**2


def _too_few(clusters: int) -> str:
    return f"not enough data: {clusters} users, {LEAST_USERS} are needed for an interval"
