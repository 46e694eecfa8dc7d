"""Scores are held against judgments: what was said, what came true, and what a min_score leaves."""

import numpy as np
import pytest

from eval.experiments.reliability import JudgedHit, expected_calibration_error, reliability
from indexing.errors import InvalidInput


def hits_of(*scored):
    return [JudgedHit(f"q{query}", rank, score, right) for query, rank, score, right in scored]


def test_bins_tell_how_many_hits_are_relevant_of_those_that_score_alike():
    found = reliability(hits_of((1, 1, 0.95, True), (1, 2, 0.42, False), (2, 1, 0.48, True), (2, 2, 1.0, True)))
    assert [(one.low, one.hits, one.relevant_share) for one in found.bins] == [(0.4, 2, 0.5), (0.9, 2, 1.0)]
    assert found.bins[0].mean_score == pytest.approx(0.45)
    assert all(one.interval[0] <= one.relevant_share <= one.interval[1] for one in found.bins)
    assert (found.hits, found.queries, found.base_rate) == (4, 2, 0.75)
    assert (found.first_score, found.first_right) == (pytest.approx(0.715), 1.0)
    assert found.brier == pytest.approx((0.05**2 + 0.42**2 + 0.52**2 + 0.0) / 4)


def test_a_cut_tells_how_many_questions_still_have_a_hit_and_how_many_hits_are_right():
    found = reliability(hits_of((1, 1, 0.9, True), (1, 2, 0.6, False), (2, 1, 0.3, False)))
    cuts = {one.min_score: one for one in found.cuts}
    assert (cuts[0.2].queries_share, cuts[0.2].hits, cuts[0.2].precision) == (1.0, 3, pytest.approx(1 / 3))
    assert (cuts[0.5].queries_share, cuts[0.5].precision, cuts[0.5].first_right) == (0.5, 0.5, 1.0)
    assert cuts[0.9].hits == 1


def test_a_cut_that_leaves_nothing_has_no_precision():
    found = reliability(hits_of((1, 1, 0.02, False)))
    first = found.cuts[0]
    assert (first.queries_share, first.precision, first.first_right) == (0.0, None, None)


def test_scores_that_come_true_as_often_as_they_say_have_little_error():
    rng = np.random.default_rng(1)
    scores = rng.random(20_000)
    true = (rng.random(20_000) < scores).astype(np.float64)
    assert expected_calibration_error(scores, true) < 0.02
    assert expected_calibration_error(scores / 2, true) == pytest.approx(0.25, abs=0.02)


def test_no_hit_at_all_is_refused():
    with pytest.raises(InvalidInput, match="no judged hit"):
        reliability([])
