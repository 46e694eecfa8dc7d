"""One partition of 1,000,000 passages: what does it cost to build, and is it searched like a small one?

The build is the real one, from documents in the catalogue to a release, except that the encoder is replaced: passage
number N gets made vector N (vector_sets.py says how they are made from real ones), so no time goes into encoding. Texts
are sentences of real collections. Beside it stands a partition of 10,000 passages made the same way. A second process
then opens the snapshot and searches both with the real queries of five collections, on one core.

The same is asked with filters that let one passage in 100 and one in 1,000 through.

Reported: seconds by stage, bytes by file, the build's memory peak; recall@10 against exact search; p50, p95, p99 over
the queries (each query's median of three passes) of the index alone and of a dense search as the API serves it (100
candidates, whole documents, texts of 10 hits), for both partitions, and the ratios; memory of the searching process.

Usage: python -m benchmarks.search.large_partition --data ../shared/data [--rows 1000000]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from app.retrieval.filters import Comparison, matching
from app.retrieval.retriever import Retriever
from app.serving.release_opening import open_in_service
from benchmarks.harness.made_corpora import build_made, made_document, sentences
from benchmarks.harness.memory import anonymous_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.timing import percentiles, typical_milliseconds
from benchmarks.harness.vector_sets import made_vectors, real_sets
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.commands.terminal import progress_bar
from indexing.home import open_home
from indexing.records import Partition
from indexing.settings import Settings
from indexing.snapshots.snapshot import Snapshot

SMALL = 10_000
LARGE = Partition(DEFAULT_TENANT, "large")
LITTLE = Partition(DEFAULT_TENANT, "little")
_BATCH = 10_000


def build_home(path: Path, data: Path, vectors) -> dict:
    """Ingest and build; says what it took."""
    texts = cycle(sentences(data))
    home = open_home(Settings(), path)
    began = time.perf_counter()
    for partition, rows in ((LARGE, len(vectors)), (LITTLE, SMALL)):
        for start in range(0, rows, _BATCH):
            numbers = range(start, min(start + _BATCH, rows))
            batch = [
                made_document(number, text, {"hundred": number % 100, "thousand": number % 1000})
                for number, text in zip(numbers, islice(texts, len(numbers)), strict=True)
            ]
            put_documents(home.catalogue, partition, batch)
    stages = {"documents": time.perf_counter() - began}
    marks: dict[str, float] = {}

    def on_progress(stage: str, done: int, total: int) -> None:
        marks[stage] = time.perf_counter()
        progress(stage, done, total)

    with progress_bar() as progress:
        began = time.perf_counter()
        report = build_made(home, vectors, on_progress=on_progress)
    last = began
    for stage in ("passages", "vectors", "shards"):
        stages[stage], last = marks[stage] - last, marks[stage]
    stages["snapshot and release"] = time.perf_counter() - last
    manifest = Snapshot(home.storage, report.release.snapshot).manifest
    sizes: dict[str, int] = {}
    for shard in manifest.shards:
        if shard.facts.lists is not None:
            for name, file in shard.files.items():
                sizes[name] = sizes.get(name, 0) + file.size_bytes
    home.close()
    return {
        "passages": report.passages,
        "seconds": round(report.seconds, 1),
        "seconds by stage": {stage: round(seconds, 1) for stage, seconds in stages.items()},
        "memory peak, MB, of which vectors held by this script": [
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            vectors.nbytes >> 20,
        ],
        "lists": [
            {"rows": shard.rows, **shard.facts.lists.to_json()}
            for shard in manifest.shards
            if shard.facts.lists is not None
        ],
        "bytes by file": sizes,
        "bytes a passage": round(sum(sizes.values()) / len(vectors)),
        "recall@10 measured by the build": report.recall_at_10,
    }


def search_home(path: Path, queries) -> dict:
    """What a process that only searches sees."""
    home = open_home(Settings(), path)
    own = anonymous_mb()
    began = time.perf_counter()
    serving, retriever = open_in_service(home), Retriever()
    views = {partition: serving.snapshot.view(partition) for partition in (LARGE, LITTLE)}
    result: dict = {"seconds to open": round(time.perf_counter() - began, 3)}
    for partition, view in views.items():
        exact = [view.search(query, 10, exact=True) for query in queries]
        hits = 0
        for query, (numbers, rows, _scores) in zip(queries, exact, strict=True):
            found = view.search(query, 10)
            hits += len(set(zip(numbers, rows, strict=True)) & set(zip(*found[:2], strict=True)))
        result[partition.collection] = {
            "rows": view.rows,
            "shards": len(view.shards),
            "recall@10": round(hits / len(queries) / 10, 4),
            "index alone, 10 nearest": typical_milliseconds(queries, lambda query, view=view: view.search(query, 10)),
            "as served, 10 hits": typical_milliseconds(
                queries,
                lambda query, partition=partition: retriever.search(
                    serving, partition, "", k=10, mode="dense", vector=query
                ),
            ),
        }
    result["filters"] = {
        f"{key} is 7": filtered(views[LARGE], queries[::3], Comparison("eq", key, (7,)))
        for key in ("hundred", "thousand")
    }
    result["memory of its own added by opening and searching, the encoder included, MB"] = anonymous_mb() - own
    result["p99 of the large against the small"] = {
        what: round(result["large"][what]["p99_ms"] / result["little"][what]["p99_ms"], 2)
        for what in ("index alone, 10 nearest", "as served, 10 hits")
    }
    home.close()
    return result


def filtered(view, queries, wanted) -> dict:
    """Search only what fits: recall against reading every vector that fits, and time, the filter included."""
    masks = view.allowed(matching(wanted, ()))
    vectors = [
        shard.vectors(np.flatnonzero(mask) + start)
        for shard, mask, start in zip(view.shards, masks, view.starts, strict=True)
    ]
    everything = np.concatenate(vectors)
    hits, least, milliseconds = 0, 10, []
    for query in queries:
        tenth = np.sort(everything @ query)[-10]
        began = time.perf_counter()
        _, _, scores = view.search(query, 10, allowed=view.allowed(matching(wanted, ())))
        milliseconds.append((time.perf_counter() - began) * 1000.0)
        least = min(least, len(scores))
        hits += int((scores >= tenth - 1e-6).sum())
    return {
        "rows that fit": len(everything),
        "recall@10": round(hits / len(queries) / 10, 4),
        "fewest hits of 10": least,
        **percentiles(milliseconds, unit="_ms"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--search", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="Where to put the home, some 8 GB; by default a temporary folder.")
    arguments = parser.parse_args()
    if arguments.search:
        print(json.dumps(search_home(arguments.search / "home", np.load(arguments.search / "queries.npy"))))
        return
    home = open_home(Settings())
    sets = real_sets(home, arguments.data)
    vectors = made_vectors(np.concatenate([passages for passages, _ in sets.values()]), arguments.rows)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        np.save(folder / "queries.npy", np.concatenate([asked for _, asked in sets.values()]))
        scratch = open_home(Settings(), folder / "home")
        scratch.models.copy_from(home.models)
        scratch.close()
        result = {"build": build_home(folder / "home", arguments.data, vectors)}
        output = subprocess.run(
            [sys.executable, "-m", "benchmarks.search.large_partition", "--search", str(folder)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            check=True,
        )
        result["search"] = json.loads(output.stdout)
    print(json.dumps(result, indent=1))
    write_result("large_partition", result)


if __name__ == "__main__":
    main()
