"""What do the features of a search's candidates cost? 100 at once, of a collection with many documents.

A home with DOCUMENTS made documents of one collection, materialised by the built-in view. Then, in this process, the
values of 100 documents picked at random are asked for again and again: one feature, all five, and five as boosts (the
numbers, and what they add to the scores); and one feature right after another connection has appended a row, so that
the store has to follow. Reported: seconds to materialise and to load, memory, and p50, p95, p99 in milliseconds
of the clock and of a core.

Usage: python -m benchmarks.search.online_features [--documents 100000 --asked 2000]
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.serving.document_boosts import DocumentBoosts
from benchmarks.harness.memory import anonymous_mb
from benchmarks.harness.recording import write_result
from benchmarks.harness.timing import milliseconds, percentiles
from indexing.catalogue.document_writes import put_documents
from indexing.features.boosts import Boost
from indexing.features.feature_values import Feature
from indexing.features.materialise import materialise, materialise_documents
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.views import DOCUMENT_STATS
from indexing.home import Home, open_home
from indexing.records import MARKDOWN, Document, Partition
from indexing.settings import Settings

SEED = 20261128
CANDIDATES = 100
HERE = Partition("default", "made")
FOLLOWS = 200
"""Commits of another connection that are followed one by one."""


def fill(home: Home, documents: int) -> list[str]:
    """Made documents of a few hundred characters; gives their ids."""
    chance = random.Random(SEED)
    ids = [f"document-{number:07}" for number in range(documents)]
    for start in range(0, documents, 5_000):
        texts = ("# A\n\n" + "word " * chance.randint(10, 100) + "[a](http://a.example)" for _ in range(5_000))
        batch = [
            Document(name, "", text, content_type=MARKDOWN) for name, text in zip(ids[start:], texts, strict=False)
        ]
        put_documents(home.catalogue, HERE, batch)
    return ids


def timed(job: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds that a job takes, and those of a core that it uses: others of the machine disturb only the first."""
    cpu = time.thread_time()
    took = milliseconds(job)
    return took, (time.thread_time() - cpu) * 1000.0


def both(took: list[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = zip(*took, strict=True)
    return {**percentiles(wall, digits=4, unit="_ms"), **percentiles(cpu, digits=4, unit="_cpu_ms")}


def measure(path: Path, documents: int, asked: int) -> dict:
    home = open_home(Settings(), path)
    ids = fill(home, documents)
    materialised = milliseconds(lambda: materialise(home.catalogue, DOCUMENT_STATS)) / 1000.0
    features = [Feature(f"document_stats:{one.name}", DOCUMENT_STATS, one) for one in DOCUMENT_STATS.columns]
    store, before = OnlineStore(home.catalogue), anonymous_mb()
    loaded = milliseconds(lambda: store.recent(DOCUMENT_STATS, HERE)) / 1000.0
    memory = anonymous_mb() - before
    chance = random.Random(SEED)
    questions = [chance.choices(ids, k=CANDIDATES) for _ in range(asked)]
    weights = tuple(Boost(feature.name, 0.1, 30.0) for feature in features)
    boosts = DocumentBoosts(weights, features, partial(get_online, store))

    def typical(ask: Callable[[list[str]], object], questions: list[list[str]] = questions) -> dict[str, float]:
        return both([timed(lambda names=names: ask(names)) for names in questions])

    def online(some: list[Feature]) -> Callable[[list[str]], object]:
        return lambda names: get_online(store, some, HERE, names, datetime.now(UTC))

    result = {
        "documents": documents,
        "candidates": CANDIDATES,
        "seconds to materialise": round(materialised, 2),
        "seconds to load": round(loaded, 3),
        "memory, MB": round(memory, 1),
        "1 feature": typical(online(features[:1])),
        "5 features": typical(online(features)),
        "5 boosts": typical(lambda names: boosts.of(HERE, names)),
    }
    other = open_home(Settings(), path)
    took = []
    for number in range(min(FOLLOWS, documents)):
        put_documents(other.catalogue, HERE, [Document(ids[number], "", f"changed at {time.time_ns()}")])
        materialise_documents(other.catalogue, DOCUMENT_STATS, HERE, [ids[number]])
        took.append(timed(lambda names=questions[number % asked]: online(features[:1])(names)))
    result["1 feature after a commit"] = both(took)
    other.close()
    home.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--asked", type=int, default=2_000)
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder) / "home", options.documents, options.asked)
    for name, value in result.items():
        print(f"{name}: {value}")
    write_result("online_features", result)


if __name__ == "__main__":
    main()
