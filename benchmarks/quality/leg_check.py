"""What a leg that cannot read a collection costs, with fixed weights and by the leg check, and what the check takes.

Five collections made by templates, a hundred documents and questions each, and English ones of ../shared/data: what
each leg finds of its samples, nDCG@10 by mode with fixed weights and with the rule, and the check's share of a build
from nothing.

Usage: python -m benchmarks.quality.leg_check --data ../shared/data [--models HOME] [--dry]
"""

import argparse
import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.retrieval.retriever import Retriever
from app.serving.release import ServingRelease
from app.serving.release_opening import ReleaseOpener
from benchmarks.harness.language_collections import PHRASES, made_collection
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import take_models
from eval.datasets.query_sets import load_queryset
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.home import Home, open_home
from indexing.records import MODES, Partition
from indexing.releases.leg_rule import LegRule
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import RetrievalConfig
from indexing.settings import Settings
from indexing.snapshots.manifest import read_snapshot
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

ENGLISH_SETS = ("cranfield", "scifact")
QUERIES = 100
"""Of each collection of ../shared/data; our choice."""
DRAWS = 2_000
"""Of the bootstrap that compares hybrid with lexical search; our choice."""


def gains(serving: ServingRelease, partition: Partition, mode: str, asked: Mapping[str, tuple[str, set[str]]]):
    """nDCG@10 of each query, by the order of its id."""
    found = []
    for _, (query, relevant) in sorted(asked.items()):
        hits = Retriever().search(serving, partition, query, k=10, mode=mode).hits
        gain = sum(1 / np.log2(hit.rank + 1) for hit in hits if hit.passage.document_id in relevant)
        found.append(gain / sum(1 / np.log2(place + 2) for place in range(min(10, len(relevant)))))
    return np.array(found)


def interval(differences) -> list[float]:
    """The middle 95 % of the mean of ``differences`` by bootstrap."""
    rng = np.random.default_rng(0)
    means = differences[rng.integers(0, len(differences), (DRAWS, len(differences)))].mean(axis=1)
    return [round(float(end), 4) for end in np.quantile(means, [0.025, 0.975])]


def fill(home: Home, data: Path) -> dict[Partition, dict[str, tuple[str, set[str]]]]:
    """Put every collection into a home; gives what is asked of each."""
    asked = {}
    for language in PHRASES:
        made, partition = made_collection(language), Partition("acme", language)
        put_documents(home.catalogue, partition, made.documents)
        asked[partition] = {name: (question, {name}) for name, question in made.questions.items()}
    for name in ENGLISH_SETS:
        if (data / name).is_dir():
            partition, queryset = Partition("acme", name), load_queryset(data / name)
            ingest(home.catalogue, open_source(data / name, "beir"), partition)
            asked[partition] = {
                query: (queryset.queries[query], {one for one, grade in queryset.qrels[query].items() if grade > 0})
                for query in sorted(queryset.queries)[:QUERIES]
            }
    return asked


def measure(home: Home, data: Path) -> dict[str, object]:
    asked = fill(home, data)
    default = default_recipe(home)
    ruled, fixed = (
        replace(default, retrieval=retrieval) for retrieval in (RetrievalConfig(leg_rule=LegRule()), RetrievalConfig())
    )
    reports = [build(prepare_build(home, recipe)) for recipe in (ruled, fixed)]
    opened = [ReleaseOpener(home).open(report.release) for report in reports]
    legs = {one.partition: one for one in read_snapshot(home.storage, reports[0].release.snapshot).legs}
    collections = {}
    for partition, questions in asked.items():
        found = {mode: gains(opened[0], partition, mode, questions) for mode in MODES}
        before = gains(opened[1], partition, "hybrid", questions)
        collections[partition.collection] = {
            "counts": {code: counts.to_json() for code, counts in legs[partition].languages.items()},
            "dense weight": opened[0].dense_weight(partition),
            "nDCG@10": {mode: round(float(gain.mean()), 4) for mode, gain in found.items()},
            "nDCG@10 hybrid with fixed weights": round(float(before.mean()), 4),
            "hybrid less lexical": interval(found["hybrid"] - found["lexical"]),
            "hybrid less lexical with fixed weights": interval(before - found["lexical"]),
            "the same as with fixed weights": bool((found["hybrid"] == before).all()),
        }
    return {
        "collections": collections,
        "warnings": list(reports[0].warnings),
        "weight changes": list(reports[0].weight_changes),
        "passages": reports[0].passages,
        "build from nothing s": round(reports[0].seconds, 2),
        "check s": round(reports[0].leg_check_seconds, 2),
        "check's share of the build": round(reports[0].leg_check_seconds / reports[0].seconds, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, help="A home whose models to take, not the default one.")
    parser.add_argument("--dry", action="store_true", help="Write no result.")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(open_home(Settings(home=Path(folder) / "home"))) as home,
    ):
        take_models(home, options.models)
        result = measure(home, options.data)
    if options.dry:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        write_result("leg_check", result)


if __name__ == "__main__":
    main()
