"""How fast does the API answer? SciFact over HTTP at 1, 8 and 32 clients, split by stage.

The server is a process of its own (or, with ``--workers``, several); the load comes from wrk, closed loop, one
connection a client, which also keeps what each answer says of its stages. Every request asks for the text of 10 hits in
hybrid mode. First without a query cache, so that every query is encoded; then with it, asking only queries that were
asked before. Also measured: seconds from start to ready, and the memory of the server's processes. With more than one
worker the result is a file of its own.

Usage: python -m benchmarks.search.latency --data ../shared/data [--workers 2]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import http_load
from benchmarks.harness.http_load import SECONDS, Request, loads
from benchmarks.harness.memory import memory_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import ServedHome, served_scratch
from benchmarks.harness.server import ask_once, served_home
from eval.datasets.query_sets import load_queryset
from indexing.home import open_home
from indexing.settings import Settings

STAGES = "timings_ms"
"""What answers call the milliseconds of each stage."""
MODES_BESIDE = ("dense", "lexical")
"""Measured with 8 clients alone; hybrid is measured with each number of them."""


def requests_of(home: ServedHome, queries: Sequence[str], mode: str) -> list[Request]:
    """A search of each query: 10 hits with their text."""
    body = {"collection": home.collection, "k": 10, "mode": mode}
    return [("POST", "/v1/search", home.key, body | {"query": text}) for text in queries]


def measure(home: ServedHome, queries: Sequence[str], workers: int, seconds: int) -> dict:
    """All loads against one server for uncached and one for repeated queries."""
    with served_home(home.path, workers, query_cache_mb=0) as server:
        result: dict = {"seconds_to_ready": round(server.seconds_to_ready, 2)}
        found = loads(server.url, requests_of(home, queries, "hybrid"), seconds, stages=STAGES)
        result |= {f"hybrid, {clients}": one for clients, one in found.items()}
        for mode in MODES_BESIDE:
            one = http_load.measure(server.url, requests_of(home, queries, mode), 8, seconds=seconds, stages=STAGES)
            result[f"{mode}, 8 clients"] = one
        result["memory_mb"] = memory_mb(server.process)
    with served_home(home.path, workers) as server:
        ask_once(server.url, home.key, home.collection, queries, workers)
        found = loads(server.url, requests_of(home, queries, "hybrid"), seconds, stages=STAGES)
        result |= {f"hybrid, repeated queries, {clients}": one for clients, one in found.items()}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="Of each load; results are kept at the default.")
    options = parser.parse_args()
    folder = options.data / "scifact"
    home = served_scratch(open_home(Settings()), folder)
    queries = list(load_queryset(folder).queries.values()) + list(load_queryset(folder, "train").queries.values())
    result = {"passages": home.passages, "queries": len(queries), "workers": options.workers}
    result |= measure(home, queries, options.workers, options.seconds)
    if options.seconds == SECONDS:
        write_result("latency" if options.workers == 1 else f"latency_{options.workers}_workers", result)


if __name__ == "__main__":
    main()
