"""Do new recipes answer as well as those of before? Both over the same collections in the same run, in every mode.

Before: passages without the heading rows of tables, words without parts and forms, no rule that lets a leg lose its
weight. Now: what a new recipe has. Each collection is built twice in one home, so that passages that stayed the same
are encoded once; nDCG@10 is compared query by query (randomisation test, 95 % bootstrap interval).

Usage: nice python -m benchmarks.quality.new_defaults [--data ../shared/data] [--home .groundwork] [--collections ...]
Writes benchmarks/results/new_defaults.json.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder, take_models
from eval.datasets.query_sets import load_queryset
from eval.experiments.comparison import compare
from eval.experiments.evaluations import evaluate
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.features.views import FIRST_CONVERSATION, FIRST_PASSAGES, lexical_view
from indexing.home import Home, open_home
from indexing.records import MODES, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import Recipe
from indexing.settings import Settings
from indexing.sources.ingest import ingest
from indexing.sources.readers import open_source

COLLECTIONS = ("helpdesk", "cranfield", "ray_docs", "scifact", "mtrag_cloud")


def before(home: Home) -> Recipe:
    """The default recipe as it was before issue 13."""
    now = default_recipe(home)
    return replace(
        now,
        passage=FIRST_PASSAGES,
        lexical=lexical_view(now.lexical.language, 1),
        conversation=FIRST_CONVERSATION,
        retrieval=replace(now.retrieval, leg_rule=None),
    )


def measured(folder: Path, models: Path) -> dict:
    """One collection under both recipes: seconds and bytes of the builds, and what the comparison says by mode."""
    with tempfile.TemporaryDirectory() as place:
        home = open_home(Settings(home=Path(place)))
        take_models(home, models)
        partition = Partition("default", "collection")
        ingest(home.catalogue, open_source(folder / "corpus.jsonl", "jsonl"), partition)
        query_set, found, releases = load_queryset(folder), {}, {}
        for name, recipe in (("before", before(home)), ("now", default_recipe(home))):
            began = time.perf_counter()
            report = build(prepare_build(home, recipe))
            releases[name] = report.release
            size = sum(path.stat().st_size for path in (Path(place) / "shards").rglob("*") if path.is_file())
            seconds = round(time.perf_counter() - began, 1)
            found[name] = {"seconds": seconds, "embeddings": report.embeddings_computed, "bytes": size}
        found["now"]["bytes"] -= found["before"]["bytes"]
        for mode in MODES:
            recipes = [release.recipe for release in releases.values()]
            old, new = (evaluate(home, one, query_set, mode=mode, partition=partition) for one in recipes)
            told = compare(old, new, query_set)
            if told.interval is None or told.p is None:
                raise SystemExit(f"{folder.name}: the two cannot be compared: {'; '.join(told.why_not)}")
            found[mode] = {
                "before": round(told.mean_a, 4),
                "now": round(told.mean_b, 4),
                "interval": [round(end, 4) for end in told.interval],
                "p": round(told.p, 4),
            }
        home.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--home", type=Path, default=Path(".groundwork"), help="Whose models are used.")
    parser.add_argument("--collections", nargs="+", default=COLLECTIONS, choices=COLLECTIONS)
    parser.add_argument("--dry", action="store_true", help="Print, and write no result.")
    options = parser.parse_args()
    result = {}
    for name in options.collections:
        result[name] = measured(corpus_folder(options.data, name), options.home)
        print(json.dumps({name: result[name]}), flush=True)
    if not options.dry:
        write_result("new_defaults", result)


if __name__ == "__main__":
    main()
