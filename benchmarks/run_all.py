"""Run every benchmark, one after another.

Usage: python -m benchmarks.run_all [--data ../shared/data]
"""

import subprocess
import sys

SCRIPTS = (
    "lexical",
    "fusion",
    "encode",
    "quality",
    "conversation",
    "latency",
    "swap",
    "peer_txtai",
    "peer_chroma",
    "tenants",
    "index_options",
    "large_partition",
    "incremental",
    "workers",
    "disturbances",
    "kills",
    "soak",
)

if __name__ == "__main__":
    for script in SCRIPTS:
        subprocess.run([sys.executable, "-m", f"benchmarks.{script}", *sys.argv[1:]], check=True)
