"""Some rounds of ``benchmarks/faults/rollout_kills.py``: real processes die in the middle of real rollouts."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.slow
KINDS = ("api process", "command")


def test_a_rollout_outlives_the_kill_of_any_process_and_the_ledger_says_what_was_lost(make_home):
    options = ["--rounds", str(len(KINDS)), "--about", "1", "--askers", "1", "--kinds", *KINDS]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.faults.rollout_kills",
            "--dry",
            "--models",
            str(make_home("kills")),
            *options,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    result = json.loads(done.stdout[done.stdout.index("{\n") :])
    assert [sum(one["kind"] == kind for one in result["each round"]) for kind in KINDS] == [1, 1]
    assert all(one["answers"] for one in result["each round"])
    assert result["by kind"]["api process"]["kills"] == 1
    assert result["problems"] == 0
    assert result["writes acknowledged"] > 0
