"""The soak of ``benchmarks/faults/soak.py`` for some seconds: everything at once, against real API processes."""

import pytest

from tests.support.benchmark_slices import run_slice

pytestmark = pytest.mark.slow


def test_searches_writes_deletes_and_builds_at_once_lose_and_leak_nothing(make_home):
    options = ["--seconds", "2", "--clients", "2", "--pause", "0.02", "--models", make_home("models")]
    result = run_slice("faults.soak", *options)
    assert result["problems"] == 0
    assert len(result["seconds of the builds"]) == 2
    assert min(result["requests"][kind] for kind in ("search", "write", "delete", "read")) > 0
    assert all(found["writes"] for found in result["seconds until a write is found through every process"].values())
