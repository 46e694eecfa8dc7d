"""Statistics of paired scores: as scipy computes them, whatever the scores are."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from eval.experiments.statistics import (
    Alternative,
    benjamini_hochberg,
    bootstrap_difference,
    bootstrap_interval,
    paired_test,
    win_tie_loss,
)
from indexing.errors import InvalidInput

scores = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.63, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1)


def made_pairs(count: int, gain: float, seed: int = 5) -> tuple[list[float], list[float]]:
    chance = np.random.default_rng(seed)
    a = chance.uniform(0, 1, count)
    return a.tolist(), np.clip(a + chance.normal(gain, 0.2, count), 0, 1).tolist()


def scipys(a: list[float], b: list[float], alternative: str, resamples: int) -> float:
    differences = np.subtract(b, a)
    found = scipy.stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        alternative=alternative,
        n_resamples=resamples,
        rng=np.random.default_rng(3),
    )
    return float(found.pvalue)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("seed", range(4))
def test_with_few_pairs_every_sign_pattern_is_looked_at_as_scipy_does(alternative: Alternative, seed: int) -> None:
    a, b = made_pairs(9, 0.1, seed)
    found = paired_test(a, b, alternative=alternative)
    assert found.is_exact
    assert found.p == pytest.approx(scipys(a, b, alternative, 9_999), abs=1e-12)
    assert found.difference == pytest.approx(np.mean(b) - np.mean(a))


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
def test_with_many_pairs_drawn_patterns_agree_with_those_that_scipy_draws(alternative: Alternative) -> None:
    a, b = made_pairs(80, 0.025)
    found = paired_test(a, b, alternative=alternative)
    error = 3 * math.sqrt(2 * found.p * (1 - found.p) / 4_000)
    assert not found.is_exact
    assert found.p == pytest.approx(scipys(a, b, alternative, 4_000), abs=2 * error)
    assert paired_test(a, b, alternative=alternative) == found
    assert paired_test(a, b, alternative=alternative, seed=1).p == pytest.approx(found.p, abs=error)


@given(scores)
def test_p_is_a_share_whichever_is_named_first_and_equal_scores_show_nothing(pairs: list[tuple[float, float]]) -> None:
    a, b = [one for one, _ in pairs], [other for _, other in pairs]
    found, turned = paired_test(a, b, resamples=200), paired_test(b, a, resamples=200)
    assert 0 < found.p <= 1
    assert (found.difference, found.p) == pytest.approx((-turned.difference, turned.p), abs=1e-9)
    assert paired_test(a, a, resamples=200).p == 1


def test_a_loss_within_the_margin_is_shown_not_to_be_inferior_and_one_beyond_it_is_not() -> None:
    a, b = made_pairs(300, -0.01)
    assert paired_test(a, b, alternative="greater").p > 0.5
    assert paired_test(a, b, alternative="greater", margin=0.05).p < 0.01
    assert paired_test(a, b, alternative="greater", margin=0.05).difference < 0
    a, b = made_pairs(300, -0.1)
    assert paired_test(a, b, alternative="greater", margin=0.05).p > 0.5


@pytest.mark.parametrize(("a", "b"), [([], []), ([0.1], [0.1, 0.2]), ([0.1], [math.nan])])
def test_scores_that_are_no_finite_pairs_are_refused(a: list[float], b: list[float]) -> None:
    for function in (paired_test, bootstrap_difference, win_tie_loss):
        with pytest.raises(InvalidInput, match="expected"):
            function(a, b)


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"margin": -0.1}, {"alternative": "better"}])
def test_a_test_with_impossible_settings_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        paired_test([0.1], [0.2], **wrong)  # type: ignore[arg-type]


def test_the_interval_of_a_difference_is_the_percentile_bootstrap_of_scipy() -> None:
    a, b = made_pairs(200, 0.05)
    theirs = scipy.stats.bootstrap(
        (np.subtract(b, a),), np.mean, method="percentile", n_resamples=4_000, rng=np.random.default_rng(8)
    ).confidence_interval
    assert bootstrap_difference(a, b, samples=4_000) == pytest.approx((theirs.low, theirs.high), abs=0.002)


@given(st.lists(st.floats(0, 1), max_size=20))
def test_adjusted_p_values_are_those_of_the_step_up_procedure(p_values: list[float]) -> None:
    adjusted = benjamini_hochberg(p_values)
    ranked = sorted(p_values)
    for p, found in zip(p_values, adjusted, strict=True):
        expected = min(other * len(ranked) / rank for rank, other in enumerate(ranked, 1) if other >= p)
        assert found == pytest.approx(min(1.0, expected))


def test_p_values_that_are_none_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"1.5; expected a number from 0 to 1"):
        benjamini_hochberg([0.5, 1.5])


def test_wins_ties_and_losses_are_counted_for_the_second() -> None:
    found = win_tie_loss([0.1, 0.3, 0.5, 0.9], [0.2, 0.1 + 0.2, 0.5, 0.8])
    assert (found.wins, found.ties, found.losses) == (1, 2, 1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 2**32))
def test_an_interval_is_ordered_inside_the_values_and_repeatable(values: list[float], seed: int) -> None:
    low, high = bootstrap_interval(values, seed=seed, samples=50)
    assert min(values) <= low <= high <= max(values)
    assert bootstrap_interval(values, seed=seed, samples=50) == (low, high)


@given(st.floats(0, 1), st.integers(1, 10))
def test_equal_values_have_an_interval_without_width(value: float, count: int) -> None:
    assert bootstrap_interval([value] * count, seed=1, samples=20) == (value, value)


def test_an_interval_of_many_values_is_as_wide_as_the_normal_one() -> None:
    values = [0.0, 1.0] * 200
    low, high = bootstrap_interval(values, seed=7)
    half = 1.96 * 0.5 / math.sqrt(len(values))
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.01)
    narrow_low, narrow_high = bootstrap_interval(values, seed=7, level=0.5)
    assert low < narrow_low < narrow_high < high


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_an_interval_of_nothing_or_of_values_that_are_not_finite_is_refused(values: list[float]) -> None:
    with pytest.raises(InvalidInput, match="expected at least one finite number"):
        bootstrap_interval(values, seed=1)


@pytest.mark.parametrize(("samples", "level"), [(0, 0.95), (10, 0.0), (10, 1.0)])
def test_an_interval_with_impossible_settings_is_refused(samples: int, level: float) -> None:
    with pytest.raises(ValueError, match="expected samples >= 1 and 0 < level < 1"):
        bootstrap_interval([1.0], seed=1, samples=samples, level=level)
