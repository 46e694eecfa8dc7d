"""Reliability: whether hits that are said to be relevant with a chance are so as often as that."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from indexing.errors import InvalidInput
from indexing.releases.evidence import wilson_interval

EDGES = tuple(step / 10 for step in range(11))
"""Ends of the bins of a reliability diagram. Source: our choice, as most papers have it."""
CUTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Values of ``min_score`` that a table shows. Source: our choice."""
_ECE_BINS = 10
"""Bins of equal counts of the expected calibration error. Source: Nixon et al., CVPR workshops 2019."""


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """A hit of a judged query: its score, 0..1, and whether its document was judged relevant; unjudged ones are not."""

    query: str
    rank: int
    score: float
    is_relevant: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """The hits whose scores lie from ``low`` up to ``high``: how many, their mean score, the share that is relevant.

    ``interval`` is Wilson's of the share, each side 95 %.
    """

    low: float
    high: float
    hits: int
    mean_score: float
    relevant_share: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cut:
    """What a ``min_score`` leaves: the share of queries with a hit, of hits, and how many of those are relevant.

    ``first_right`` is the share of the queries left whose first hit is relevant; ``None`` where nothing is left.
    """

    min_score: float
    queries_share: float
    hits: int
    precision: float | None
    first_right: float | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How reliable scores are. ``brier`` and ``calibration_error`` are best at 0; ``base_rate`` is the relevant share.

    ``first_score`` is the mean score of first hits, ``first_right`` the share of them that is relevant.
    """

    hits: int
    queries: int
    base_rate: float
    brier: float
    calibration_error: float
    first_score: float
    first_right: float
    bins: Sequence[Bin]
    cuts: Sequence[Cut]


def reliability(found: Sequence[JudgedHit]) -> Reliability:
    """How reliable the scores of some hits are.

    Raises:
        InvalidInput: there is no hit.
    """
    if not found:
        raise InvalidInput("There is no judged hit; expected at least one query with an answer.")
    scores = np.array([one.score for one in found], np.float64)
    relevant = np.array([one.is_relevant for one in found], np.float64)
    is_first = np.array([one.rank == 1 for one in found], np.bool_)
    return Reliability(
        hits=len(found),
        queries=len({one.query for one in found}),
        base_rate=float(relevant.mean()),
        brier=brier_score(scores, relevant),
        calibration_error=expected_calibration_error(scores, relevant),
        first_score=float(scores[is_first].mean()),
        first_right=float(relevant[is_first].mean()),
        bins=_bins(scores, relevant),
        cuts=[_cut(found, least) for least in CUTS],
    )


def brier_score(scores: NDArray[np.float64], relevant: NDArray[np.float64]) -> float:
    """The mean squared difference of score and truth, 0..1, best at 0. Source: Brier, 1950."""
    return float(((scores - relevant) ** 2).mean())


def expected_calibration_error(scores: NDArray[np.float64], relevant: NDArray[np.float64]) -> float:
    """How far mean score and relevant share lie apart, on average over bins of equal counts, 0..1."""
    order = np.argsort(scores, kind="stable")
    bins = [one for one in np.array_split(order, _ECE_BINS) if len(one)]
    return float(sum(len(one) * abs(scores[one].mean() - relevant[one].mean()) for one in bins) / len(scores))


def _bins(scores: NDArray[np.float64], relevant: NDArray[np.float64]) -> list[Bin]:
    found = []
    for low, high in pairwise(EDGES):
        inside = (scores >= low) & ((scores < high) | (high == EDGES[-1]))
        count, right = int(inside.sum()), int(relevant[inside].sum())
        if count:
            interval = wilson_interval(right, count)
            found.append(Bin(low, high, count, float(scores[inside].mean()), right / count, interval))
    return found


def _cut(found: Sequence[JudgedHit], least: float) -> Cut:
    queries = {one.query for one in found}
    left = [one for one in found if one.score >= least]
    first = [one for one in left if one.rank == 1]
    return Cut(
        min_score=least,
        queries_share=len({one.query for one in left}) / len(queries),
        hits=len(left),
        precision=sum(one.is_relevant for one in left) / len(left) if left else None,
        first_right=sum(one.is_relevant for one in first) / len(first) if first else None,
    )
