"""Intervals over users hold the truth as often as they say, however often some users answer."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from eval.feedback.estimates import LEAST_USERS, Singles, clustered_mean, clustered_share, wilson


def test_without_clusters_it_is_wilson_s_interval():
    hits = np.repeat([1, 0], [300, 700])
    estimate = clustered_share(hits, np.ones(1000, np.int64))
    expected = binomtest(300, 1000).proportion_ci(method="wilson")
    assert estimate.value == 0.3
    assert estimate.low == pytest.approx(expected.low, abs=2e-4)
    assert estimate.high == pytest.approx(expected.high, abs=2e-4)
    assert wilson(0.3, 1000, 1.959964) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_users_that_always_do_the_same_count_once_each():
    few = clustered_share(np.array([50, 0] * 10), np.full(20, 50))
    many = clustered_share(np.repeat([1, 0], 10), np.ones(20, np.int64))
    assert (few.low, few.high) == pytest.approx((many.low, many.high), abs=1e-9)


def test_nothing_seen_is_no_proof_that_nothing_happens():
    estimate = clustered_share(np.zeros(30, np.int64), np.full(30, 100))
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.high == pytest.approx(0.122, abs=0.01), "thirty users that did not, and not three thousand answers"


def test_of_few_users_there_is_a_value_and_no_interval():
    estimate = clustered_share(np.ones(LEAST_USERS - 1, np.int64), np.full(LEAST_USERS - 1, 2))
    assert (estimate.value, estimate.low, estimate.high) == (0.5, None, None)
    assert estimate.reason == "not enough data: 9 users, 10 are needed for an interval"
    assert clustered_mean(np.ones(2), np.ones(2, np.int64), least=0, most=1).reason
    assert clustered_share(np.zeros(0, np.int64), np.zeros(0, np.int64)).value is None
    assert clustered_mean(np.zeros(0), np.zeros(0, np.int64), least=0, most=1).value is None


def test_intervals_hold_the_truth_as_often_as_they_say():
    """400 draws: were the level 95 %, fewer than 92.5 % would come in one of 100 runs."""
    chance = np.random.default_rng(12)
    held_share = held_mean = 0
    for _ in range(400):
        counts = 1 + chance.geometric(0.2, 60)
        rates = chance.beta(0.6, 2.4, 60)  # users differ much; their mean is 0.2
        hits = chance.binomial(counts, rates)
        share = clustered_share(hits, counts)
        mean = clustered_mean(hits.astype(float), counts, least=0, most=1)
        held_share += (share.low or 0) <= 0.2 <= (share.high or 0)
        held_mean += (mean.low or 0) <= 0.2 <= (mean.high or 0)
    assert held_share / 400 >= 0.925
    assert held_mean / 400 >= 0.90
    plain = 1.96 * math.sqrt(0.2 * 0.8 / counts.sum())
    assert (share.high - share.low) / 2 > 1.5 * plain, "as narrow as of independent answers it would be wrong"


def test_clusters_of_one_answer_count_the_same_by_their_sums():
    hits, counts = np.array([1, 4, 0, 2]), np.array([3, 5, 2, 2])
    ones = np.array([1] * 4 + [0] * 16)
    apart = clustered_share(np.append(hits, ones), np.append(counts, np.ones(20, np.int64)))
    summed = clustered_share(hits, counts, singles=Singles(20, 4.0, 4.0))
    assert (summed.value, summed.low, summed.high) == pytest.approx((apart.value, apart.low, apart.high))
    values = np.linspace(0, 1, 20)
    apart = clustered_mean(np.append(hits / 1.0, values), np.append(counts, np.ones(20, np.int64)), least=0.0, most=1.0)
    singles = Singles(20, values.sum(), (values**2).sum())
    summed = clustered_mean(hits / 1.0, counts, least=0.0, most=1.0, singles=singles)
    assert (summed.value, summed.low, summed.high) == pytest.approx((apart.value, apart.low, apart.high))
