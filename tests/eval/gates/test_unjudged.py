"""What unjudged documents could change at most: the best of three worlds, by query, for both sides."""

from dataclasses import dataclass

import pytest

from eval.datasets.query_sets import QuerySet
from eval.experiments.measures import EVERY_MEASURE, run_from_ranking, score_run
from eval.gates.unjudged import best_case
from indexing.retention.ranking_files import ERASED

QRELS = {"q": {"good": 1, "bad": 0}}
SET = QuerySet("made", {"q": "text"}, QRELS, "")


@dataclass
class Evaluated:
    """What is read of an evaluation."""

    rankings: dict

    @property
    def scores(self):
        run = {query: run_from_ranking([*dict.fromkeys(ids)]) for query, ids in self.rankings.items()}
        return score_run(QRELS, run, EVERY_MEASURE).per_query


def at_best(first, second, measure="nDCG@10"):
    before, after = best_case(Evaluated({"q": first}), Evaluated({"q": second}), SET, measure)
    return after["q"] - before["q"]


def test_a_document_that_the_candidate_alone_shows_is_taken_as_relevant():
    assert at_best(["good", "bad"], ["bad", "x"], "MRR@10") == pytest.approx(0.5 - 1)
    assert at_best(["good"], ["x", "good"]) > 0


def test_a_document_that_both_show_counts_only_where_it_helps_the_candidate():
    assert at_best(["good", "x"], ["x", "good"]) == pytest.approx(0)
    assert at_best(["good", "x"], ["good", "x"]) == 0


def test_judged_documents_stay_what_they_are():
    assert at_best(["good"], ["bad"]) == pytest.approx(-1)
    assert at_best(["good"], []) == pytest.approx(-1)


def test_erased_documents_may_be_several():
    assert at_best(["good"], [ERASED, ERASED]) > 0


def test_a_measure_that_looks_further_than_ten_documents_has_no_bound():
    assert best_case(Evaluated({"q": []}), Evaluated({"q": []}), SET, "R@100") is None
