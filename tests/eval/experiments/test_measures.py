"""Measures: trec_eval's numbers, from 0 to 1, in the order that was returned, over all judged queries."""

import math

import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from eval.datasets.trec import Qrels, Run
from eval.experiments.measures import MEASURES, run_from_ranking, score_run
from indexing.errors import InvalidInput

DOCUMENTS = [f"d{number}" for number in range(15)]
grades = st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(-1, 3), min_size=1)
rankings = st.lists(st.sampled_from(DOCUMENTS), unique=True)
judgments = st.dictionaries(st.sampled_from("abc"), grades, min_size=1)
runs = st.dictionaries(
    st.sampled_from("abcz"), st.dictionaries(st.sampled_from(DOCUMENTS), st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 1.0]))
)


def expected_ndcg_at_10(judged: dict[str, int], ranking: list[str]) -> float:
    def dcg(gains: list[int]) -> float:
        return sum(max(gain, 0) / math.log2(rank + 1) for rank, gain in enumerate(gains[:10], start=1))

    ideal = dcg(sorted(judged.values(), reverse=True))
    return dcg([judged.get(document_id, 0) for document_id in ranking]) / ideal if ideal else 0.0


def expected_recall(judged: dict[str, int], ranking: list[str], cutoff: int) -> float:
    relevant = {document_id for document_id, grade in judged.items() if grade > 0}
    return len(relevant & set(ranking[:cutoff])) / len(relevant) if relevant else 0.0


def expected_mrr_at_10(judged: dict[str, int], ranking: list[str]) -> float:
    ranks = [rank for rank, document_id in enumerate(ranking[:10], start=1) if judged.get(document_id, 0) > 0]
    return 1 / ranks[0] if ranks else 0.0


def trec_eval_scores(qrels: Qrels, run: Run, query_id: str) -> dict[str, float]:
    """trec_eval's own numbers; its ``recip_rank`` has no cutoff, so one below rank 10 counts as 0."""
    if not run.get(query_id):
        return dict.fromkeys(MEASURES, 0.0)
    judged = {document_id: max(grade, 0) for document_id, grade in qrels[query_id].items()}
    evaluator = pytrec_eval.RelevanceEvaluator(
        {query_id: judged}, {"ndcg_cut_10", "recall_10", "recall_100", "recip_rank"}
    )
    scores = evaluator.evaluate({query_id: run[query_id]})[query_id]
    reciprocal = scores["recip_rank"]
    return {
        "nDCG@10": scores["ndcg_cut_10"],
        "R@10": scores["recall_10"],
        "R@100": scores["recall_100"],
        "MRR@10": reciprocal if reciprocal >= 1 / 10 else 0.0,
    }


def test_a_small_ranking_scores_what_is_worked_out_by_hand() -> None:
    scores = score_run({"q": {"a": 2, "b": 1, "c": 0}}, {"q": run_from_ranking(["x", "b", "a"])})
    ndcg = (1 / math.log2(3) + 2 / math.log2(4)) / (2 / math.log2(2) + 1 / math.log2(3))
    assert scores.means == pytest.approx({"nDCG@10": ndcg, "R@10": 1.0, "R@100": 1.0, "MRR@10": 0.5})


def test_a_relevant_document_at_rank_11_counts_for_recall_at_100_only() -> None:
    ranking = [f"x{number}" for number in range(10)] + ["d"]
    scores = score_run({"q": {"d": 1}}, {"q": run_from_ranking(ranking)})
    assert scores.means == {"nDCG@10": 0.0, "R@10": 0.0, "R@100": 1.0, "MRR@10": 0.0}


@given(grades, rankings)
def test_one_query_scores_what_the_formulas_say(judged: dict[str, int], ranking: list[str]) -> None:
    assert score_run({"q": judged}, {"q": run_from_ranking(ranking)}).means == pytest.approx(
        {
            "nDCG@10": expected_ndcg_at_10(judged, ranking),
            "R@10": expected_recall(judged, ranking, 10),
            "R@100": expected_recall(judged, ranking, 100),
            "MRR@10": expected_mrr_at_10(judged, ranking),
        }
    )


@given(judgments, runs)
def test_scores_match_trec_eval_also_where_scores_tie(qrels: Qrels, run: Run) -> None:
    scores = score_run(qrels, run)
    for query_id in qrels:
        found = {name: scores.per_query[name][query_id] for name in MEASURES}
        assert found == pytest.approx(trec_eval_scores(qrels, run, query_id))


@given(judgments, runs)
def test_scores_and_means_lie_between_0_and_1(qrels: Qrels, run: Run) -> None:
    scores = score_run(qrels, run)
    for name in MEASURES:
        assert all(0.0 <= score <= 1.0 for score in scores.per_query[name].values())
        assert 0.0 <= scores.means[name] <= 1.0


@given(grades.filter(lambda judged: max(judged.values()) > 0))
def test_a_perfect_ranking_has_ndcg_and_reciprocal_rank_1(judged: dict[str, int]) -> None:
    best_first = sorted(judged, key=lambda document_id: judged[document_id], reverse=True)
    means = score_run({"q": judged}, {"q": run_from_ranking(best_first)}).means
    assert means["nDCG@10"] == pytest.approx(1.0)
    assert means["MRR@10"] == 1.0
    assert means["R@100"] == 1.0


@given(judgments, runs)
def test_a_missing_query_scores_0_and_counts_in_the_mean(qrels: Qrels, run: Run) -> None:
    before = score_run(qrels, run)
    after = score_run({**qrels, "missing": {"d0": 1}}, run)
    for name in MEASURES:
        assert list(after.per_query[name]) == [*qrels, "missing"]
        assert after.per_query[name]["missing"] == 0.0
        assert after.means[name] == pytest.approx(before.means[name] * len(qrels) / (len(qrels) + 1))


def test_a_query_with_an_empty_result_scores_0() -> None:
    assert set(score_run({"q": {"d": 1}}, {"q": {}}).means.values()) == {0.0}


def test_a_query_with_no_relevant_document_scores_0() -> None:
    assert set(score_run({"q": {"d": 0}, "r": {}}, {"q": {"d": 1.0}, "r": {"d": 1.0}}).means.values()) == {0.0}


@given(judgments, runs)
def test_results_of_queries_without_judgments_change_nothing(qrels: Qrels, run: Run) -> None:
    assert score_run(qrels, {**run, "unjudged": {"d0": 1.0}}) == score_run(qrels, run)


def test_scores_that_tie_in_float32_tie_for_every_measure() -> None:
    scores = score_run({"q": {"a": 1}}, {"q": {"a": 1.0 + 1e-9, "b": 1.0}})
    assert scores.means["MRR@10"] == 0.5
    assert scores.means["nDCG@10"] == pytest.approx(1 / math.log2(3))


def test_scoring_without_judgments_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the judgments are empty"):
        score_run({}, {"q": {"d": 1.0}})


def test_a_score_that_is_not_finite_is_refused_by_query_and_document() -> None:
    with pytest.raises(InvalidInput, match="score nan of 'd' for query 'q'"):
        score_run({"q": {"d": 1}}, {"q": {"e": 1.0, "d": math.nan}})


@given(st.lists(st.text(), unique=True))
def test_scores_made_from_a_ranking_decrease_strictly_in_its_order(ids: list[str]) -> None:
    run = run_from_ranking(ids)
    assert list(run) == ids
    assert list(run.values()) == [float(score) for score in range(len(ids), 0, -1)]


def test_a_ranking_with_a_duplicate_is_refused_by_id() -> None:
    with pytest.raises(InvalidInput, match="document 'b' is in the ranking twice"):
        run_from_ranking(["a", "b", "c", "b"])
