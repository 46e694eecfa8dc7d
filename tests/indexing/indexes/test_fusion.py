from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.indexes.fusion import at_place, by_place, calibrate, fused_scores

legs = st.lists(st.tuples(st.floats(-1, 1, width=32), st.floats(0, 40, width=32)), min_size=1, max_size=30).map(
    lambda pairs: (np.array([p[0] for p in pairs], np.float32), np.array([p[1] for p in pairs], np.float32))
)


def test_hybrid_evidence_is_the_weighted_sum_of_cosine_and_share():
    found = fused_scores(np.array([0.5], np.float32), np.array([3.0], np.float32), max_score=12.0, dense_weight=0.4)
    assert found == pytest.approx([0.4 * 0.5 + 0.6 * 0.25])


def test_one_leg_alone_is_its_own_evidence():
    cosines = np.array([0.1, 0.9], np.float32)
    assert fused_scores(cosines, None, max_score=0.0, dense_weight=0.4) is cosines
    assert fused_scores(None, np.array([2.0], np.float32), max_score=8.0, dense_weight=0.4) == pytest.approx([0.25])


def test_a_query_without_known_terms_counts_as_no_lexical_evidence():
    found = fused_scores(np.array([0.5], np.float32), np.zeros(1, np.float32), max_score=0.0, dense_weight=0.4)
    assert found == pytest.approx([0.2])


def test_no_leg_at_all_is_refused():
    with pytest.raises(ValueError, match="dense"):
        fused_scores(None, None, max_score=1.0, dense_weight=0.5)


@given(legs, st.randoms(use_true_random=False))
def test_fusion_does_not_depend_on_the_order_of_the_candidates(pair, random):
    dense, lexical = pair
    order = list(range(len(dense)))
    random.shuffle(order)
    straight = fused_scores(dense, lexical, max_score=50.0, dense_weight=0.45)
    shuffled = fused_scores(dense[order], lexical[order], max_score=50.0, dense_weight=0.45)
    assert np.array_equal(straight[order], shuffled)


@given(legs)
def test_fusion_of_a_candidate_does_not_depend_on_the_others(pair):
    dense, lexical = pair
    together = fused_scores(dense, lexical, max_score=50.0, dense_weight=0.45)
    alone = [
        fused_scores(dense[i : i + 1], lexical[i : i + 1], max_score=50.0, dense_weight=0.45)[0]
        for i in range(len(dense))
    ]
    assert np.array_equal(together, alone)


@given(legs, st.floats(-8, 0), st.floats(0, 40), st.floats(0, 1))
def test_what_a_question_s_words_and_a_hit_s_place_count_keeps_the_order(pair, by_place, terms, unknown_share):
    ordering = np.sort(pair[0])[::-1]
    curve = [-3.0, 5.0, 0.7, -2.4, by_place]
    scores = calibrate(curve, ordering, terms=terms, unknown_share=unknown_share)
    assert np.all((scores > 0) & (scores < 1))
    assert np.all(np.diff(scores) <= 0)
    equal = ordering[1:] == ordering[:-1]
    assert np.array_equal(scores[1:][equal], scores[:-1][equal])  # equal hits share a place


@given(legs)
def test_a_hit_s_score_does_not_depend_on_how_many_are_asked_for(pair):
    ordering, curve = np.sort(pair[0])[::-1], [-3.0, 5.0, 0.7, -2.4, -0.9]
    scores = calibrate(curve, ordering, terms=4)
    assert np.array_equal(calibrate(curve, ordering[:5], terms=4), scores[:5])


@given(legs, st.floats(-8, 0))
def test_a_hit_scored_as_if_it_were_the_first_is_what_it_is_once_its_place_counts(pair, exponent):
    ordering, curve = np.sort(pair[0])[::-1], [-3.0, 5.0, 0.7, -2.4, exponent]
    firsts = calibrate(curve, ordering, terms=4, before=None)
    places = 1 + np.searchsorted(-ordering, -ordering)  # equal hits share one
    placed = [
        at_place(score, place, by_place(curve)) for score, place in zip(firsts.tolist(), places.tolist(), strict=True)
    ]
    assert placed == pytest.approx(calibrate(curve, ordering, terms=4).tolist(), abs=1e-6)
    assert all(0.0 <= later <= sooner <= 1.0 for sooner, later in pairwise(placed))


def test_a_curve_of_two_numbers_knows_no_place():
    assert by_place([-3.0, 5.0]) == 0.0
    assert at_place(0.25, 7, 0.0) == pytest.approx(0.25)


def test_a_question_of_unknown_words_scores_less():
    curve, ordering = [-3.0, 5.0, 0.7, -2.4, -0.9], np.array([0.5], np.float32)
    known, unknown = (calibrate(curve, ordering, terms=4, unknown_share=share)[0] for share in (0.0, 0.75))
    assert unknown < known


def test_a_curve_of_two_numbers_gives_what_it_always_gave():
    ordering = np.array([0.1, 0.5], np.float32)
    expected = (1.0 / (1.0 + np.exp(-(-7.291 + 11.223 * ordering)))).astype(np.float32)
    assert np.array_equal(calibrate([-7.291, 11.223], ordering, terms=9, unknown_share=0.5), expected)


@given(legs)
def test_calibration_stays_between_0_and_1_and_keeps_the_order(pair):
    ordering = np.sort(pair[0])
    scores = calibrate([-3.0, 5.0], ordering)
    assert np.all((scores > 0) & (scores < 1))
    assert np.all(np.diff(scores) >= 0)
