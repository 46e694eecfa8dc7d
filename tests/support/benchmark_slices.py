"""A small run of a benchmark, as a test of what it measures: a process of its own that writes no result."""

import json
import subprocess
import sys

from tests.support.forked_programs import ROOT, ForkedPopen


def run_slice(benchmark, *options, timeout=300):
    """Runs ``benchmarks.BENCHMARK`` dry, and gives the result that it prints. It and what it starts are forked."""
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", "--dry", *map(str, options)]
    with ForkedPopen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            out, error = process.communicate(timeout=timeout)
        finally:
            process.kill()
    assert process.returncode == 0, out[-3000:] + error[-3000:]
    return json.loads(out[out.index("{\n") :])
