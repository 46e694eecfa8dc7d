"""How fast does the API answer? SciFact over HTTP at 1, 8 and 32 clients, split by stage.

The server is a process of its own; the load comes from another process, closed loop, one connection a client. Every
request
asks for the text of 10 hits in hybrid mode. Also measured: seconds from start to ready, and the server's memory.

Usage: python benchmarks/latency.py --data ../shared/data
"""

import argparse
import asyncio
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
from recording import write_result

from eval.collection import Choices, scratch_collection, scratch_path
from eval.querysets import load_queryset
from indexing.home import default_key, open_home
from indexing.releases import deploy
from indexing.settings import Settings

CLIENTS = (1, 8, 32)
SECONDS = 20.0
WARM_UP_SECONDS = 3.0


def percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{q}": round(float(np.percentile(values, q)), 2) for q in (50, 95, 99)}


async def load(url: str, key: str, collection: str, mode: str, queries: list[str], clients: int) -> dict:
    latencies: list[float] = []
    stages: dict[str, list[float]] = {}
    failed = 0
    began = time.perf_counter()

    async def client(number: int) -> None:
        nonlocal failed
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0) as session:
            turn = number * 37
            while (elapsed := time.perf_counter() - began) < WARM_UP_SECONDS + SECONDS:
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
        "queries_per_second": round(len(latencies) / SECONDS, 1),
        "failed": failed,
        "latency_ms": percentiles(latencies),
        "stages_ms": {stage: percentiles(values) for stage, values in stages.items()},
    }


def start(home: Path) -> tuple[subprocess.Popen, str, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("groundwork", path=str(Path(sys.executable).parent))
    began = time.perf_counter()
    process = subprocess.Popen(
        [program, "--home", str(home), "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data / "scifact"
    home = open_home(Settings())
    with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
        passages = serving.snapshot.manifest.rows
    path = scratch_path(home, folder)
    scratch = open_home(home.settings, path)
    deploy(scratch.catalogue, serving.release.recipe, reason="measured", actor="benchmark")
    key = default_key(scratch)
    queries = list(load_queryset(folder).queries.values()) + list(load_queryset(folder, "train").queries.values())
    process, url, ready = start(path)
    try:
        result: dict = {"passages": passages, "seconds_to_ready": round(ready, 2), "queries": len(queries)}
        for mode in ("hybrid", "dense", "lexical"):
            for clients in CLIENTS if mode == "hybrid" else (8,):
                measured = asyncio.run(load(url, key, partition.collection, mode, queries, clients))
                result[f"{mode}, {clients} client{'s' * (clients > 1)}"] = measured
                print(mode, clients, measured["queries_per_second"], measured["latency_ms"])
        memory = psutil.Process(process.pid).memory_full_info()
        result["memory_mb"] = {"resident": memory.rss >> 20, "own": memory.uss >> 20}
    finally:
        process.terminate()
        process.wait(timeout=30)
    write_result("latency", result)


if __name__ == "__main__":
    main()
