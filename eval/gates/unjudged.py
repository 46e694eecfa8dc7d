"""What documents without a judgment could at most change: both scores, in the world that favours the candidate most."""

from collections.abc import Collection, Mapping

from eval.datasets.query_sets import QuerySet
from eval.experiments.evaluations import Evaluation
from eval.experiments.measures import EVERY_MEASURE, run_from_ranking, score_run
from indexing.retention.ranking_files import ERASED

RELEVANT = 1
"""The grade that a document without a judgment is given. Source: our choice, the least that is relevant."""
BOUNDED = ("nDCG@10", "R@10", "MRR@10", "Success@10")
"""Measures that the first ten documents decide, which are all that an evaluation keeps."""
Scores = Mapping[str, float]


def best_case(before: Evaluation, after: Evaluation, query_set: QuerySet, measure: str) -> tuple[Scores, Scores] | None:
    """Scores of baseline and candidate by query, as good for the candidate as unjudged documents could make them.

    Of each query the best of three worlds counts, for both: none of these documents is relevant, all that the candidate
    shows are, or those are that it alone shows. The baseline is scored by the same judgments.

    Args:
        before: The baseline's evaluation.
        after: The candidate's, of the same queries.
        query_set: With the judgments that there are.
        measure: What is scored.

    Returns:
        The two, or ``None`` for a measure that looks further than the documents which are kept.
    """
    if measure not in BOUNDED:
        return None
    a, b = dict(before.scores[measure]), dict(after.scores[measure])
    first, second = ({query: _named(one.rankings[query]) for query in query_set.queries} for one in (before, after))
    for is_shared_too in (True, False):
        granted = {
            query: _granted(ids, query_set.qrels[query], () if is_shared_too else first[query])
            for query, ids in second.items()
        }
        others = [_scores(rankings, granted, measure) for rankings in (first, second)]
        for query in query_set.queries:
            if others[1][query] - others[0][query] > b[query] - a[query]:
                a[query], b[query] = others[0][query], others[1][query]
    return a, b


def _named(ids: Collection[str]) -> list[str]:
    """A ranking in which documents that were erased differ from each other."""
    return [f"{one} {place}" if one == ERASED else one for place, one in enumerate(ids)]


def _granted(ids: Collection[str], grades: Mapping[str, int], without: Collection[str]) -> dict[str, int]:
    more = {one: RELEVANT for one in ids if one not in grades and one not in without}
    return {**grades, **more}


def _scores(rankings: Mapping[str, list[str]], qrels: dict[str, dict[str, int]], measure: str) -> Scores:
    run = {query: run_from_ranking(ids) for query, ids in rankings.items()}
    return score_run(qrels, run, {measure: EVERY_MEASURE[measure]}).per_query[measure]
