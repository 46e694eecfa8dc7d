"""Fusion: the raw scores of a candidate to the one number that orders it, and to a calibrated score.

What orders them does not depend on the other candidates, so the same raw scores give the same result whatever else was
found, in whatever order and on whatever replica. Of the others, the score counts only how many are better.
"""

import math
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


def calibrate(
    curve: Sequence[float], ordering: Scores, *, terms: float = 0.0, unknown_share: float = 0.0, before: int | None = 0
) -> Scores:
    """Map fused scores to 0..1 by a logistic curve; keeps the order.

    One threshold means the same for every query then.

    Args:
        curve: Bias and slope, the slope positive; in recipes from decision 58 on also what the logarithm of ``terms``
            and ``unknown_share`` count, for each hit alike, and the logarithm of the hit's place, at most 0.
        ordering: What ``fused_scores`` gave, of the candidates that stand next to each other in the ranking.
        terms: How many different terms of the query count.
        unknown_share: How many of them no passage of the collection holds, 0..1.
        before: How many candidates stand before these; ``None`` scores each as if none did: see ``at_place``.

    Returns:
        float32 (n,): an estimate of the chance that the passage's document is relevant.

    Source: decision 58; fitted by benchmarks/quality/calibration.py.
    """
    bias, slope, *rest = curve
    log_odds: Scores = bias + slope * ordering
    if rest:
        by_terms, by_unknown, by_place = rest
        log_odds = log_odds + (by_terms * math.log(max(terms, 1.0)) + by_unknown * unknown_share)
        if before is not None:
            descending = np.sort(-ordering)
            places = 1.0 + before + np.searchsorted(descending, -ordering)  # equal hits share a place, and so a score
            log_odds = log_odds + by_place * np.log(places)
    calibrated: Scores = (1.0 / (1.0 + np.exp(-log_odds))).astype(np.float32)
    return calibrated


def by_place(curve: Sequence[float]) -> float:
    """What the logarithm of a hit's place counts in a curve, at most 0."""
    return curve[4] if len(curve) > 2 else 0.0


def at_place(score: float, place: int, exponent: float) -> float:
    """What a hit scores at a place, from 1, that would score ``score`` as the first; ``exponent`` as ``by_place``."""
    odds = score * float(place**exponent)
    return odds / (odds + 1.0 - score)
