"""Vectors given: how does Groundwork find neighbours beside Chroma, on the same vectors and machine?

42,593 vectors by the default model, of the passages of five collections (see vector_sets.py), and their people's
queries; 10 hits with their text, `vector` given, over HTTP, load by wrk in closed loop at 1, 8 and 32 clients.

- One partition: all passages in one collection on both sides; in Chroma as it comes, and searching harder
  (`ef_search`), as it must for a recall of 0.99.
- 100 tenants: each has a hundredth of the rows, side by side. In Groundwork each is a tenant with its key. In Chroma
  they stand in one collection, with the tenant in the metadata and in each query's filter; as a second way, each in a
  collection of its own. Requests take the tenants in turn.

recall@10 of both is against exact search.

Usage: python -m benchmarks.peers.chroma --data ../shared/data [--seconds 20]
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

import httpx
import numpy as np

from benchmarks.harness.http_load import Request, loads
from benchmarks.harness.made_corpora import build_made, made_document, sentences
from benchmarks.harness.memory import memory_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.server import free_port, served, served_home
from benchmarks.harness.vector_sets import exact_neighbours, real_sets
from benchmarks.peers.environment import program, script
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import create_tenant
from indexing.commands.terminal import progress_bar
from indexing.home import open_home
from indexing.records import Partition
from indexing.settings import Settings

ROWS = 42_593
TENANTS = 100
SHARE = -(-ROWS // TENANTS)
WORKERS = 2
HITS = 10
EF_SEARCH = (200, 400)
PATH = "/api/v2/tenants/default_tenant/databases/default_database/collections"


def build_home(path: Path, models, texts: Sequence[str], vectors) -> dict[str, str]:
    """Everything once as one tenant's, once in parts as many tenants'; gives each tenant's key."""
    home = open_home(Settings(), path)
    home.models.copy_from(models)
    keys = {}
    for tenant, first, last in [("all", 0, ROWS)] + [
        (f"t{first // SHARE}", first, min(first + SHARE, ROWS)) for first in range(0, ROWS, SHARE)
    ]:
        create_tenant(home.catalogue, tenant)
        keys[tenant] = create_key(home.catalogue, tenant, scopes=("search",))[1]
        documents = [made_document(row, texts[row]) for row in range(first, last)]
        put_documents(home.catalogue, Partition(tenant, "notes"), documents)
    with progress_bar() as progress:
        build_made(home, vectors, on_progress=progress)
    home.close()
    return keys


def recall(
    url: str, requests: Sequence[Request], rows_of: Callable[[dict], list[int]], nearest: list[set[int]]
) -> float:
    """Which share of the ten nearest is found by the answers to ``requests``."""
    found = 0
    with httpx.Client(base_url=url, timeout=60) as client:
        for (method, path, key, body), best in zip(requests, nearest, strict=True):
            headers = {"authorization": f"Bearer {key}"} if key else {}
            answer = client.request(method, path, json=body, headers=headers).raise_for_status().json()
            found += len(best & set(rows_of(answer)))
    return round(found / HITS / len(requests), 4)


def our_requests(queries, key_of: Callable[[int], str]) -> list[Request]:
    body = {"collection": "notes", "k": HITS, "mode": "dense", "group_by_document": False}
    return [
        ("POST", "/v1/search", key_of(turn), body | {"vector": [round(float(x), 6) for x in query]})
        for turn, query in enumerate(queries)
    ]


def their_requests(queries, id_of: Callable[[int], str], where: Callable[[int], dict | None]) -> list[Request]:
    found: list[Request] = []
    for turn, query in enumerate(queries):
        body = {
            "query_embeddings": [[round(float(x), 6) for x in query]],
            "n_results": HITS,
            "include": ["documents", "metadatas", "distances"],
        }
        if (condition := where(turn)) is not None:
            body["where"] = condition
        found.append(("POST", f"{PATH}/{id_of(turn)}/query", "", body))
    return found


def our_rows(answer: dict) -> list[int]:
    """The rows that an answer of Groundwork names."""
    return [int(hit["document_id"][1:]) for hit in answer["hits"]]


def their_rows(answer: dict) -> list[int]:
    """The rows that an answer of Chroma names."""
    return [int(name[1:]) for name in answer["ids"][0]]


def tenant_neighbours(vectors, queries) -> list[set[int]]:
    """The nearest rows for query N among those of tenant N modulo 100."""
    found = []
    for turn, query in enumerate(queries):
        first = turn % TENANTS * SHARE
        best = exact_neighbours(vectors[first : first + SHARE], query[None], HITS)[0]
        found.append({row + first for row in best})
    return found


def measure_groundwork(folder: Path, models, texts, vectors, queries, nearest, seconds: int) -> dict:
    keys = build_home(folder / "home", models, texts, vectors)
    with served_home(folder / "home", WORKERS) as server:
        result: dict = {"workers": WORKERS, "seconds to ready": round(server.seconds_to_ready, 2)}
        for name, key_of in (
            ("one partition", lambda turn: keys["all"]),
            ("100 tenants", lambda turn: keys[f"t{turn % TENANTS}"]),
        ):
            requests = our_requests(queries, key_of)
            rows = recall(server.url, requests, our_rows, nearest[name])
            result[name] = {"recall@10": rows, **loads(server.url, requests, seconds)}
        return result | {"memory_mb": memory_mb(server.process)}


def measure_chroma(folder: Path, texts, vectors, queries, nearest, seconds: int) -> dict:
    np.save(folder / "vectors.npy", vectors)
    (folder / "texts.json").write_text(json.dumps(texts))
    port = free_port()
    command = [program("chroma"), "run", "--path", str(folder / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    with served(command, port, "/api/v2/heartbeat") as server:
        print("chroma loads")
        efforts = [str(effort) for effort in EF_SEARCH]
        loader = script("chroma_load.py", str(port), str(folder), str(SHARE), *efforts)
        done = subprocess.run(loader, check=True, capture_output=True, text=True)
        loaded = json.loads(done.stdout.strip().splitlines()[-1])
        result: dict = {"seconds to load": loaded["seconds"]}
        harder = {
            f"one partition, ef_search {effort}": (lambda turn, name=name: name, lambda turn: None)
            for effort, name in loaded["precise"].items()
        }
        ways = {
            "one partition": (lambda turn: loaded["collection"], lambda turn: None),
            **harder,
            "100 tenants": (lambda turn: loaded["collection"], lambda turn: {"tenant": turn % TENANTS}),
            "100 tenants, a collection each": (lambda turn: loaded["tenants"][turn % TENANTS], lambda turn: None),
        }
        for name, (id_of, where) in ways.items():
            requests = their_requests(queries, id_of, where)
            found = recall(server.url, requests, their_rows, nearest[name.split(",")[0]])
            result[name] = {"recall@10": found, **loads(server.url, requests, seconds)}
    return result


def ratios(ours: dict, theirs: dict) -> dict:
    return {
        f"{way}, {clients}": {
            "queries per second": round(
                ours[way.split(",")[0]][clients]["queries_per_second"] / theirs[way][clients]["queries_per_second"], 1
            ),
            "p99 of Chroma against it": round(
                theirs[way][clients]["p99_ms"] / ours[way.split(",")[0]][clients]["p99_ms"], 1
            ),
        }
        for way in theirs
        if isinstance(theirs[way], dict)
        for clients in theirs[way]
        if clients in ours["one partition"] and clients != "recall@10"
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seconds", type=int, default=20, help="Of each load.")
    parser.add_argument("--alone", action="store_true", help="Without Chroma, and without writing a result.")
    options = parser.parse_args()
    home = open_home(Settings())
    sets = real_sets(home, options.data)
    vectors = np.concatenate([found for found, _ in sets.values()])
    queries = np.concatenate([asked for _, asked in sets.values()])
    chosen = np.sort(np.random.default_rng(0).permutation(len(vectors))[:ROWS])
    vectors = np.ascontiguousarray(vectors[chosen])
    texts = list(islice(cycle(sentences(options.data)), ROWS))
    nearest = {
        "one partition": exact_neighbours(vectors, queries, HITS),
        "100 tenants": tenant_neighbours(vectors, queries),
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ours = measure_groundwork(folder, home.models, texts, vectors, queries, nearest, options.seconds)
        if options.alone:
            print(json.dumps(ours, indent=1))
            return
        theirs = measure_chroma(folder, texts, vectors, queries, nearest, options.seconds)
    result = {"rows": ROWS, "queries": len(queries), "groundwork": ours, "chroma": theirs}
    result["ratios"] = ratios(ours, theirs)
    print(json.dumps(result["ratios"], indent=1))
    write_result("peer_chroma", result)


if __name__ == "__main__":
    main()
