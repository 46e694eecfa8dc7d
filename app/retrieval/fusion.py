"""Fusion: the two legs' raw scores of the same candidates to one order, and to a calibrated score."""

from collections.abc import Sequence

import numpy as np

from indexing.records import Scores


def min_max(scores: Scores) -> Scores:
    """``scores`` stretched to 0..1; all 0 when they are all equal."""
    if len(scores) == 0:
        return scores
    low, high = scores.min(), scores.max()
    if high <= low:
        return np.zeros_like(scores)
    stretched: Scores = (scores - low) / (high - low)
    return stretched


def weighted_min_max(dense: Scores, lexical: Scores, *, dense_weight: float) -> Scores:
    """Fuse two legs that scored the same candidates.

    Args:
        dense: Cosine of each candidate, float32 (n,).
        lexical: BM25 of each candidate, float32 (n,), 0 where no query term occurs.
        dense_weight: The dense leg's share, 0..1.

    Returns:
        float32 (n,) in 0..1, higher is better. The order of the candidates does not matter.

    Source: convex combination as in Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval",
    2023; the weight is chosen in benchmarks/fusion.py on train and dev judgments.
    """
    fused: Scores = np.float32(dense_weight) * min_max(dense) + np.float32(1.0 - dense_weight) * min_max(lexical)
    return fused


def calibrate(
    weights: Sequence[float], dense: Scores | None, lexical: Scores | None, ranking: Scores, bound: float
) -> Scores:
    """Map what ordered the candidates to 0..1, so that scores of different queries can be compared with one threshold.

    A logistic curve over ``ranking`` (for the lexical leg over its share of the query's bound); in hybrid mode,
    where ``ranking`` is relative to the query, also over the query's best cosine and best share. The order is kept.

    Args:
        weights: Bias and slope; for hybrid also the weights of the best cosine and the best lexical share.
        dense: Cosines of the candidates, or ``None`` without the dense leg.
        lexical: BM25 scores of the candidates, or ``None`` without the lexical leg.
        ranking: What ordered the candidates, float32 (n,).
        bound: What no lexical score of this query can exceed.

    Returns:
        float32 (n,), each strictly between 0 and 1, higher where ``ranking`` is higher.
    """
    if len(ranking) == 0:
        return ranking
    share = None if lexical is None else lexical / np.float32(bound) if bound > 0 else np.zeros_like(lexical)
    evidence = share if dense is None and share is not None else ranking
    logit = weights[0] + weights[1] * evidence
    if dense is not None and share is not None:
        logit = logit + weights[2] * float(dense.max()) + weights[3] * float(share.max())
    calibrated: Scores = (1.0 / (1.0 + np.exp(-logit))).astype(np.float32)
    return calibrated
