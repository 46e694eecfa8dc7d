"""What does each option of a search cost? Processor time and the clock, a request, beside the plain search.

The helpdesk corpus is served in this process over ASGI, twice as two collections, and asked its own questions by one
client, in turns: one request of each kind after the other, since a machine's speed changes. Every question was asked
before, so that no encoding hides what an option costs; the processor time is that of the whole process, ledger and
all. A ratio is that to the plain search.

With ``--before``, the plain search of another checkout is measured beside this one's: a process of each serves the same
home, and they are asked in turns. The ratio is that of the event loop's processor time in two rounds that follow each
other, its median over all.

Usage: python -m benchmarks.search.search_options [--rounds 40] [--before CHECKOUT] [--dry]
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

from app.retrieval.query import Query
from app.retrieval.ranking import MergedRanking, Ranking
from app.retrieval.retriever import Retriever
from app.retrieval.search import Search
from app.serving.release import ServingRelease
from app.serving.release_opening import open_in_service
from benchmarks.harness.in_process import ALONE, Client, in_turns, served_in_process, told
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import take_models
from eval.datasets.query_sets import load_queryset
from eval.experiments.measures import run_from_ranking, score_run
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.document_writes import put_documents
from indexing.home import Home, open_home
from indexing.records import MARKDOWN, Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings

ROOT = Path(__file__).parents[2]
CORPUS = Path("corpora/helpdesk")
COLLECTIONS = ("helpdesk", "mirror")
BATCH = 10
"""Searches of the batch that is measured; its figures are those of one of them."""
PAIRS, WARM = 120, 20
"""Rounds of two checkouts, and how many of them warm both."""
PLAIN = "plain"
KINDS: dict[str, dict] = {
    PLAIN: {},
    "offset 10": {"offset": 10},
    "offset 90": {"offset": 90},
    "min_score": {"min_score": 0.1},
    "fields": {"fields": ["title", "url"]},
    "highlight": {"highlight": True},
    "snippet": {"snippet": 200},
    "highlight and snippet": {"highlight": True, "snippet": 200},
    "collapse": {"collapse": True},
    "two collections": {"collections": list(COLLECTIONS)},
    "two collections, collapse": {"collections": list(COLLECTIONS), "collapse": True},
}


def fill(home: Home, models: Path | None) -> None:
    """The corpus as two collections, and as one for each category, built once."""
    take_models(home, models)
    lines = (json.loads(line) for line in (CORPUS / "corpus.jsonl").read_text().splitlines())
    documents = [
        Document(one["_id"], one.get("title", ""), one["text"], metadata=one["metadata"], content_type=MARKDOWN)
        for one in lines
    ]
    for name in COLLECTIONS:
        put_documents(home.catalogue, Partition("default", name), documents)
    for category in {str(one.metadata["category"]) for one in documents}:
        own = [one for one in documents if one.metadata["category"] == category]
        put_documents(home.catalogue, Partition("default", category), own)
    build(prepare_build(home, default_recipe(home)))


def merging(home: Home) -> dict[str, float]:
    """nDCG@10 of the corpus as one collection, and in as many as it has categories, searched at once.

    The latter with scores that can be compared, as searches do, and with those that each collection gives by itself.
    """
    serving, questions = open_in_service(home), load_queryset(CORPUS, "test")
    categories = sorted(name for name in collection_sizes(home.catalogue, "default") if name not in COLLECTIONS)
    runs: dict[str, dict[str, dict[str, float]]] = {"one collection": {}, "each by itself": {}, "compared": {}}
    for key, query in questions.queries.items():
        whole = begun(serving, COLLECTIONS[0], query)
        runs["one collection"][key] = run_from_ranking(ids_of(whole.ranking([])))
        for name in ("each by itself", "compared"):
            searches = [begun(serving, category, query) for category in categories]
            for search in searches:
                search.score_terms()
            if name == "compared":
                known = {term for search in searches for term in search.known_terms}
                for search in searches:
                    search.take_part(known)
            merged = MergedRanking([search.ranking([]) for search in searches], 0.0)
            runs[name][key] = run_from_ranking(ids_of(merged))
    scores = {name: score_run(questions.qrels, run).means["nDCG@10"] for name, run in runs.items()}
    return {"collections": len(categories), **{name: round(value, 4) for name, value in scores.items()}}


def begun(serving: ServingRelease, collection: str, query: str) -> Search:
    return Retriever().begin(serving, Partition("default", collection), Query(query, 10, "hybrid", True, None, None))


def ids_of(ranking: Ranking) -> list[str]:
    return [hit.passage.document_id for hit in ranking.hits(0, 10)]


def body_of(query: str, kind: str) -> dict:
    """A search of a kind."""
    where = {} if "collections" in KINDS[kind] else {"collection": COLLECTIONS[0]}
    return {"query": query, "k": 10, **where, **KINDS[kind]}


async def batch(client: Client, queries: Sequence[str]) -> tuple[float, float]:
    """Milliseconds a search of a batch."""
    bodies = [body_of(query, PLAIN) for query in queries[:BATCH]]
    wall, cpu = time.perf_counter(), time.process_time()
    await client.post("/v1/search:batch", {"searches": bodies})
    return (time.perf_counter() - wall) * 1000 / len(bodies), (time.process_time() - cpu) * 1000 / len(bodies)


async def asked(path: Path, queries: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each kind, and of a search of a batch."""
    async with served_in_process(path) as client:
        bodies = {kind: [body_of(query, kind) for query in queries] for kind in KINDS}
        found = await in_turns(client, bodies, rounds)
        found[f"batch of {BATCH}"] = told([await batch(client, queries) for _ in range(rounds)])
    return found


def compared(path: Path, before: Path, queries: Sequence[str]) -> dict:
    """The plain search of two checkouts: both are served at once and asked in turns, so that a load is on both."""
    bodies = json.dumps([body_of(query, PLAIN) for query in queries])
    with ExitStack() as stack:
        pair = [stack.enter_context(asked_by_turns(path, bodies, checkout)) for checkout in (before, ROOT)]
        rounds = []
        for number in range(PAIRS):
            order = (0, 1) if number % 2 else (1, 0)
            took = {place: pair[place]() for place in order}
            rounds.append((took[0], took[1]))
    rounds = rounds[WARM:]
    ratios = sorted(now / was for was, now in rounds)
    return {
        "before_cpu_ms": round(median(was for was, _ in rounds), 4),
        "now_cpu_ms": round(median(now for _, now in rounds), 4),
        "ratio": round(median(ratios), 4),
        "quartiles": [round(ratios[len(ratios) // 4], 4), round(ratios[3 * len(ratios) // 4], 4)],
        "rounds": len(ratios),
    }


@contextmanager
def asked_by_turns(path: Path, bodies: str, checkout: Path) -> Iterator[Callable[[], float]]:
    """What asks a process of a checkout all bodies once, and gives the milliseconds a search."""
    command = [sys.executable, "-c", ALONE, str(path), bodies]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes) as process:

        def ask() -> float:
            process.stdin.write("once\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        yield ask
        process.stdin.close()


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--models", type=Path, help="a home whose models to take")
    parser.add_argument("--dry", action="store_true", help="write no result")
    options = parser.parse_args()
    queries = list(load_queryset(CORPUS, "test").queries.values())[:30]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "home"
        with closing(open_home(Settings(home=path))) as home:
            fill(home, options.models)
            merged = merging(home)
            print(merged, flush=True)
        result: dict = {"queries": len(queries), "merging": merged}
        if options.before is not None:
            result["before and now"] = compared(path, options.before.resolve(), queries)
        result["kinds"] = asyncio.run(asked(path, queries, options.rounds))
        plain = result["kinds"][PLAIN]["cpu_ms"]
        result["ratio to plain"] = {kind: round(one["cpu_ms"] / plain, 2) for kind, one in result["kinds"].items()}
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("search_options", result)


if __name__ == "__main__":
    main()
