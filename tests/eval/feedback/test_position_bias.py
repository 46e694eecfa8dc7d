"""What position does to clicks is told from documents at several ranks, with an interval that holds the truth."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.position_bias import draw_world, measure
from eval.feedback.estimates import Estimate
from eval.feedback.position_bias import (
    LEAST_PAIRS,
    PositionBias,
    ShownPairs,
    corrected_relevance,
    estimate_position_bias,
    examination,
)

ONES = np.ones(LEAST_PAIRS, np.int64)


def pairs_at(ranks, clicks, shown=1_000_000):
    """``LEAST_PAIRS`` pairs alike, one a query, each shown so often at each rank and clicked so often there."""
    count = len(ranks)
    pair = np.repeat(np.arange(LEAST_PAIRS), count)
    return ShownPairs(
        pair,
        np.tile(ranks, LEAST_PAIRS),
        np.full(LEAST_PAIRS * count, shown),
        np.tile(np.asarray(clicks, np.int64), LEAST_PAIRS),
        np.arange(LEAST_PAIRS),
    )


@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0, 2.0])
def test_exact_clicks_give_eta_exactly(eta):
    ranks = np.array([1, 2, 7])
    clicks = np.rint(0.3 * 1e6 * ranks.astype(float) ** -eta)
    bias = estimate_position_bias(pairs_at(ranks, clicks))
    assert bias.eta.value == pytest.approx(eta, abs=1e-4)
    assert (bias.pairs, bias.clicked_pairs, bias.queries) == (LEAST_PAIRS,) * 3
    found = corrected_relevance(pairs_at(ranks, clicks), bias)
    assert len(found) == LEAST_PAIRS
    assert [one.value for one in found] == pytest.approx([0.3] * LEAST_PAIRS, abs=1e-4)


def test_a_solver_of_the_whole_likelihood_finds_the_same():
    """Conditional on a pair's clicks their ranks are multinomial; the general optimiser of scipy must agree."""
    from scipy.optimize import minimize_scalar

    world = draw_world(np.random.default_rng(3), eta=0.8, queries=120, sessions=30, has_moods=False).shown

    def negative(eta):
        exposure = world.shown * examination(world.rank.astype(float), eta)
        total = np.bincount(world.pair, exposure)
        return -np.sum(world.clicked * np.log(exposure / total[world.pair]))

    assert estimate_position_bias(world).eta.value == pytest.approx(minimize_scalar(negative).x, abs=1e-4)


def test_below_300_pairs_it_says_not_enough():
    whole = pairs_at(np.array([1, 2]), [5, 3], shown=10)
    fewer = whole.pair < LEAST_PAIRS - 1
    part = ShownPairs(*(getattr(whole, name)[fewer] for name in ("pair", "rank", "shown", "clicked")), whole.query[:-1])
    bias = estimate_position_bias(part)
    assert bias.eta == Estimate(
        None, reason="not enough data: 299 pairs of query and document at two ranks or more, 300 are needed"
    )
    assert corrected_relevance(part, bias) == []
    assert estimate_position_bias(whole).eta.value is not None


def test_clicks_of_few_queries_or_at_one_end_are_not_enough_either():
    few = replace(pairs_at(np.array([1, 2]), [5, 3], shown=10), query=np.arange(LEAST_PAIRS) % 29)
    assert "29 queries with clicks" in estimate_position_bias(few).eta.reason
    one_end = pairs_at(np.array([1, 2]), [5, 0], shown=10)
    assert "all clicks are at one end" in estimate_position_bias(one_end).eta.reason
    never = pairs_at(np.array([1, 2]), [0, 0], shown=10)
    assert "0 queries with clicks" in estimate_position_bias(never).eta.reason
    still = ShownPairs(np.arange(LEAST_PAIRS), ONES, ONES, ONES, np.arange(LEAST_PAIRS))
    assert estimate_position_bias(still).pairs == 0


def test_clicks_of_one_query_that_depend_on_each_other_widen_the_interval():
    world = draw_world(np.random.default_rng(5), eta=1.0, queries=200, sessions=20, has_moods=False).shown
    copies = 4
    same = ShownPairs(
        np.concatenate([world.pair + n * len(world.query) for n in range(copies)]),
        *(np.tile(getattr(world, name), copies) for name in ("rank", "shown", "clicked")),
        np.tile(world.query, copies),
    )
    once, copied = estimate_position_bias(world).eta, estimate_position_bias(same).eta
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=1e-6), "copies prove nothing more"


def test_relevance_counts_looks_and_not_showings():
    eta = 1.0
    shown = ShownPairs(*map(np.array, ([0, 1], [1, 10], [100, 100], [10, 10], [0, 0])))
    known = PositionBias(Estimate(eta, eta, eta), 1000, 1000, 1000)
    first, second = corrected_relevance(shown, known)
    assert (first.pair, first.value) == (1, 1.0), "ten clicks of ten looks, at rank 10"
    assert (second.pair, second.value) == (0, pytest.approx(0.1))
    assert second.low < 0.1 < second.high
    vague = corrected_relevance(shown, replace(known, eta=Estimate(eta, 0.5, 1.5)))
    assert vague[0].low < first.low
    assert vague[-1].pair == 0
    assert (vague[-1].low, vague[-1].high) == pytest.approx((second.low, second.high)), "rank 1 needs no correction"
    assert corrected_relevance(shown, known, least_shown=101) == []


def test_intervals_hold_the_truth_as_often_as_they_say():
    """A slice of the benchmark: with 95 % true, fewer than 90 of 100 intervals would hold it in one of 40 runs."""
    found = measure(np.random.default_rng(7), eta=1.0, queries=60, sessions=30, has_moods=True, trials=100)
    assert found.estimated == 100
    assert found.eta_covered >= 0.90
    assert abs(found.eta_bias) < 0.03
    assert found.relevance_covered >= 0.94
    assert found.click_rate_covered < 0.9
    assert not math.isnan(found.rank_correlation)
