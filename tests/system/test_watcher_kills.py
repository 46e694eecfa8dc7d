"""A round of ``benchmarks/faults/watcher_kills.py``: real watchers die around each of their decisions."""

import pytest

from tests.support.benchmark_slices import run_slice

pytestmark = pytest.mark.slow


def test_a_canary_advances_by_each_step_once_while_its_watchers_are_killed():
    options = ["--rounds", "1", "--steps", "2", "--kills", "1"]
    result = run_slice("faults.watcher_kills", *options, timeout=120)
    assert (result["kills"], result["transitions"], result["problems"]) == (3, 3, 0)
