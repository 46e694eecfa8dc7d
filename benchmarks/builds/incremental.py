"""1 % of 100,000 passages changed: what is computed and written again, and how long against a full build?

The passages are paragraphs of real collections, one a document, encoded by the real model. Two layouts, in one home one
after the other: one collection of 100,000, and 100 collections of 1,000. In each, 1 % of the documents gets another
text: spread over all of them by a seeded choice, or all in one collection.

Usage: python -m benchmarks.builds.incremental --data ../shared/data [--passages 100000]
"""

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.recording import write_result
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.tenants import DEFAULT_TENANT
from indexing.commands.terminal import progress_bar
from indexing.home import Home, open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings

SEED = 20261124
COLLECTIONS = 100
_WORDS = range(12, 61)


def paragraphs(data: Path, wanted: int) -> list[Document]:
    """Different short texts of real collections, in a fixed order."""
    found: dict[str, None] = {}
    for name in ("mtrag_cloud", "scifact", "ray_docs", "k8s_docs", "cranfield"):
        with (data / name / "corpus.jsonl").open() as lines:
            for line in lines:
                for part in re.split(r"\n+|(?<=[.!?])\s+", json.loads(line)["text"]):
                    if len(part.split()) in _WORDS:
                        found.setdefault(part)
    texts = list(found)
    random.Random(SEED).shuffle(texts)
    if len(texts) < wanted:
        raise SystemExit(f"only {len(texts)} paragraphs: give a smaller --passages")
    return [Document(f"p{number:06}", "", text) for number, text in enumerate(texts[:wanted])]


def timed_build(home: Home) -> dict:
    with progress_bar() as progress:
        began = time.perf_counter()
        report = build(prepare_build(home, default_recipe(home), on_progress=progress))
        seconds = time.perf_counter() - began
    return {
        "passages": report.passages,
        "embeddings computed": report.embeddings_computed,
        "shards written": report.shards_written,
        "shards kept": report.shards_kept,
        "seconds": round(seconds, 1),
    }


def change(home: Home, where: Sequence[tuple[Partition, Document]]) -> None:
    for partition, document in where:
        put_documents(home.catalogue, partition, [replace(document, text=f"Changed: {document.text}")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--passages", type=int, default=100_000)
    arguments = parser.parse_args()
    documents = paragraphs(arguments.data, arguments.passages)
    hundredth = len(documents) // 100
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        home = open_home(Settings(), Path(name))
        home.models.copy_from(open_home(Settings()).models)
        one = Partition(DEFAULT_TENANT, "one")
        put_documents(home.catalogue, one, documents)
        result: dict = {"one collection, full build": timed_build(home)}
        change(home, [(one, document) for document in chance.sample(documents, hundredth)])
        result["one collection, 1 % changed, spread"] = timed_build(home)
        result["one collection, nothing changed"] = timed_build(home)
        remove_documents(home.catalogue, one, [document.id for document in documents])
        many = [
            (Partition(DEFAULT_TENANT, f"c{number:02}"), documents[number::COLLECTIONS])
            for number in range(COLLECTIONS)
        ]
        for partition, members in many:
            put_documents(home.catalogue, partition, members)
        result["100 collections, full build but for vectors"] = timed_build(home)
        everything = [(partition, document) for partition, members in many for document in members]
        change(home, chance.sample(everything, hundredth))
        result["100 collections, 1 % changed, spread"] = timed_build(home)
        partition, members = many[7]
        change(home, [(partition, replace(document, text=f"Again: {document.text}")) for document in members])
        result["100 collections, 1 % changed, one of them"] = timed_build(home)
        home.close()
    full = result["one collection, full build"]["seconds"]
    result["full build against 1 % changed"] = round(full / result["one collection, 1 % changed, spread"]["seconds"], 1)
    result["words a passage"] = round(sum(len(document.text.split()) for document in documents) / len(documents), 1)
    print(json.dumps(result, indent=1))
    write_result("incremental", result)


if __name__ == "__main__":
    main()
