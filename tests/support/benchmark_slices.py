"""A small run of a benchmark, as a test of what it measures: a process of its own that writes no result."""

import json
import subprocess
import sys

from tests.support.processes import ROOT


def run_slice(benchmark, *options, timeout=300):
    """Runs ``benchmarks.BENCHMARK`` dry, and gives the result that it prints."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", "--dry", *map(str, options)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout[done.stdout.index("{\n") :])
