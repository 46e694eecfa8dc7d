"""A seeded slice of the measurement of interleaving: it finds the better recipe sooner than an A/B test does."""

from benchmarks.quality.interleaving import run


def test_a_better_recipe_is_found_with_users_that_are_too_few_for_an_ab_test():
    (found,) = run(25, users=(200,), noises=(0.05,))
    assert found.interleaving_better > found.ab_better + 0.25, found
    assert found.interleaving_worse == found.ab_worse == 0.0


def test_of_recipes_that_are_as_good_neither_is_preferred():
    (found,) = run(60, users=(100,), noises=(0.3,))
    assert found.interleaving_better + found.interleaving_worse <= 0.12, "0.05 and 2.5 standard deviations of 60 trials"
