"""Fusion: the two legs' raw scores of the same candidates to one order, and to a calibrated score."""

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

    Source: convex combination as in Bruch, Gai, Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023; the
    weight is chosen in benchmarks/fusion.py on train and dev judgments.
    """
    fused: Scores = np.float32(dense_weight) * min_max(dense) + np.float32(1.0 - dense_weight) * min_max(lexical)
    return fused
