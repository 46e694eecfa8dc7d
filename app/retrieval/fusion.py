"""Fusion: the raw scores of a candidate to the one number that orders it, and to a calibrated score.

Nothing here depends on the other candidates, so the same raw scores give the same result whatever else was found, in
whatever order and on whatever replica.
"""

from collections.abc import Sequence

import numpy as np

from indexing.records import Scores


def fused_scores(dense: Scores | None, lexical: Scores | None, *, max_score: float, dense_weight: float) -> Scores:
    """What orders the candidates.

    Args:
        dense: Cosine of each candidate, float32 (n,), or ``None`` without the dense leg.
        lexical: BM25 of each candidate, float32 (n,), 0 where no query term occurs; or ``None`` without the lexical
        leg.
        max_score: What no BM25 score of this query can exceed; scores are counted as shares of it, 0..1.
        dense_weight: The dense leg's share when both legs are given, 0..1.

    Returns:
        float32 (n,), higher is better: the cosine, the lexical share, or their weighted sum.

    Raises:
        ValueError: neither leg is given.

    Source: a convex combination with fixed ranges, compared with min-max and reciprocal rank fusion in
    benchmarks/results/fusion.json; see docs/decisions/0008-absolute-fusion.md.
    """
    if lexical is None:
        if dense is None:
            raise ValueError("fusion needs the dense scores, the lexical scores, or both")
        return dense
    share: Scores = lexical / np.float32(max_score) if max_score > 0 else np.zeros_like(lexical)
    if dense is None:
        return share
    fused: Scores = np.float32(dense_weight) * dense + np.float32(1.0 - dense_weight) * share
    return fused


def calibrate(weights: Sequence[float], ordering: Scores) -> Scores:
    """Map fused scores to 0..1 by a logistic curve; keeps the order.

    One threshold means the same for every query then.

    Args:
        weights: Bias and slope, the slope positive.
        ordering: What ``fused_scores`` gave.

    Returns:
        float32 (n,): an estimate of the chance that the passage's document is relevant.

    Source: fitted on train and dev judgments by benchmarks/search/fusion.py.
    """
    bias, slope = weights
    calibrated: Scores = (1.0 / (1.0 + np.exp(-(bias + slope * ordering)))).astype(np.float32)
    return calibrated
