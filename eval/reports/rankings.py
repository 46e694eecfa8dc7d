"""Queries with the rankings that evaluations kept of them, as reports show them."""

from collections.abc import Mapping, Sequence

from eval.datasets.query_sets import QuerySet
from eval.experiments.kept_evaluations import RANKS_KEPT, Evaluation
from eval.reports.model import RankedDocument, RankedQuery, Ranking


def ranked_query(
    query_id: str,
    evaluations: Sequence[Evaluation],
    query_set: QuerySet,
    texts: Mapping[str, str],
    measure: str,
    note: str = "",
) -> RankedQuery:
    """A query with the ranking of each evaluation, and the grade of each document that was judged.

    Args:
        query_id: Which query.
        evaluations: Whose rankings, in the order in which they stand.
        query_set: The judgments.
        texts: The queries whose text may be shown.
        measure: Which score stands above a ranking.
        note: What is to be said of it; by default how many relevant documents are not there.
    """
    grades = query_set.qrels.get(query_id, {})
    rankings = [
        Ranking(
            one.release,
            one.scores[measure][query_id],
            [
                RankedDocument(rank, document_id, grades.get(document_id))
                for rank, document_id in enumerate(one.rankings.get(query_id, ()), 1)
            ],
        )
        for one in evaluations
    ]
    said = note or "; ".join(_missed(query_id, one, grades) for one in evaluations)
    return RankedQuery(query_id, texts.get(query_id), measure, rankings, said)


def _missed(query_id: str, evaluation: Evaluation, grades: Mapping[str, int]) -> str:
    relevant = {name for name, grade in grades.items() if grade > 0}
    found = relevant & set(evaluation.rankings.get(query_id, ()))
    absent = len(evaluation.absent.get(query_id, ()))
    is_there = "is" if len(found) == 1 else "are"
    said = f"{len(found)} of {len(relevant)} relevant documents {is_there} among the first {RANKS_KEPT}"
    return f"{said} of {evaluation.release}" + (f", {absent} not in it at all" if absent else "")
