"""The queries that two evaluations answer otherwise, and what would have to be judged to tell which is better."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.datasets.candidates import Proposal
from eval.datasets.query_sets import QuerySet
from eval.experiments.evaluations import Evaluation
from eval.experiments.statistics import TIE
from indexing.records import Partition
from indexing.retention.ranking_files import ERASED

MOST_CHANGED = 10
"""Queries that are shown with both rankings. Source: our choice."""
RANKS_JUDGED = 10
"""First documents of each ranking that are to be judged. Source: nDCG@10 looks at these."""


@dataclass(frozen=True, slots=True)
class ChangedQuery:
    """A query that scores otherwise: both rankings, best first, and the grades of the documents in them."""

    query_id: str
    text: str
    score_a: float
    score_b: float
    ranking_a: Sequence[str]
    ranking_b: Sequence[str]
    grades: Mapping[str, int]

    @property
    def difference(self) -> float:
        """How much more it scores in the second."""
        return self.score_b - self.score_a


def most_changed(a: Evaluation, b: Evaluation, query_set: QuerySet, measure: str) -> tuple[ChangedQuery, ...]:
    """The queries whose scores differ most, by size of the difference and id."""
    scores_a, scores_b = a.scores[measure], b.scores[measure]
    changed = [query for query in query_set.queries if abs(scores_b[query] - scores_a[query]) > TIE]
    changed.sort(key=lambda query: (-abs(scores_b[query] - scores_a[query]), query))
    return tuple(
        ChangedQuery(
            query_id=query,
            text=query_set.queries[query],
            score_a=scores_a[query],
            score_b=scores_b[query],
            ranking_a=a.rankings[query],
            ranking_b=b.rankings[query],
            grades={
                one: query_set.qrels[query][one]
                for one in dict.fromkeys((*a.rankings[query], *b.rankings[query]))
                if one in query_set.qrels[query]
            },
        )
        for query in changed[:MOST_CHANGED]
    )


def documents_to_judge(a: Evaluation, b: Evaluation, query_set: QuerySet) -> tuple[tuple[str, str], ...]:
    """Documents of either first ten without a judgment: first what only one of them has, the best ranks first."""
    found: list[tuple[bool, int, str, str]] = []
    for query, grades in query_set.qrels.items():
        first, second = (list(one.rankings[query][:RANKS_JUDGED]) for one in (a, b))
        for document in dict.fromkeys((*first, *second)):
            if document not in grades and document != ERASED:
                ranks = [one.index(document) for one in (first, second) if document in one]
                found.append((len(ranks) > 1, min(ranks), query, document))
    return tuple((query, document) for *_, query, document in sorted(found))


def proposals_to_judge(
    query_set: QuerySet, partition: Partition, pairs: Iterable[tuple[str, str]], releases: Sequence[str]
) -> list[Proposal]:
    """What ``documents_to_judge`` gave as candidates for a person, who is told the releases that found them."""
    evidence = {"query_set": query_set.name, "releases": list(releases)}
    return [
        Proposal(partition, query_set.queries[query], "comparison", document, evidence, query_set.askers.get(query))
        for query, document in pairs
    ]
