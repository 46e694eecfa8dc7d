"""Run every benchmark, one after another.

Usage: python benchmarks/run_all.py [--data ../shared/data]
"""

import subprocess
import sys
from pathlib import Path

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
        subprocess.run([sys.executable, str(Path(__file__).parent / f"{script}.py"), *sys.argv[1:]], check=True)
