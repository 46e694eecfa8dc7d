"""Agreement: how alike two rankings of the same query are."""

from collections.abc import Sequence
from itertools import zip_longest

RBO_P = 0.9
"""How far down rank-biased overlap looks: of its weight, 86 % lies on the first ten ranks. Source: Webber, Moffat,
Zobel, "A similarity measure for indefinite rankings", ACM TOIS 28(4), 2010, section 4.3."""


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of two rankings that is in both, in [0, 1], of the longer one; 1 where both are empty.

    Args:
        one: Ids best first, no duplicates.
        other: The same of another ranking.
    """
    longest = max(len(one), len(other))
    return len(set(one) & set(other)) / longest if longest else 1.0


def rank_biased_overlap(one: Sequence[str], other: Sequence[str], p: float = RBO_P) -> float:
    """How alike two rankings are, in [0, 1], where the first ranks count most: 1 the same, 0 nothing in common.

    It is extrapolated: what was not seen below the shorter ranking is taken to agree as what was seen.

    Args:
        one: Ids best first, no duplicates.
        other: The same of another ranking; the lengths may differ.
        p: In (0, 1): the larger, the less the first ranks count beside the others.

    Returns:
        1 where both are empty, 0 where one is.

    Source: Webber, Moffat, Zobel, ACM TOIS 28(4), 2010, equation 32.
    """
    short, long = sorted((one, other), key=len)
    if not short:
        return 0.0 if long else 1.0
    common: list[int] = [0]
    seen: set[str] = set()
    for pair in zip_longest(short, long):
        found = common[-1]
        for item in pair if pair[0] != pair[1] else pair[:1]:
            if item is not None:
                found += item in seen
                seen.add(item)
        common.append(found + (pair[0] == pair[1]))
    s, n = len(short), len(long)
    at_s = common[s]
    weighted = sum(common[d] / d * p**d for d in range(1, n + 1))
    weighted += sum(at_s * (d - s) / (s * d) * p**d for d in range(s + 1, n + 1))
    return (1 - p) / p * weighted + ((common[n] - at_s) / n + at_s / s) * p**n
