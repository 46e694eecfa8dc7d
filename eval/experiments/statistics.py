"""Statistics of paired scores: is one better than another, by how much, and on how many queries."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from indexing.errors import InvalidInput

Alternative: TypeAlias = Literal["two-sided", "greater", "less"]
"""What would be surprising: any difference, that the second scores more, or that it scores less."""
RESAMPLES = 9_999
"""Sign patterns drawn where not all can be looked at: p is then a multiple of 1/10,000, and at p = 0.05 off by at most
0.005 in 95 of 100 runs. Source: our choice; scipy's default."""
BOOTSTRAP_SAMPLES = 2_000
"""Means drawn for an interval. Source: Efron and Tibshirani, 1993, chapter 13, advise 1,000 at least."""
TIE = 1e-9
"""Two scores of a query nearer than that are the same; measures are sums in floating point. Source: our choice."""
_CELLS = 4_000_000
"""Signs that are drawn in one piece: some 40 MB. Source: our choice."""

_DRAWS = 50_000
"""Values that are drawn in one piece for an interval: 800 kB, which a core's cache holds. Source: our choice."""


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What ``paired_test`` found: mean difference, ``p`` in (0, 1], over how many pairs, and whether p is exact."""

    difference: float
    p: float
    n: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class WinTieLoss:
    """On how many pairs the second scored more, the same and less."""

    wins: int
    ties: int
    losses: int


def paired_test(
    a: Sequence[float],
    b: Sequence[float],
    *,
    alternative: Alternative = "two-sided",
    margin: float = 0.0,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> PairedTest:
    """Fisher's randomization test of the mean of ``b - a``: what if it were chance which score is whose?

    Each difference keeps its size and gets a random sign; p is the share of such worlds in which the mean is at least
    as far out as the one seen. All worlds are looked at where there are no more than ``resamples`` (pairs without a
    difference have no sign); else as many are drawn, and the one seen counts as one of them, so that p is never 0.

    Args:
        a: Scores of the first, finite; the order is that of ``b``, such as one query a place.
        b: Scores of the second.
        alternative: ``greater`` asks whether ``b`` scores more, ``less`` whether it scores less.
        margin: >= 0, how much ``b`` may lose: it is tested whether ``b - a`` exceeds ``-margin``. With ``greater`` this
            is a test of non-inferiority.
        resamples: >= 1.
        seed: Same seed, same p.

    Returns:
        ``difference`` is the mean of ``b - a``, whatever the margin.

    Raises:
        InvalidInput: there is no pair, the lengths differ, or a score is not finite.
        ValueError: ``resamples`` or ``margin`` is out of range, or the alternative is unknown.

    Source: Smucker, Allan, Carterette, CIKM 2007 (randomization test for retrieval); p as Phipson and Smyth, 2010.
    """
    if resamples < 1 or not margin >= 0 or alternative not in ("two-sided", "greater", "less"):
        raise ValueError(
            f"resamples {resamples}, margin {margin}, alternative {alternative!r}; expected at least 1, at least 0,"
            " and 'two-sided', 'greater' or 'less'"
        )
    differences = paired_differences(a, b)
    shifted = differences + margin
    signed = shifted[np.abs(shifted) > TIE]
    is_exact = 2.0 ** len(signed) <= resamples
    extreme = _extreme(signed, float(signed.sum()), alternative, resamples, None if is_exact else seed)
    p = extreme / 2 ** len(signed) if is_exact else (extreme + 1) / (resamples + 1)
    return PairedTest(float(differences.mean()), p, len(differences), is_exact)


def bootstrap_interval(
    values: Sequence[float], *, seed: int, samples: int = BOOTSTRAP_SAMPLES, level: float = 0.95
) -> tuple[float, float]:
    """A confidence interval for the mean of the values, by the percentile bootstrap.

    Args:
        values: One finite number per query, at least one.
        seed: Same seed, same interval.
        samples: How many times to draw ``len(values)`` values with replacement, >= 1.
        level: Share of the drawn means inside the interval, above 0 and below 1.

    Returns:
        Lower and upper end; with one value, or equal ones, both are that value.

    Raises:
        InvalidInput: ``values`` is empty or not finite.
        ValueError: ``samples`` or ``level`` is out of range.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if samples < 1 or not 0 < level < 1:
        raise ValueError(f"samples {samples}, level {level}; expected samples >= 1 and 0 < level < 1")
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0 or not np.isfinite(data).all():
        raise InvalidInput(f"{data.size} values, not all finite or none; expected at least one finite number")
    generator, rows = np.random.default_rng(seed), max(1, _DRAWS // data.size)
    sizes = [min(rows, samples - begin) for begin in range(0, samples, rows)]
    means = np.concatenate([data[generator.integers(data.size, size=(many, data.size))].mean(axis=1) for many in sizes])
    tail = (1 - level) / 2
    # A mean lies between the least and the greatest value, but its floating-point sum may not.
    low, high = np.clip(np.quantile(means, [tail, 1 - tail]), data.min(), data.max())
    return float(low), float(high)


def bootstrap_difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    seed: int = 0,
    samples: int = BOOTSTRAP_SAMPLES,
    level: float = 0.95,
) -> tuple[float, float]:
    """A confidence interval for the mean of ``b - a``, pairs drawn together; see ``bootstrap_interval``.

    Raises:
        InvalidInput, ValueError: as ``paired_test`` and ``bootstrap_interval``.
    """
    return bootstrap_interval(paired_differences(a, b).tolist(), seed=seed, samples=samples, level=level)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values: those at or below q are found with at most a share q of false ones among them.

    Args:
        p_values: Each in [0, 1], of independent or positively dependent tests.

    Returns:
        One for each, in order, in [0, 1]; none is below its own p.

    Raises:
        InvalidInput: one is no number from 0 to 1.

    Source: Benjamini and Hochberg, 1995.
    """
    wrong = [p for p in p_values if not 0 <= p <= 1]
    if wrong:
        raise InvalidInput(f"p value {wrong[0]!r}; expected a number from 0 to 1")
    return [] if len(p_values) == 0 else [float(p) for p in false_discovery_control(np.asarray(p_values, np.float64))]


def win_tie_loss(a: Sequence[float], b: Sequence[float]) -> WinTieLoss:
    """On how many pairs ``b`` scores more than ``a``, the same (within ``TIE``), and less.

    Raises:
        InvalidInput: as ``paired_test``.
    """
    differences = paired_differences(a, b)
    wins, losses = int((differences > TIE).sum()), int((differences < -TIE).sum())
    return WinTieLoss(wins, len(differences) - wins - losses, losses)


def paired_differences(a: Sequence[float], b: Sequence[float]) -> NDArray[np.float64]:
    """``b - a`` pair by pair: float64, shape (n,), n >= 1, finite.

    Raises:
        InvalidInput: there is no pair, the lengths differ, or a score is not finite.
    """
    if len(a) != len(b) or len(a) == 0:
        raise InvalidInput(f"{len(a)} and {len(b)} scores; expected as many of both, and at least one pair")
    differences: NDArray[np.float64] = np.asarray(b, np.float64) - np.asarray(a, np.float64)
    if not np.isfinite(differences).all():
        place = int(np.flatnonzero(~np.isfinite(differences))[0])
        raise InvalidInput(f"pair {place} has the scores {a[place]} and {b[place]}; expected finite numbers")
    return differences


def _extreme(
    signed: NDArray[np.float64], seen: float, alternative: Alternative, resamples: int, seed: int | None
) -> int:
    """How many sign patterns give a sum as far out as ``seen``: of all of them, or of ``resamples`` drawn by a seed."""
    slack = 1e-12 * float(np.abs(signed).sum())
    generator = None if seed is None else np.random.default_rng(seed)
    total = 1 << len(signed) if generator is None else resamples
    step = max(1, _CELLS // max(1, len(signed)))
    extreme = 0
    for start in range(0, total, step):
        count = min(step, total - start)
        if generator is None:
            patterns = np.arange(start, start + count)[:, None] >> np.arange(len(signed)) & 1
        else:
            patterns = generator.integers(0, 2, size=(count, len(signed)), dtype=np.int8)
        sums = 2.0 * (patterns.astype(np.float64) @ signed) - math.fsum(signed)
        if alternative == "two-sided":
            extreme += int((np.abs(sums) >= abs(seen) - slack).sum())
        elif alternative == "greater":
            extreme += int((sums >= seen - slack).sum())
        else:
            extreme += int((sums <= seen + slack).sum())
    return extreme
