"""Text to hits, hybrid: how does Groundwork answer beside txtai, on the same collection, model and machine?

SciFact, all its test and train queries in turn, 10 hits with their text. txtai indexes abstracts as they are (hybrid,
texts stored) and serves them by its own API under uvicorn, with one process and with two. Groundwork serves its default
recipe in two API processes: without a query cache, so that every query is encoded, and with one, asking only what was
asked before. Load comes from wrk, closed loop, at 1, 8 and 32 clients. nDCG@10 on the test queries is reported of both.

Usage: python -m benchmarks.peers.txtai --data ../shared/data [--seconds 20]
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import httpx

from benchmarks.harness.http_load import loads
from benchmarks.harness.memory import memory_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import ServedHome, served_scratch
from benchmarks.harness.server import ask_once, free_port, served, served_home
from benchmarks.peers.environment import program, script
from eval.datasets.query_sets import QuerySet, load_queryset
from eval.experiments.measures import run_from_ranking, score_run
from indexing.home import open_home
from indexing.models.compiler import DEFAULT_MODEL, locate_model
from indexing.settings import Settings

WORKERS = 2
HITS = 10
READY = "/search?query=cells&limit=1"


def ndcg(queries: QuerySet, search) -> float:
    """nDCG@10 of what ``search`` gives: ids, best first."""
    run = {name: run_from_ranking(search(text)) for name, text in queries.queries.items()}
    return round(score_run(queries.qrels, run).means["nDCG@10"], 4)


def txtai_search(url: str, text: str) -> list[str]:
    return [hit["id"] for hit in httpx.get(f"{url}/search", params={"query": text, "limit": HITS}, timeout=60).json()]


def index_txtai(place: Path, folder: Path, model: str) -> dict:
    """Index the collection at ``place``, unless it was done before; says what it took then."""
    said = place / "indexing.json"
    if not said.is_file():
        print("txtai indexes")
        command = script("txtai_index.py", str(folder / "corpus.jsonl"), model, str(place))
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        said.write_text(done.stdout.strip().splitlines()[-1])
    found: dict = json.loads(said.read_text())
    return found


def measure_txtai(index: Path, model: str, tests: QuerySet, queries: list[str], seconds: int) -> dict:
    """Serve and load txtai, with one process and with two."""
    requests = [("GET", f"/search?{urlencode({'query': text, 'limit': HITS})}", "", None) for text in queries]
    result: dict = {}
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "api.yml"
        embeddings = f"embeddings:\n  path: {model}\n  hybrid: true\n  content: true\n"
        config.write_text(f"path: {index.resolve()}\nwritable: false\n{embeddings}")
        environment = {**os.environ, "CONFIG": str(config)}
        for workers in (1, 2):
            port = free_port()
            command = [
                program("python"),
                "-m",
                "uvicorn",
                "txtai.api:app",
                "--port",
                str(port),
                "--workers",
                str(workers),
            ]
            with served(command, port, READY, environment=environment) as server:
                if workers == 1:
                    result["nDCG@10"] = ndcg(tests, lambda text, url=server.url: txtai_search(url, text))
                result[f"{workers} process{'es' * (workers > 1)}"] = loads(server.url, requests, seconds)
    return result


def measure_groundwork(home: ServedHome, tests: QuerySet, queries: list[str], seconds: int) -> dict:
    """Serve and load Groundwork, first without a query cache and then with one."""

    def body(text: str) -> dict:
        return {"query": text, "collection": home.collection, "k": HITS}

    requests = [("POST", "/v1/search", home.key, body(text)) for text in queries]
    result: dict = {}
    with served_home(home.path, WORKERS, query_cache_mb=0) as server:
        with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {home.key}"}) as client:

            def search(text: str) -> list[str]:
                answer = client.post("/v1/search", json=body(text)).raise_for_status().json()
                return [hit["document_id"] for hit in answer["hits"]]

            result["nDCG@10"] = ndcg(tests, search)
        result |= {"seconds to ready": round(server.seconds_to_ready, 2)}
        result["uncached"] = loads(server.url, requests, seconds)
        result["memory_mb"] = memory_mb(server.process)
    with served_home(home.path, WORKERS) as server:
        ask_once(server.url, home.key, home.collection, queries, WORKERS)
        result["cached query vectors"] = loads(server.url, requests, seconds)
    return result


def ratios(ours: dict, theirs: dict) -> dict:
    """How much better Groundwork is at each number of clients, against each way to serve txtai."""
    found = {}
    for way in ("1 process", "2 processes"):
        for name, one in theirs[way].items():
            uncached, cached = ours["uncached"][name], ours["cached query vectors"][name]
            found[f"{way}, {name}"] = {
                "queries per second, uncached": round(uncached["queries_per_second"] / one["queries_per_second"], 1),
                "queries per second, cached": round(cached["queries_per_second"] / one["queries_per_second"], 1),
                "p99 of txtai against uncached": round(one["p99_ms"] / uncached["p99_ms"], 1),
                "p99 of txtai against cached": round(one["p99_ms"] / cached["p99_ms"], 1),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seconds", type=int, default=20, help="Of each load.")
    parser.add_argument("--alone", action="store_true", help="Without txtai, and without writing a result.")
    options = parser.parse_args()
    folder = options.data / "scifact"
    home = open_home(Settings())
    scratch = served_scratch(home, folder)
    tests = load_queryset(folder)
    queries = [*tests.queries.values(), *load_queryset(folder, "train").queries.values()]
    ours = measure_groundwork(scratch, tests, queries, options.seconds)
    if options.alone:
        print(json.dumps(ours, indent=1))
        return
    index = home.path / "peers" / "txtai-scifact"
    model, _ = locate_model(DEFAULT_MODEL)
    theirs = {"indexing": index_txtai(index, folder, model)}
    theirs |= measure_txtai(index, model, tests, queries, options.seconds)
    result = {
        "queries": len(queries),
        "groundwork": {"passages": scratch.passages, "workers": WORKERS, **ours},
        "txtai": theirs,
        "ratios": ratios(ours, theirs),
    }
    print(json.dumps(result["ratios"], indent=1))
    write_result("peer_txtai", result)


if __name__ == "__main__":
    main()
