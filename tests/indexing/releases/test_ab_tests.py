"""An A/B test concludes what was stated beforehand, wrongly no more often than its level says."""

import numpy as np
import pytest
from scipy import stats

from indexing.releases.ab_tests import conclude
from indexing.releases.rollouts import AbTest

TEST = AbTest("latency_ms", margin=5.0, level=0.05)


def means(seed, middle, units=200):
    """Skewed, as latencies are: the mean of five requests of each unit."""
    return np.random.default_rng(seed).exponential(middle, (units, 5)).mean(axis=1).tolist()


@pytest.mark.parametrize(
    ("baseline", "candidate", "conclusion"), [(20, 60, "worse"), (60, 20, "better"), (20, 20, "equivalent")]
)
def test_a_test_ends_as_what_it_shows(baseline, candidate, conclusion):
    result = conclude(TEST, means(1, baseline), means(2, candidate))
    assert result.conclusion == conclusion
    assert result.low < result.difference < result.high
    assert result.evidence["conclusion"] == conclusion


def test_of_a_measure_that_shall_be_high_more_is_better():
    test = AbTest("relevance", margin=0.01, higher_is_better=True)
    assert conclude(test, means(1, 20), means(2, 60)).conclusion == "better"


def test_too_few_units_are_inconclusive_and_say_so():
    result = conclude(TEST, means(1, 20, units=29), means(2, 90))
    assert (result.conclusion, result.difference) == ("inconclusive", None)
    assert result.reason == "29 and 200 units, and 30 of each arm are needed"


def test_a_difference_that_may_be_none_or_large_is_inconclusive():
    assert conclude(AbTest("latency_ms", margin=0.1), means(1, 20, units=40), means(3, 21, units=40)).conclusion == (
        "inconclusive"
    )


def rate(conclusions, baseline, candidate, *, margin=5.0, units=60, runs=600):
    test = AbTest("latency_ms", margin=margin, level=0.05)
    found = [
        conclude(test, means(2 * seed, baseline, units), means(2 * seed + 1, candidate, units)).conclusion
        for seed in range(runs)
    ]
    return sum(one in conclusions for one in found) / runs


def test_no_difference_is_called_one_no_more_often_than_the_level_says():
    assert rate({"better", "worse"}, 20, 20, margin=0.01) <= stats.binom.ppf(0.999, 600, 0.05) / 600


def test_a_difference_as_large_as_the_margin_is_called_equivalent_no_more_often_than_the_level_says():
    assert rate({"equivalent"}, 20, 25) <= stats.binom.ppf(0.999, 600, 0.05) / 600


def test_a_large_difference_is_found_and_its_direction_is_right():
    assert rate({"worse"}, 20, 30) >= 0.99
