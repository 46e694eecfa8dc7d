"""Boundaries and sequences: published constants, the package ``ville``, and simulation."""

import numpy as np
import pytest
from ville import AsymptoticCS, normal_mixture

from eval.gates.sequences import (
    ConfidenceSequence,
    crossing_chance,
    group_sequential_boundaries,
    one_sided_critical,
)


@pytest.mark.parametrize(("looks", "constant"), [(2, 1.977), (3, 2.004), (5, 2.040)])
def test_the_last_boundary_is_the_published_constant(looks, constant):
    # Jennison and Turnbull, Group Sequential Methods, 2000, table 2.3: two-sided 0.05, that is one-sided 0.025.
    found = group_sequential_boundaries(range(1, looks + 1), 0.025)
    assert found[-1] == pytest.approx(constant, abs=0.001)
    assert found == pytest.approx([found[-1] * (looks / look) ** 0.5 for look in range(1, looks + 1)])


def test_one_look_is_the_fixed_test():
    assert group_sequential_boundaries([300], 0.05) == pytest.approx((one_sided_critical(0.05),))
    assert one_sided_critical(0.05) == pytest.approx(1.6449, abs=1e-4)


@pytest.mark.parametrize("looks", [[], [0, 10], [100, 100], [300, 100]])
def test_what_is_no_plan_is_refused(looks):
    with pytest.raises(ValueError, match="ascend"):
        group_sequential_boundaries(looks, 0.05)


def test_what_is_no_level_is_refused():
    with pytest.raises(ValueError, match="is out of range"):
        group_sequential_boundaries([10], 0.5)
    with pytest.raises(ValueError, match="level"):
        ConfidenceSequence(0.7)


def test_boundaries_are_crossed_as_often_as_their_level_says():
    looks = np.array([100, 300, 1000])
    bounds = group_sequential_boundaries(list(looks), 0.05)
    assert crossing_chance(looks / 1000, np.array(bounds)) == pytest.approx(0.05, abs=1e-6)
    steps = np.diff(looks, prepend=0)
    walks = np.cumsum(np.random.default_rng(7).normal(size=(20_000, 3)) * np.sqrt(steps), axis=1) / np.sqrt(looks)
    assert (walks >= bounds).any(axis=1).mean() == pytest.approx(0.05, abs=0.005)


def test_the_sequence_is_the_mixture_of_ville_or_a_little_wider():
    # The paper's closed form bounds the half-normal mixture that ville solves for.
    for level in (0.05, 0.01):
        sequence, n = ConfidenceSequence(level), np.array([100, 300, 1000, 10_000])
        exact = normal_mixture(n, level, 1 / sequence.rho_squared, one_sided=True) / n
        ratio = sequence.radius(n, 1.0) / exact
        assert (ratio >= 1).all()
        assert (ratio <= 1.02).all()


def test_one_side_at_a_level_is_as_wide_as_two_sides_of_ville_at_twice_the_level():
    values = np.random.default_rng(3).normal(0.1, 2.0, 1000)
    theirs = AsymptoticCS(alpha=0.1, t_opt=300).fit(values)
    ours = ConfidenceSequence(0.05).lower(1000, float(values.mean()), float(values.std(ddof=1)))
    assert ours == pytest.approx(theirs.interval()[0], abs=0.003)


def test_it_is_tightest_near_n_star_for_its_size():
    widths = {star: float(ConfidenceSequence(0.05, star).radius(300, 1.0)) for star in (30, 300, 3000)}
    assert min(widths, key=widths.get) == 300


def test_looked_at_after_every_observation_it_is_wrong_as_rarely_as_it_says():
    draws = np.random.default_rng(5).exponential(size=(2000, 2000)) - 1.0  # skewed, and of mean 0
    n = np.arange(1, 2001)
    sums, squares = np.cumsum(draws, axis=1), np.cumsum(draws**2, axis=1)
    deviations = np.sqrt(squares / n - (sums / n) ** 2)
    lower = sums / n - ConfidenceSequence(0.05).radius(n, deviations)
    assert (lower[:, 49:] > 0).any(axis=1).mean() <= 0.05


def test_upper_is_the_mirror_of_lower():
    sequence = ConfidenceSequence(0.05)
    assert sequence.upper(500, 0.3, 1.0) == pytest.approx(-sequence.lower(500, -0.3, 1.0))
