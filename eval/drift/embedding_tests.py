"""Tests of whether two samples of sketches differ: maximum mean discrepancy, and a classifier that tells them apart.

Both draw their p from permutations of the very samples, so that their level holds whatever the vectors look like: fixed
thresholds on a distance of embeddings were tried on identical samples, and alarmed every time (issue 12).

Source: Gretton et al., JMLR 2012 (MMD); Lopez-Paz and Oquab, ICLR 2017 (classifier two-sample tests).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eval.drift.two_samples import Tested, sequential_p

PERMUTATIONS = 19_999
"""Of the labels: p is at least 0.00005, so that two such looks in a row alarm. A second and a half at 500 beside 100,
where something moved; else fifty as large ones end it at once. Our choice."""
_FOLDS = 5
"""Parts of the cross-fitting: each vector is judged by what was learned from the other four fifths. Our choice."""
_RIDGE = 1.0
"""Added to the squares of 32 components, whose sums are in the tens at 500 vectors: mild. Our choice."""
_ROUNDING = 1e-6
"""Of a statistic, all of which are of the size of 1: sums of a thousand products of single precision differ by less.
Statistics that are nearer than that are equal. Our choice."""
_SPREAD = 1e-5
"""By which some component must differ for vectors to be told apart: a twentieth of a hundredth of what is usual, and
far above what the same query differs by between two batches of an encoder. Our choice."""
_Floats = NDArray[np.float32]
"""Of products, which take half the time of double precision; what is compared has five digits to spare."""
_Doubles = NDArray[np.float64]
_Statistic = Callable[[_Floats], _Floats]
"""Of labels, one row each: one number a row."""


def mmd(
    reference: NDArray[np.float32], window: NDArray[np.float32], *, seed: int, permutations: int | None = None
) -> Tested:
    """The maximum mean discrepancy under a Gaussian kernel as wide as the median distance, with a permutation p.

    Args:
        reference: float32, shape (n, d), n >= 2.
        window: float32, shape (m, d), m >= 2.
        seed: Of the permutations.
        permutations: How many at most, by default ``PERMUTATIONS``.
    """
    if _are_equal(reference, window):
        return Tested(0.0, 1.0)
    kernel = _gaussian(np.concatenate([reference, window]).astype(np.float64)).astype(np.float32)
    weights = _weights(len(reference), len(window))

    def statistic(labels: _Floats) -> _Floats:
        return np.asarray(np.einsum("ij,ij->i", labels, labels @ kernel))  # the kernel is symmetric

    return _permuted(statistic, weights, seed, permutations)


def classifier(
    reference: NDArray[np.float32], window: NDArray[np.float32], *, seed: int, permutations: int | None = None
) -> Tested:
    """How well a linear classifier, cross-fitted in five parts, tells the samples apart: its AUC, with a permutation p.

    The classifier is ridge regression on the label: what it says of a vector is linear in the labels of the others, so
    that every permutation is a product with one matrix. Arguments as in ``mmd``; 0.5 is no better than chance.
    """
    if _are_equal(reference, window):
        return Tested(0.5, 1.0)
    chance = np.random.default_rng(seed)
    count = len(reference) + len(window)
    # Equal scores stand in an order that depends on this one and on the processor's way to sort: it must say nothing.
    order = chance.permutation(count)
    vectors = np.concatenate([reference, window]).astype(np.float64)[order]
    vectors = (vectors - vectors.mean(axis=0)) / (vectors.std(axis=0) + 1e-12)
    smoother = _cross_fitted(vectors, np.arange(count) % _FOLDS).astype(np.float32).T
    labels = (order >= len(reference)).astype(np.float32)
    places = np.arange(1, count + 1, dtype=np.float32)

    def statistic(some: _Floats) -> _Floats:
        ranked = np.take_along_axis(some, np.argsort(some @ smoother, axis=1), axis=1)
        positives = len(window)
        total = ranked @ places - positives * (positives + 1) / 2
        return np.asarray(total / (positives * len(reference)), np.float32)

    return _permuted(statistic, labels, seed + 1, permutations)


def _permuted(statistic: _Statistic, labels: _Floats, seed: int, permutations: int | None) -> Tested:
    """A statistic of labels, and how often it is as large when they are permuted."""
    chance = np.random.default_rng(seed)
    seen = float(statistic(labels[None])[0])

    def draw(count: int) -> NDArray[np.bool_]:
        drawn = chance.permuted(np.repeat(labels[None], count, axis=0), axis=1)
        return np.asarray(statistic(drawn) >= seen - _ROUNDING)

    return Tested(seen, sequential_p(draw, PERMUTATIONS if permutations is None else permutations))


def _are_equal(reference: NDArray[np.float32], window: NDArray[np.float32]) -> bool:
    """Whether all vectors are one, so that nothing can differ and any statistic is rounding."""
    return bool(np.ptp(np.concatenate([reference, window]), axis=0).max() <= _SPREAD)


def _weights(reference: int, window: int) -> _Floats:
    return np.concatenate([np.full(reference, 1.0 / reference), np.full(window, -1.0 / window)]).astype(np.float32)


def _gaussian(vectors: _Doubles) -> _Doubles:
    """The kernel between all vectors; its width is the median of their distances, whichever sample they are of."""
    squares = np.sum(vectors**2, axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2.0 * vectors @ vectors.T, 0.0)
    apart = distances[np.triu_indices(len(vectors), 1)]
    median = float(np.median(apart)) or 1.0
    return np.asarray(np.exp(-distances / median), np.float64)


def _cross_fitted(vectors: _Doubles, folds: NDArray[np.int64]) -> _Doubles:
    """The matrix that gives, of the labels of all vectors, what is said of each by what the other folds taught."""
    count = len(vectors)
    smoother = np.zeros((count, count))
    for fold in range(_FOLDS):
        out, others = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        mean = vectors[others].mean(axis=0)
        known, asked = vectors[others] - mean, vectors[out] - mean
        squares = known.T @ known + _RIDGE * np.eye(known.shape[1])
        # The intercept is the mean of the labels; the slope sees labels without their mean, as ``known`` sums to zero.
        smoother[np.ix_(out, others)] = asked @ np.linalg.solve(squares, known.T) + 1.0 / len(others)
    return np.asarray(smoother, np.float64)
