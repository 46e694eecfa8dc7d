"""How fast does the API answer? SciFact over HTTP at 1, 8 and 32 clients, split by stage.

The server is a process of its own (or, with ``--workers``, several); the load comes from another process, closed loop,
one connection a client. Every request asks for the text of 10 hits in hybrid mode. First without a query cache, so that
every query is encoded; then with it, asking only queries that were asked before. Also measured: seconds from start to
ready, and the memory of the server's processes. With more than one worker the result is a file of its own.

Usage: python -m benchmarks.search.latency --data ../shared/data
        python -m benchmarks.search.latency --data ../shared/data --workers 2
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import httpx
import numpy as np
import psutil

from benchmarks.harness.recording import write_result
from eval.collection import Choices, scratch_collection, scratch_path
from eval.querysets import load_queryset
from indexing.home import Home, default_key, open_home
from indexing.releases import deploy
from indexing.settings import Settings

CLIENTS = (1, 8, 32)
SECONDS = 20.0
WARM_UP_SECONDS = 3.0


def percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values, q)), 2) for q in (50, 95, 99)}


async def load(
    url: str, key: str, collection: str, mode: str, queries: list[str], clients: int, seconds: float = SECONDS
) -> dict:
    latencies: list[float] = []
    stages: dict[str, list[float]] = {}
    failed = 0
    began = time.perf_counter()

    async def client(number: int) -> None:
        nonlocal failed
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0) as session:
            turn = number * 37
            while (elapsed := time.perf_counter() - began) < WARM_UP_SECONDS + seconds:
                body = {"query": queries[turn % len(queries)], "collection": collection, "k": 10, "mode": mode}
                turn += 1
                sent = time.perf_counter()
                response = await session.post("/v1/search", json=body)
                if elapsed < WARM_UP_SECONDS:
                    continue
                latencies.append((time.perf_counter() - sent) * 1000.0)
                if response.status_code != 200:
                    failed += 1
                    continue
                for stage, milliseconds in response.json()["timings_ms"].items():
                    stages.setdefault(stage, []).append(milliseconds)

    await asyncio.gather(*(client(number) for number in range(clients)))
    return {
        "queries_per_second": round(len(latencies) / seconds, 1),
        "failed": failed,
        "latency_ms": percentiles(latencies),
        "stages_ms": {stage: percentiles(values) for stage, values in stages.items()},
    }


def start(
    home: Path, workers: int = 1, *, stderr: int | IO[bytes] = subprocess.DEVNULL, **settings: object
) -> tuple[subprocess.Popen, str, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("groundwork", path=str(Path(sys.executable).parent))
    began = time.perf_counter()
    process = subprocess.Popen(
        [program, "--home", str(home), "serve", "--port", str(port), "--workers", str(workers)],
        env=os.environ | {f"GROUNDWORK_{name.upper()}": str(value) for name, value in settings.items()},
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )
    url = f"http://127.0.0.1:{port}"
    while time.perf_counter() - began < 60:
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return process, url, time.perf_counter() - began
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    process.kill()
    raise SystemExit("the server did not become ready in 60 s")


async def ask_once(url: str, key: str, collection: str, queries: list[str], workers: int) -> None:
    """Ask every query of every worker: connections are dealt out in turn."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(workers):
            session = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0)
            await stack.enter_async_context(session)
            for query in queries:
                await session.post("/v1/search", json={"query": query, "collection": collection, "k": 1})


def memory_mb(process: subprocess.Popen) -> dict[str, int]:
    """Memory of the server with all its processes. What they share stands in each one's ``resident``."""
    server = psutil.Process(process.pid)
    infos = [one.memory_full_info() for one in (server, *server.children(recursive=True))]
    return {"resident": sum(info.rss for info in infos) >> 20, "own": sum(info.uss for info in infos) >> 20}


def measure(home: Path, key: str, collection: str, queries: list[str], options: argparse.Namespace) -> dict:
    """All loads against one server for uncached and one for repeated queries."""
    process, url, ready = start(home, options.workers, query_cache_mb=0)
    result: dict = {"seconds_to_ready": round(ready, 2)}
    try:
        for mode in ("hybrid", "dense", "lexical"):
            for clients in CLIENTS if mode == "hybrid" else (8,):
                measured = asyncio.run(load(url, key, collection, mode, queries, clients, options.seconds))
                result[f"{mode}, {clients} client{'s' * (clients > 1)}"] = measured
                print(mode, clients, measured["queries_per_second"], measured["latency_ms"])
        result["memory_mb"] = memory_mb(process)
    finally:
        process.terminate()
        process.wait(timeout=60)
    process, url, _ = start(home, options.workers)
    try:
        asyncio.run(ask_once(url, key, collection, queries, options.workers))
        for clients in CLIENTS:
            measured = asyncio.run(load(url, key, collection, "hybrid", queries, clients, options.seconds))
            result[f"hybrid, repeated queries, {clients} client{'s' * (clients > 1)}"] = measured
            print("repeated", clients, measured["queries_per_second"], measured["latency_ms"])
    finally:
        process.terminate()
        process.wait(timeout=60)
    return result


def served_scratch(home: Home, folder: Path) -> tuple[Path, str, str, int]:
    """A corpus's scratch home with its default recipe in service; its key, its collection and how many passages."""
    with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
        passages = serving.snapshot.manifest.rows
    path = scratch_path(home, folder)
    scratch = open_home(home.settings, path)
    deploy(scratch.catalogue, serving.release.recipe, reason="measured", actor="benchmark")
    return path, default_key(scratch), partition.collection, passages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="Of each load; results are kept at the default.")
    options = parser.parse_args()
    folder = options.data / "scifact"
    path, key, collection, passages = served_scratch(open_home(Settings()), folder)
    queries = list(load_queryset(folder).queries.values()) + list(load_queryset(folder, "train").queries.values())
    result = {"passages": passages, "queries": len(queries), "workers": options.workers}
    result |= measure(path, key, collection, queries, options)
    if options.seconds == SECONDS:
        write_result("latency" if options.workers == 1 else f"latency_{options.workers}_workers", result)


if __name__ == "__main__":
    main()
