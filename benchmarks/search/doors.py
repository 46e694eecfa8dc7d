"""How fast is a search through each door? OpenAI's and MCP's beside the native one, in the same run, as ratios.

SciFact is served once and loaded through one door after another for some seconds each, in another order each round,
since a machine's speed changes. Every request asks for ten hits with their text. A door is compared with the native
one asked alike: for passages, or for one hit a document; both must find the same for the same queries first. Load comes
from wrk, closed loop. *Cached* asks only queries that were asked before, so that a door's own work counts most;
*uncached* has every query encoded. A ratio is that of two loads of one round; its median over the rounds counts.

*Beside a batch*: searches through the native door by one client, every query encoded, while another client encodes
batches of passages through ``/v1/embeddings`` without a pause, and alone.

A further door is one more row of ``DOORS``.

Usage: python -m benchmarks.search.doors [--data ../shared/data] [--rounds 5] [--seconds 6] [--dry]
"""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Protocol

import httpx
import psutil

from benchmarks.harness.http_load import Connection, Request, measure, running
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import ServedHome, served_scratch
from benchmarks.harness.server import Server, ask_once, served_home
from eval.datasets.query_sets import load_queryset
from indexing.home import open_home
from indexing.settings import Settings

CLIENTS = (1, 8)
"""Connections of a load."""
COMPARED = 20
"""Queries that all doors must answer alike before any is measured."""
RESULTS = 10
"""Hits that each request asks for."""
BATCH = 64
"""Texts of a request for embeddings beside searches: what libraries that embed documents send by default."""
FIGURES = ("queries_per_second", "p50_ms", "p95_ms", "p99_ms", "cpu_ms")
"""What is compared; ``cpu_ms`` is the server's processor time for a search, all its threads together."""
SEARCHES = re.compile(r'^groundwork_search_stage_duration_seconds_count\{.*stage="total".*\} (\S+)$', re.MULTILINE)
"""How a server counts the searches that it did, whatever the door."""
PASSAGES, DOCUMENTS = "native, passages", "native, documents"
CACHED, UNCACHED = "cached", "uncached"


@dataclass(frozen=True, slots=True)
class Door:
    """How one question is asked through a door, and the ids of the documents in its answer, best first.

    ``like`` is the native door that finds the same; a native one has none.
    """

    ask: Callable[[ServedHome, str], Request]
    documents: Callable[[dict], list[str]]
    like: str | None = None


def _native(home: ServedHome, query: str, *, grouped: bool) -> Request:
    body = {"query": query, "collection": home.collection, "k": RESULTS, "group_by_document": grouped}
    return "POST", "/v1/search", home.key, body


def _mcp(home: ServedHome, query: str) -> Request:
    call = {"name": "search", "arguments": {"query": query}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return "POST", f"/mcp/{home.collection}", home.key, body


def _ids(answer: dict) -> list[str]:
    return [hit["document_id"] for hit in answer["hits"]]


def _openai(home: ServedHome, query: str) -> Request:
    path = f"/v1/vector_stores/{home.collection}/search"
    return "POST", path, home.key, {"query": query, "max_num_results": RESULTS}


def _named(answer: dict) -> list[str]:
    return [hit["id"].partition("/")[2] for hit in answer["result"]["structuredContent"]["results"]]


DOORS = {
    PASSAGES: Door(partial(_native, grouped=False), _ids),
    "openai": Door(_openai, lambda answer: [result["file_id"] for result in answer["data"]], like=PASSAGES),
    DOCUMENTS: Door(partial(_native, grouped=True), _ids),
    "mcp": Door(_mcp, _named, like=DOCUMENTS),
}
"""Every door that is compared."""


class Poster(Protocol):
    """Sends requests; a client of httpx or of FastAPI's tests is one."""

    def request(self, method: str, url: str, *, json: object, headers: dict[str, str]) -> httpx.Response:
        """Send one and give its answer."""
        ...


def require_alike(client: Poster, home: ServedHome, queries: Sequence[str]) -> None:
    """Ask every query through every door.

    Raises:
        SystemExit: two doors find other documents, or in another order.
    """
    for query in queries:
        found = {}
        for name, door in DOORS.items():
            method, path, key, body = door.ask(home, query)
            answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
            answer.raise_for_status()
            found[name] = door.documents(answer.json())
        for name, door in DOORS.items():
            if door.like is not None and found[name] != found[door.like]:
                raise SystemExit(f"{query!r} finds {found[name]} by the door {name!r}: expected {found[door.like]}.")


def compare(rounds: Sequence[dict[str, dict[str, float]]]) -> dict:
    """The figures of each door and their ratios to those of the native one like it, as medians over rounds."""
    result: dict = {}
    for name, door in DOORS.items():
        result[name] = {figure: round(median(one[name][figure] for one in rounds), 2) for figure in FIGURES}
        if door.like is not None:
            result[f"{name} to {door.like}"] = {
                figure: round(median(one[name][figure] / one[door.like][figure] for one in rounds), 3)
                for figure in FIGURES
            }
    return result


def measure_door(server: Server, requests: Sequence[Request], clients: int, seconds: int) -> dict[str, float]:
    """One load through one door."""
    before = spent(server)
    measured = measure(server.url, requests, clients, seconds=seconds)
    after = spent(server)
    cpu_ms = 1000.0 * (after[0] - before[0]) / (after[1] - before[1])
    return {figure: measured[figure] for figure in FIGURES if figure in measured} | {"cpu_ms": cpu_ms}


def spent(server: Server) -> tuple[float, float]:
    """The server's processor time so far, in seconds, and how many searches it did."""
    times = psutil.Process(server.process.pid).cpu_times()
    counts = SEARCHES.findall(httpx.get(f"{server.url}/metrics").text)
    return times.user + times.system, sum(map(float, counts))


def loaded(server: Server, home: ServedHome, queries: Sequence[str], options: argparse.Namespace) -> dict:
    """Every door under each number of clients, round by round."""
    result = {}
    for clients in CLIENTS:
        rounds = []
        for number in range(options.rounds):
            turn = number % len(DOORS)
            found = {}
            for name in [*DOORS][turn:] + [*DOORS][:turn]:
                requests = [DOORS[name].ask(home, query) for query in queries]
                found[name] = measure_door(server, requests, clients, options.seconds)
                print(clients, number + 1, name, found[name], flush=True)
            rounds.append({name: found[name] for name in DOORS})
        result[f"{clients} client{'s' * (clients > 1)}"] = compare(rounds)
    return result


class Batches:
    """A client that has passages encoded, batch after batch."""

    def __init__(self, url: str, home: ServedHome, model: str, texts: Sequence[str]) -> None:
        """Encode ``texts`` by ``model``."""
        self._connection, self._key = Connection(url), home.key
        self._body = {"model": model, "input": list(texts), "input_type": "document", "encoding_format": "base64"}
        self.batches = 0

    def run(self, stop) -> None:
        """See ``Client``."""
        while not stop.is_set():
            self._connection.send("batch", "POST", "/v1/embeddings", self._key, self._body).raise_for_status()
            self.batches += 1
        self._connection.close()


def beside_batches(
    url: str, home: ServedHome, queries: Sequence[str], texts: Sequence[str], options: argparse.Namespace
) -> dict:
    """Searches of one client alone, and beside one that has batches encoded."""
    headers = {"Authorization": f"Bearer {home.key}"}
    model = httpx.get(f"{url}/v1/models", headers=headers).raise_for_status().json()["data"][0]["id"]
    requests = [DOORS[PASSAGES].ask(home, query) for query in queries]
    alone = measure(url, requests, 1, seconds=options.seconds)
    client = Batches(url, home, model, texts)
    with running(client):
        beside = measure(url, requests, 1, seconds=options.seconds)
    if not client.batches:
        raise SystemExit("No batch was encoded meanwhile: allow more --seconds.")
    ratios = {figure: round(beside[figure] / alone[figure], 3) for figure in FIGURES if figure in alone}
    return {"texts of a batch": len(texts), "alone": alone, "beside a batch": beside, "beside to alone": ratios}


def passages_of(folder: Path) -> list[str]:
    """Texts as libraries send them to be encoded: the first 100 words of some documents."""
    with (folder / "corpus.jsonl").open() as lines:
        texts = [" ".join(json.loads(line)["text"].split()[:100]) for line, _ in zip(lines, range(BATCH), strict=False)]
    return [text for text in texts if text]


def run(home: ServedHome, folder: Path, queries: Sequence[str], options: argparse.Namespace) -> dict:
    """Everything, against a server for each way to look queries up."""
    result: dict = {"passages": home.passages, "queries": len(queries), "rounds": options.rounds}
    with served_home(home.path) as server:
        with httpx.Client(base_url=server.url, timeout=30.0) as client:
            require_alike(client, home, queries[:COMPARED])
        ask_once(server.url, home.key, home.collection, queries, 1)
        result[CACHED] = loaded(server, home, queries, options)
    with served_home(home.path, query_cache_mb=0) as server:
        result[UNCACHED] = loaded(server, home, queries, options)
        result["embeddings"] = beside_batches(server.url, home, queries, passages_of(folder), options)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="Of each load, beside its warm-up.")
    parser.add_argument("--dry", action="store_true", help="Print the result and write no file.")
    options = parser.parse_args()
    folder = options.data / "scifact"
    home = served_scratch(open_home(Settings()), folder)
    result = run(home, folder, list(load_queryset(folder).queries.values()), options)
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("doors", result)


if __name__ == "__main__":
    main()
