"""How good are the answers? Five collections by the default recipe, and SciFact as published, by the API's retriever.

Also counts what a second build of SciFact computes and writes, and how long it takes.

Usage: python -m benchmarks.search.quality --data ../shared/data
"""

import argparse
import time
from pathlib import Path

from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder
from eval.datasets.query_sets import load_queryset
from eval.experiments.experiment import run_experiment
from eval.experiments.statistics import bootstrap_interval
from eval.experiments.targets import Choices, LocalSearcher, scratch_collection, scratch_path
from eval.reports.tables import print_results
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.commands.terminal import progress_bar
from indexing.home import open_home
from indexing.records import MODES
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings

SETS = ("scifact", "ray_docs", "mtrag_cloud", "cranfield", "helpdesk")


def measure(home, folder: Path, choices: Choices, modes) -> dict:
    queryset = load_queryset(folder)
    with (
        progress_bar() as progress,
        scratch_collection(home, folder, choices, on_progress=progress) as (serving, where),
    ):
        searcher = LocalSearcher(serving, where)
        experiment = run_experiment(queryset, searcher, modes=modes, k=100, inputs=searcher.inputs())
    print_results(experiment)
    return {
        "queries": experiment.queries,
        "passages": serving.snapshot.manifest.rows,
        "shards": len(serving.snapshot.manifest.shards),
        "recipe": serving.recipe.fingerprint[:16],
        "modes": {
            mode: {
                **{measure: round(value, 4) for measure, value in result.means.items()},
                "nDCG@10 interval": [
                    round(end, 4) for end in bootstrap_interval(list(result.per_query["nDCG@10"].values()), seed=0)
                ],
            }
            for mode, result in experiment.modes.items()
        },
    }


def second_build(home, folder: Path) -> dict:
    """Build SciFact's scratch home again, unchanged."""
    with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None):
        pass
    path = scratch_path(home, folder)
    scratch = open_home(home.settings, path)
    began = time.perf_counter()
    report = build(prepare_build(scratch, default_recipe(scratch)))
    seconds = time.perf_counter() - began
    scratch.close()
    return {
        "embeddings_computed": report.embeddings_computed,
        "shards_written": report.shards_written,
        "seconds": round(seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    home = open_home(Settings())
    result = {}
    for precision in ("fp32", "int8"):
        choices = Choices(view="first-256", precision=precision)
        result[f"scifact, first-256, {precision}"] = measure(home, data / "scifact", choices, ("dense",))
    for name in SETS:
        folder = corpus_folder(data, name)
        result[name] = measure(home, folder, Choices(), MODES)
    result["second build of scifact"] = second_build(home, data / "scifact")
    write_result("quality", result)


if __name__ == "__main__":
    main()
