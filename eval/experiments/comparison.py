"""Comparing two evaluations query by query: which is better, by how much, and whether the judgments can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypeAlias

from eval.datasets.query_sets import QuerySet
from eval.experiments.changed_queries import ChangedQuery, documents_to_judge, most_changed
from eval.experiments.comparability import doubts_of_judgments, reasons_not_to_compare
from eval.experiments.evaluations import Evaluation
from eval.experiments.experiment import Latency
from eval.experiments.measures import CONDENSED, EVERY_MEASURE, JUDGED
from eval.experiments.slices import SliceDifference, slice_differences
from eval.experiments.statistics import WinTieLoss, bootstrap_difference, paired_test, win_tie_loss
from indexing.errors import InvalidInput

LEVEL = 0.05
"""p below which a difference counts as shown. Source: the custom of the field."""
Hint: TypeAlias = Literal["better", "worse", "no difference shown", "hold", "not comparable"]
"""What the second is against the first; ``hold`` says that the judgments cannot tell."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What ``compare`` found. ``a`` and ``b`` are the ids of the evaluations; differences are ``b - a``.

    Without the same queries there is no pairing: ``interval``, ``p`` and ``win_tie_loss`` are then ``None``, and the
    lists empty. ``reasons`` say in words what the verdict rests on; ``coverage`` is judged@10 of each over the queries
    that both answer, and ``to_judge`` are the pairs of query and document without a judgment, first those that only one
    ranking has.
    """

    a: str
    b: str
    release_a: str
    release_b: str
    measure: str
    queries: int
    verdict: Hint
    reasons: tuple[str, ...]
    why_not: tuple[str, ...]
    mean_a: float
    mean_b: float
    interval: tuple[float, float] | None
    p: float | None
    win_tie_loss: WinTieLoss | None
    condensed_difference: float
    slices: tuple[SliceDifference, ...]
    most_changed: tuple[ChangedQuery, ...]
    coverage: tuple[float, float]
    to_judge: tuple[tuple[str, str], ...]
    absent: tuple[int, int]
    latency: tuple[Latency, Latency]

    @property
    def difference(self) -> float:
        """How much more the second scores in the mean."""
        return self.mean_b - self.mean_a

    @property
    def is_comparable(self) -> bool:
        """Whether both were measured on the same documents and judgments."""
        return not self.why_not


def compare(
    a: Evaluation, b: Evaluation, query_set: QuerySet, *, measure: str = "nDCG@10", seed: int = 0
) -> Comparison:
    """Compare two evaluations of one query set.

    Args:
        a: What is there now.
        b: What shall take its place.
        query_set: What both were measured on.
        measure: One of ``EVERY_MEASURE``.
        seed: Of the resampling: the same seed gives the same result.

    Returns:
        ``not comparable`` where documents, judgments or the number of documents asked for differ, with the reasons;
        ``hold`` where judged@10 of the queries that both answer differs by more than ``MAX_COVERAGE_GAP``, or nDCG and
        condensed nDCG disagree in the sign of the difference; else what the randomization test shows at ``LEVEL``.

    Raises:
        InvalidInput: there is no such measure.
    """
    if measure not in EVERY_MEASURE:
        raise InvalidInput(f"measure {measure!r}; expected one of: {', '.join(EVERY_MEASURE)}")
    why_not = reasons_not_to_compare(a, b, query_set)
    scores_a, scores_b = a.scores[measure], b.scores[measure]
    is_paired = scores_a.keys() == scores_b.keys() == query_set.queries.keys()
    first = [scores_a[query] for query in query_set.queries] if is_paired else []
    second = [scores_b[query] for query in query_set.queries] if is_paired else []
    test = paired_test(first, second, seed=seed) if is_paired else None
    coverage = _coverage(a, b)
    condensed = b.means[CONDENSED] - a.means[CONDENSED]
    doubts = doubts_of_judgments(coverage, b.means["nDCG@10"] - a.means["nDCG@10"], condensed)
    unjudged = documents_to_judge(a, b, query_set) if is_paired else ()
    verdict, reasons = _verdict(why_not, doubts, None if test is None else (test.difference, test.p), len(unjudged))
    return Comparison(
        a=a.id,
        b=b.id,
        release_a=a.release,
        release_b=b.release,
        measure=measure,
        queries=len(first),
        verdict=verdict,
        reasons=reasons,
        why_not=why_not,
        mean_a=a.means[measure],
        mean_b=b.means[measure],
        interval=bootstrap_difference(first, second, seed=seed) if is_paired else None,
        p=None if test is None else test.p,
        win_tie_loss=win_tie_loss(first, second) if is_paired else None,
        condensed_difference=condensed,
        slices=slice_differences(scores_a, scores_b, query_set, seed) if is_paired else (),
        most_changed=most_changed(a, b, query_set, measure) if is_paired else (),
        coverage=coverage,
        to_judge=unjudged,
        absent=(_count(a.absent), _count(b.absent)),
        latency=(a.latency, b.latency),
    )


def _verdict(
    why_not: Sequence[str], doubts: Sequence[str], tested: tuple[float, float] | None, unjudged: int
) -> tuple[Hint, tuple[str, ...]]:
    if why_not or tested is None:
        return "not comparable", tuple(why_not)
    if doubts:
        return "hold", (*doubts, f"judge the {unjudged} documents that are listed, then compare again")
    difference, p = tested
    if p >= LEVEL:
        return "no difference shown", (f"p is {p:.4f}, expected below {LEVEL} for a difference that is shown",)
    return ("better" if difference > 0 else "worse"), (f"the mean changes by {difference:+.4f}, p is {p:.4f}",)


def _coverage(a: Evaluation, b: Evaluation) -> tuple[float, float]:
    """judged@10 of each over the queries that both answer: an empty ranking says nothing of how far judgments reach."""
    both = [query for query in a.scores[JUDGED] if a.rankings[query] and b.rankings.get(query)]
    if not both:
        return 1.0, 1.0
    return fmean([a.scores[JUDGED][query] for query in both]), fmean([b.scores[JUDGED][query] for query in both])


def _count(absent: Mapping[str, Sequence[str]]) -> int:
    return sum(len(ids) for ids in absent.values())
