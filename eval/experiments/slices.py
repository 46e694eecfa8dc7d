"""Differences by slice: for which kinds of queries one evaluation is better than another."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from eval.datasets.query_sets import QuerySet
from eval.experiments.statistics import benjamini_hochberg, paired_test

MIN_SLICE = 10
"""Queries below which a slice is shown and not tested: with 5 the least p is 0.06. Source: our choice."""


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """One value of one slice: over how many queries, how much more the second scores, and how sure that is.

    ``p`` is ``None`` below ``MIN_SLICE`` queries; ``p_adjusted`` allows for all slices that were tested.
    """

    slice: str
    value: str
    n: int
    difference: float
    p: float | None
    p_adjusted: float | None


def slice_differences(
    scores_a: Mapping[str, float], scores_b: Mapping[str, float], query_set: QuerySet, seed: int
) -> tuple[SliceDifference, ...]:
    """Each value of each slice that is not the whole set, by name and value.

    p values are adjusted for all that are tested (Benjamini-Hochberg).

    Args:
        scores_a: By query id, of every query of the set.
        scores_b: Likewise.
        query_set: What the queries are, and which slices they are of.
        seed: Of the randomization tests.
    """
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for query in query_set.queries:
        for name, value in query_set.slices.get(query, {}).items():
            members[name, value].append(query)
    found = []
    for (name, value), queries in sorted(members.items()):
        if len(queries) == len(query_set.queries):
            continue  # the whole set once more
        test = paired_test([scores_a[one] for one in queries], [scores_b[one] for one in queries], seed=seed)
        found.append((name, value, len(queries), test.difference, test.p if len(queries) >= MIN_SLICE else None))
    tested = [p for *_, p in found if p is not None]
    adjusted = iter(benjamini_hochberg(tested))
    return tuple(SliceDifference(*one, None if one[-1] is None else next(adjusted)) for one in found)
