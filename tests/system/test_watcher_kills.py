"""A round of ``benchmarks/faults/watcher_kills.py``: real watchers die around each of their decisions."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.slow


def test_a_canary_advances_by_each_step_once_while_its_watchers_are_killed():
    command = [sys.executable, "-m", "benchmarks.faults.watcher_kills", "--dry", "--rounds", "1"]
    options = ["--steps", "2", "--kills", "1"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert (result["kills"], result["transitions"], result["problems"]) == (3, 3, 0)
