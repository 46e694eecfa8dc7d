"""Some rounds of ``benchmarks/faults/rollout_kills.py``: real processes die in the middle of real rollouts."""

import pytest

from tests.support.benchmark_slices import run_slice

pytestmark = pytest.mark.slow
KINDS = ("api process", "command")


def test_a_rollout_outlives_the_kill_of_any_process_and_the_ledger_says_what_was_lost(make_home):
    options = ["--rounds", len(KINDS), "--about", "1", "--askers", "1", "--kinds", *KINDS]
    result = run_slice("faults.rollout_kills", "--models", make_home("kills"), *options)
    assert [sum(one["kind"] == kind for one in result["each round"]) for kind in KINDS] == [1, 1]
    assert all(one["answers"] for one in result["each round"])
    assert result["by kind"]["api process"]["kills"] == 1
    assert result["problems"] == 0
    assert result["writes acknowledged"] > 0
