"""Tests of two samples agree with scipy, hold their level on identical samples, and find what moved."""

import numpy as np
import pytest
from scipy import stats

from eval.drift.two_samples import (
    category_stability,
    chi_square,
    concentration_differs,
    kolmogorov_smirnov,
    population_stability,
    rates_differ,
    sequential_p,
)


def test_numbers_agree_with_scipy_and_a_sample_does_not_differ_from_itself():
    chance = np.random.default_rng(1)
    before, after = chance.normal(size=300), chance.normal(0.3, size=150)
    expected = stats.ks_2samp(before, after, method="asymp")
    found = kolmogorov_smirnov(before, after)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert kolmogorov_smirnov(before, before).p == 1.0
    assert 0.0 < kolmogorov_smirnov([0.0] * 3000, [1.0] * 3000).p < 1e-200
    assert population_stability(before, before) == pytest.approx(0.0)
    assert 0.0 <= population_stability(before, chance.normal(size=3000)) < 0.1 < population_stability(before, after + 1)


def test_categories_agree_with_scipy_and_rare_ones_are_put_together():
    before, after = ["en"] * 200 + ["de"] * 80 + ["nl", "pt"], ["en"] * 90 + ["de"] * 60 + ["it"]
    expected = stats.chi2_contingency([[200, 80, 2], [90, 60, 1]], correction=False)
    found = chi_square(before, after)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.statistic == pytest.approx(stats.contingency.association([[200, 80, 2], [90, 60, 1]]))
    assert chi_square(["en"] * 100, ["en"] * 100).p == 1.0
    assert chi_square(["a", "b"], ["c", "d"]).p == 1.0  # nothing is frequent enough to be told apart
    assert category_stability(before, before) == pytest.approx(0.0)
    assert category_stability(["en"] * 100, ["de"] * 100) > 1.0


def test_rates_agree_with_fisher():
    found = rates_differ([True] * 5 + [False] * 195, [True] * 20 + [False] * 100)
    assert found.p == pytest.approx(stats.fisher_exact([[5, 195], [20, 100]]).pvalue)
    assert found.statistic == pytest.approx(20 / 120 - 5 / 200)
    assert rates_differ([False] * 100, [False] * 100).p == 1.0


def answers(chance, count, documents, weight=0.0):
    probabilities = np.full(documents, 1.0)
    probabilities[:3] += weight
    probabilities /= probabilities.sum()
    return [tuple(map(str, chance.choice(documents, 5, replace=False, p=probabilities))) for _ in range(count)]


def test_answers_that_gather_on_few_documents_are_found_and_the_same_spread_is_not():
    chance = np.random.default_rng(2)
    before = answers(chance, 200, 300)
    assert concentration_differs(before, answers(chance, 100, 300, weight=20.0), seed=1, permutations=199).p == 0.005
    p_values = [
        concentration_differs(before, answers(chance, 60, 300), seed=seed, permutations=99).p for seed in range(40)
    ]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.25  # the reference is one, so the looks depend on it
    assert concentration_differs([()] * 5, [()] * 5, seed=1).p == 1.0


def test_a_permutation_test_ends_early_with_a_p_whose_level_holds():
    chance = np.random.default_rng(8)
    drawn = []
    p_values = []
    for truth in chance.random(2000):

        def draw(count, truth=truth):
            drawn.append(count)
            return chance.random(count) < truth

        p_values.append(sequential_p(draw, 999))
    assert sum(drawn) < 2000 * 400
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=3.3 * (level / 2000) ** 0.5)
    assert sequential_p(lambda count: np.zeros(count, np.bool_), 999) == 0.001
    assert sequential_p(lambda count: np.ones(count, np.bool_), 999) == 1.0
