"""Run every benchmark, one after another.

Usage: python -m benchmarks.run_all [--data ../shared/data]
"""

import subprocess
import sys

SCRIPTS = (
    "search.lexical",
    "search.fusion",
    "builds.encode",
    "search.quality",
    "search.conversation",
    "search.latency",
    "faults.swap",
    "peers.txtai",
    "peers.chroma",
    "search.tenants",
    "search.index_options",
    "search.large_partition",
    "builds.incremental",
    "builds.workers",
    "faults.disturbances",
    "faults.kills",
    "faults.soak",
)

if __name__ == "__main__":
    for script in SCRIPTS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}", *sys.argv[1:]], check=True)
