"""A seeded slice of how often the gate's tests err, and that its fast tests are the gate's own."""

import numpy as np
import pytest

from benchmarks.quality.sequential import (
    CANARY_LEVEL,
    LEVEL,
    LOOKS,
    canary,
    canary_by_users,
    draw,
    first_break,
    found_at_looks,
    power,
    randomization_p,
)
from eval.experiments.statistics import paired_test
from eval.gates.guardrails import excess_at_least
from eval.gates.sequences import ConfidenceSequence

MADE = np.concatenate([np.zeros(60), np.random.default_rng(1).normal(0, 0.32, 40)])
"""Differences of 100 queries, of which 60 are ties; the deviation is 0.2, as of real rankers."""


def test_of_trials_without_a_loss_as_few_are_wrong_as_the_level_says_but_for_the_fixed_test_that_peeks():
    seen = found_at_looks(draw(MADE, 0.0, 500, seed=3), LOOKS)
    found = {name: by_look[:, -1].mean() for name, by_look in seen.items()}
    assert found["confidence sequence"] <= LEVEL
    assert found["planned looks"] <= LEVEL + 0.02
    assert found["fixed test at every look"] > 2 * LEVEL


def test_larger_losses_and_more_queries_are_found_more_often():
    found = power(MADE, 60, signs=399, losses=(0.02, 0.10))
    assert found["0.02"]["fixed"][0] < found["0.02"]["fixed"][2]
    assert found["0.10"]["confidence sequence"][2] > 0.95
    assert found["0.02"]["confidence sequence"][0] < found["0.02"]["fixed"][0]


def test_its_randomization_test_is_the_gates():
    drawn = draw(MADE, 0.02, 3, seed=5)[:, :200]
    signs = np.random.default_rng(9).choice(np.array([-1.0, 1.0], np.float32), size=(4000, 200))
    for fast, one in zip(randomization_p(drawn, signs), drawn, strict=True):
        assert fast == pytest.approx(paired_test([0.0] * 200, one.tolist(), alternative="less").p, abs=0.03)


def test_its_canary_breaks_where_the_gates_guardrail_does():
    random = np.random.default_rng(2)
    is_candidate = random.random(2000) < 0.5
    low = (random.random(2000) < np.where(is_candidate, 0.3, 0.05)).astype(float)
    sequence = ConfidenceSequence(CANARY_LEVEL)
    broken = first_break(is_candidate, low, sequence)
    at = int(np.flatnonzero(np.cumsum(is_candidate) == broken)[0]) + 1
    until = -(-at // 50) * 50
    for stop, is_broken in ((until, True), (until - 50, False)):
        arms = [low[:stop][is_candidate[:stop] == arm].tolist() for arm in (False, True)]
        assert (excess_at_least(*arms, sequence) > 0 and min(map(len, arms)) >= 50) == is_broken


def test_a_harmless_canary_is_hardly_ever_taken_back_and_a_broken_one_soon():
    assert canary(0.0, 0.5, 40, seed=1)["broken"] <= 0.05
    found = canary(0.3, 0.5, 20, seed=2)
    assert found["broken"] == 1.0
    assert found["median answers of the candidate"] < 300


def test_users_who_differ_break_no_harmless_canary_where_they_count_once():
    assert canary_by_users(20, seed=4, by_user=True, users=200)["broken"] <= 0.1
