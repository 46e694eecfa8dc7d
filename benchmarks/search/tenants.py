"""Many tenants: does a search cost what it costs alone, and how long until a process can serve them all?

A home of TENANTS tenants with PASSAGES passages each (made vectors and sentences, see vector_sets.py and
made_corpora.py; the build is the real one but for the encoder), and a home of one tenant with 1,000. A second
process opens the release as the API does and searches tenants picked at random with real queries, dense with the vector
given, through the retriever (every hit's tenant is verified on the way).

Reported: seconds from opening the home to the first answer; how long the first search of each tenant takes, when its
shard may be opened, checked and mapped; then p50, p95, p99 of both and their ratio; recall@10 against
reading the tenant's own vectors; hits of another tenant; open files, mapped shards and memory of the process. Both
homes are searched five times in turn; the round with the middle p99 counts, and the worst recall.

Usage: python -m benchmarks.search.tenants --data ../shared/data [--tenants 1000 --passages 1000]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil

from app.retrieval.retriever import Retriever
from app.serving.release_opening import open_in_service
from benchmarks.harness.made_corpora import build_made, made_document, sentences
from benchmarks.harness.memory import anonymous_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.timing import milliseconds, percentiles
from benchmarks.harness.vector_sets import made_vectors, real_sets
from indexing.catalogue.document_writes import put_documents
from indexing.commands.terminal import progress_bar
from indexing.home import open_home
from indexing.records import Partition
from indexing.settings import Settings

SEED = 20261124
ALONE = 1_000
ROUNDS = 5


def build_home(path: Path, data: Path, models, vectors, tenants: int, passages: int) -> dict:
    texts = cycle(sentences(data))
    home = open_home(Settings(), path)
    home.models.copy_from(models)
    began = time.perf_counter()
    for tenant in range(tenants):
        numbers = range(tenant * passages, (tenant + 1) * passages)
        batch = [made_document(number, text) for number, text in zip(numbers, islice(texts, passages), strict=True)]
        put_documents(home.catalogue, Partition(f"t{tenant:05}", "notes"), batch)
    with progress_bar() as progress:
        report = build_made(home, vectors, on_progress=progress)
    home.close()
    return {
        "passages": report.passages,
        "shards": report.shards_written,
        "seconds": round(time.perf_counter() - began, 1),
    }


def search_home(path: Path, queries, searches: int) -> dict:
    """What one API process sees."""
    own = anonymous_mb()
    began = time.perf_counter()
    home = open_home(Settings(), path)
    serving = open_in_service(home)
    partitions = serving.snapshot.partitions
    retriever = Retriever()

    def search(partition, query):
        return retriever.search(serving, partition, "", k=10, mode="dense", group_by_document=False, vector=query).hits

    search(partitions[0], queries[0])
    ready = time.perf_counter() - began
    firsts = [milliseconds(lambda partition=partition: search(partition, queries[0])) for partition in partitions]
    chance = random.Random(SEED)
    asked = [(chance.choice(partitions), queries[chance.randrange(len(queries))]) for _ in range(searches)]
    took, hits, strangers = [], 0, 0
    for partition, query in asked:
        started = time.perf_counter()
        found = search(partition, query)
        took.append((time.perf_counter() - started) * 1000.0)
        view = serving.snapshot.view(partition)
        every = np.concatenate(
            [
                shard.vectors(np.arange(shard.partitions[partition].start, shard.partitions[partition].stop)) @ query
                for shard in view.shards
            ]
        )
        tenth = np.sort(every)[-10]
        hits += sum(hit.dense >= tenth - 1e-6 for hit in found)
        strangers += sum(hit.passage.partition != partition for hit in found)
    process = psutil.Process()
    result = {
        "tenants": len(partitions),
        "seconds to the first answer": round(ready, 2),
        "recall@10": hits / searches / 10,
        "hits of other tenants": strangers,
        **percentiles(took, unit="_ms"),
        "first search of each tenant": percentiles(firsts, unit="_ms"),
        "open files": process.num_fds(),
        "shards of the snapshot": len(serving.snapshot.manifest.shards),
        "shards mapped": serving.snapshot.open_shards,
        "memory of its own, MB": anonymous_mb() - own,
    }
    home.close()
    return result


def middle(rounds: list[dict]) -> dict:
    """The round whose p99 is the middle one."""
    return sorted(rounds, key=lambda one: one["p99_ms"])[len(rounds) // 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--passages", type=int, default=1_000)
    parser.add_argument("--searches", type=int, default=5_000)
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.search:
        queries = np.load(arguments.search.parent / "queries.npy")
        print(json.dumps(search_home(arguments.search, queries, arguments.searches)))
        return
    home = open_home(Settings())
    sets = real_sets(home, arguments.data)
    real = np.concatenate([vectors for vectors, _ in sets.values()])
    vectors = made_vectors(real, max(arguments.tenants * arguments.passages, ALONE))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "queries.npy", np.concatenate([asked for _, asked in sets.values()]))
        homes = {"alone": (1, ALONE), "together": (arguments.tenants, arguments.passages)}
        result: dict = {
            label: {"build": build_home(folder / label, arguments.data, home.models, vectors, *size)}
            for label, size in homes.items()
        }
        print("built", flush=True)
        found: dict[str, list[dict]] = {label: [] for label in homes}
        for _ in range(ROUNDS):  # in turn, since a machine's speed changes
            for label in homes:
                command = [sys.executable, "-m", "benchmarks.search.tenants", "--search", str(folder / label)]
                output = subprocess.run(
                    [*command, "--searches", str(arguments.searches)],
                    env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                    stdout=subprocess.PIPE,
                    check=True,
                )
                found[label].append(json.loads(output.stdout))
        for label, rounds in found.items():
            result[label] |= middle(rounds)
            result[label]["recall@10"] = min(one["recall@10"] for one in rounds)
            result[label]["hits of other tenants"] = max(one["hits of other tenants"] for one in rounds)
    result["p99 together against alone"] = round(result["together"]["p99_ms"] / result["alone"]["p99_ms"], 2)
    print(json.dumps(result, indent=1))
    write_result(f"tenants_{arguments.tenants}x{arguments.passages}", result)


if __name__ == "__main__":
    main()
