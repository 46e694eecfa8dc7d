"""The statistics hold what they promise, by published values and by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from indexing.releases import evidence
from indexing.releases.evidence import (
    binomial_p,
    chi_square_p,
    log_excess_odds,
    quantile,
    quantile_bounds,
    upper_difference,
)


@pytest.mark.parametrize(("statistic", "p"), [(3.841459, 0.05), (6.634897, 0.01), (10.827566, 0.001), (0.0, 1.0)])
def test_chi_square_with_one_degree_of_freedom_has_its_tabulated_values(statistic, p):
    assert chi_square_p(statistic) == pytest.approx(p, rel=1e-5)


@pytest.mark.parametrize(("successes", "trials", "chance"), [(0, 10, 0.5), (3, 20, 0.05), (7, 9, 0.3), (5, 5, 0.5)])
def test_the_binomial_p_is_twice_the_smaller_tail(successes, trials, chance):
    below = stats.binom.cdf(successes, trials, chance)
    above = stats.binom.sf(successes - 1, trials, chance)
    assert binomial_p(successes, trials, chance) == pytest.approx(min(1.0, 2 * min(below, above)))


@pytest.mark.parametrize(("size", "part", "level"), [(50, 0.99, 0.0025), (640, 0.99, 0.0025), (1000, 0.5, 0.05)])
def test_the_bounds_of_a_quantile_are_the_tightest_that_the_binomial_allows(size, part, level):
    low, high = quantile_bounds(range(1, size + 1), part, level)
    # The value of rank r lies above the quantile where fewer than r values lie below it.
    assert stats.binom.cdf(low - 1, size, part) <= level < stats.binom.cdf(low, size, part)
    if math.isinf(high):
        assert stats.binom.sf(size - 1, size, part) > level
    else:
        assert stats.binom.sf(high - 1, size, part) <= level < stats.binom.sf(high - 2, size, part)


def test_a_quantile_is_the_nearest_rank():
    assert [quantile(range(1, 101), part) for part in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert quantile([7.0], 0.99) == 7.0


def test_the_upper_bound_of_a_difference_is_that_of_newcombes_method_10(monkeypatch):
    monkeypatch.setattr(evidence, "ONE_SIDED_95", 1.959964)  # as in table II of 1998, whose intervals are two-sided
    assert upper_difference(56, 70, 48, 80) == pytest.approx(0.3339, abs=1e-4)
    assert upper_difference(9, 10, 3, 10) == pytest.approx(0.8090, abs=1e-4)
    assert upper_difference(0, 10, 0, 20) == pytest.approx(0.2775, abs=1e-4)


def test_the_upper_bound_of_a_difference_holds_in_19_of_20_samples():
    random = np.random.default_rng(5)
    has, had = random.binomial(2000, 0.02, 4000), random.binomial(6000, 0.01, 4000)
    held = [upper_difference(int(a), 2000, int(b), 6000) >= 0.01 for a, b in zip(has, had, strict=True)]
    assert 0.94 <= np.mean(held) <= 0.98


def first_alarm(random, rate, rate_before, share, requests, level):
    """After how many requests the odds first exceed ``1 / level``, looked at after every one; ``None`` for never."""
    is_candidate = random.random(requests) < share
    failed = random.random(requests) < np.where(is_candidate, rate, rate_before)
    of, has = np.cumsum(is_candidate), np.cumsum(is_candidate & failed)
    before, had = np.cumsum(~is_candidate), np.cumsum(~is_candidate & failed)
    for at in np.flatnonzero(failed):
        a, n, b, m = int(has[at]), int(of[at]), int(had[at]), int(before[at])
        if n and m and a / n > b / m and log_excess_odds(a, n, b, m) >= -math.log(level):
            return int(at)
    return None


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_odds_that_are_looked_at_after_every_request_alarm_no_more_often_than_their_level(share):
    level, runs = 0.05, 300
    alarms = sum(
        first_alarm(np.random.default_rng(seed), 0.02, 0.02, share, 5000, level) is not None for seed in range(runs)
    )
    assert alarms <= stats.binom.ppf(0.999, runs, level)


def test_odds_find_a_candidate_that_fails_five_times_as_often():
    found = [first_alarm(np.random.default_rng(seed), 0.05, 0.01, 0.5, 4000, 0.001) for seed in range(100)]
    assert sum(at is not None for at in found) >= 99
