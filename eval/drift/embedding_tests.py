"""Tests of whether two samples of sketches differ: maximum mean discrepancy, and a classifier that tells them apart.

Both draw their p from permutations of the very samples, so that their level holds whatever the vectors look like: fixed
thresholds on a distance of embeddings were tried on identical samples, and alarmed every time (issue 12).

Source: Gretton et al., JMLR 2012 (MMD); Lopez-Paz and Oquab, ICLR 2017 (classifier two-sample tests).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from eval.drift.two_samples import Tested

PERMUTATIONS = 4999
"""Of the labels: p is at least 0.0002, so that three such looks in a row alarm. Takes 0.3 s at 500 beside 100."""
_FOLDS = 5
"""Parts of the cross-fitting: each vector is judged by what was learned from the other four fifths. Our choice."""
_RIDGE = 1.0
"""Added to the squares of 32 components, whose sums are in the tens at 500 vectors: mild. Our choice."""
_BATCH = 500
"""Permutations at once: 600 vectors take 1 MB in each of a few arrays."""
_Floats = NDArray[np.float64]
_Statistic = Callable[[_Floats], _Floats]
"""Of labels, one column each: one number a column."""


def mmd(
    reference: NDArray[np.float32], window: NDArray[np.float32], *, seed: int, permutations: int = PERMUTATIONS
) -> Tested:
    """The maximum mean discrepancy under a Gaussian kernel as wide as the median distance, with a permutation p.

    Args:
        reference: float32, shape (n, d), n >= 2.
        window: float32, shape (m, d), m >= 2.
        seed: Of the permutations.
        permutations: How many.
    """
    kernel = _gaussian(np.concatenate([reference, window]).astype(np.float64))
    weights = _weights(len(reference), len(window))

    def statistic(labels: _Floats) -> _Floats:
        return np.asarray(np.einsum("ij,ij->j", labels, kernel @ labels))

    return _permuted(statistic, weights, seed, permutations)


def classifier(
    reference: NDArray[np.float32], window: NDArray[np.float32], *, seed: int, permutations: int = PERMUTATIONS
) -> Tested:
    """How well a linear classifier, cross-fitted in five parts, tells the samples apart: its AUC, with a permutation p.

    The classifier is ridge regression on the label: what it says of a vector is linear in the labels of the others, so
    that every permutation is a product with one matrix. Arguments as in ``mmd``; 0.5 is no better than chance.
    """
    vectors = np.concatenate([reference, window]).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / (vectors.std(axis=0) + 1e-12)
    chance = np.random.default_rng(seed)
    folds = chance.permutation(np.arange(len(vectors)) % _FOLDS)
    smoother = _cross_fitted(vectors, folds)
    labels = np.r_[np.zeros(len(reference)), np.ones(len(window))]

    def statistic(some: _Floats) -> _Floats:
        ranks = rankdata(smoother @ some, axis=0)
        positives = some.sum(axis=0)
        negatives = len(some) - positives
        total = np.sum(ranks * some, axis=0)
        return np.asarray((total - positives * (positives + 1) / 2) / (positives * negatives), np.float64)

    return _permuted(statistic, labels, seed + 1, permutations)


def _permuted(statistic: _Statistic, labels: _Floats, seed: int, permutations: int) -> Tested:
    """A statistic of labels, and how often it is as large when they are permuted."""
    chance = np.random.default_rng(seed)
    seen = float(statistic(labels[:, None])[0])
    at_least = 0
    for start in range(0, permutations, _BATCH):
        count = min(_BATCH, permutations - start)
        drawn = chance.permuted(np.repeat(labels[:, None], count, axis=1), axis=0)
        at_least += int(np.sum(statistic(drawn) >= seen - 1e-12))
    return Tested(seen, (1 + at_least) / (permutations + 1))


def _weights(reference: int, window: int) -> _Floats:
    return np.r_[np.full(reference, 1.0 / reference), np.full(window, -1.0 / window)]


def _gaussian(vectors: _Floats) -> _Floats:
    """The kernel between all vectors; its width is the median of their distances, whichever sample they are of."""
    squares = np.sum(vectors**2, axis=1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2.0 * vectors @ vectors.T, 0.0)
    apart = distances[np.triu_indices(len(vectors), 1)]
    median = float(np.median(apart)) or 1.0
    return np.asarray(np.exp(-distances / median), np.float64)


def _cross_fitted(vectors: _Floats, folds: NDArray[np.int64]) -> _Floats:
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
