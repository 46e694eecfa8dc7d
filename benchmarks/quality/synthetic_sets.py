"""Does a synthetic query set tell which of two searches is better? Held against the judgments of persons.

For each collection: the judged set and a synthetic one, both searched in three modes by the default recipe. For each
pair of modes: the mean difference of nDCG@10 on either set with its 95 % interval, and whether both point the same way.

Usage: python -m benchmarks.quality.synthetic_sets --data ../shared/data --sets helpdesk cranfield ray_docs
"""

import argparse
from itertools import combinations
from pathlib import Path

from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder
from eval.datasets.query_sets import QuerySet, load_queryset
from eval.datasets.stored_sets import read_query_set
from eval.datasets.synthesis import synthesise
from eval.experiments.experiment import run_experiment
from eval.experiments.statistics import bootstrap_interval
from eval.experiments.targets import Choices, LocalSearcher, scratch_collection, scratch_path
from indexing.commands.models import ensure_model
from indexing.home import open_home
from indexing.records import MODES, Partition
from indexing.settings import Settings

SETS = ("helpdesk", "cranfield", "ray_docs")
MEASURE = "nDCG@10"
COUNT = 300
"""Queries of a synthetic set."""


def scores(query_set: QuerySet, searcher, inputs) -> dict[str, dict[str, float]]:
    """What each mode scored, by query."""
    experiment = run_experiment(query_set, searcher, modes=MODES, k=100, inputs=inputs)
    return {mode: result.per_query[MEASURE] for mode, result in experiment.modes.items()}


def difference(by_mode: dict[str, dict[str, float]], one: str, other: str) -> dict:
    """The mean of one mode less that of another, over the same queries, with its 95 % interval and what it shows."""
    values = [by_mode[one][query] - by_mode[other][query] for query in by_mode[one]]
    low, high = bootstrap_interval(values, seed=0)
    shown = "better" if low > 0 else "worse" if high < 0 else "no difference shown"
    return {"mean": round(sum(values) / len(values), 4), "interval": [round(low, 4), round(high, 4)], "shows": shown}


def compare(judged: dict, made: dict) -> list[dict]:
    """For each pair of modes what either set shows, and whether they agree."""
    rows = []
    for one, other in combinations(MODES, 2):
        by_persons, by_documents = difference(judged, one, other), difference(made, one, other)
        shown = {by_persons["shows"], by_documents["shows"]}
        verdict = "agree" if len(shown) == 1 else "contradict" if shown == {"better", "worse"} else "one shows nothing"
        rows.append(
            {"pair": f"{one} against {other}", "judged": by_persons, "synthetic": by_documents, "says": verdict}
        )
    return rows


def measure(home, folder: Path, count: int = COUNT) -> dict:
    """One collection."""
    with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, where):
        scratch = open_home(home.settings, scratch_path(home, folder))
        try:
            synthesise(
                scratch, "made", Partition(where.tenant, where.collection), count=count, actor="bench", again=True
            )
            made = read_query_set(scratch, "made", split=None)
        finally:
            scratch.close()
        searcher = LocalSearcher(serving, where)
        by_documents = scores(made, searcher, searcher.inputs())
        by_persons = scores(load_queryset(folder), searcher, searcher.inputs())
    makers = sorted({one["made_of"] for one in made.slices.values()})
    return {
        "queries": {"judged": len(by_persons[MODES[0]]), "synthetic": len(made.queries)},
        MEASURE: {
            "judged": {mode: _mean(values) for mode, values in by_persons.items()},
            "synthetic": {mode: _mean(values) for mode, values in by_documents.items()},
            "synthetic by what it is made of": {
                maker: {
                    mode: _mean(
                        {query: score for query, score in values.items() if made.slices[query]["made_of"] == maker}
                    )
                    for mode, values in by_documents.items()
                }
                for maker in makers
            },
        },
        "pairs": compare(by_persons, by_documents),
    }


def _mean(values: dict[str, float]) -> float:
    return round(sum(values.values()) / len(values), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", default=SETS)
    options = parser.parse_args()
    home = open_home(Settings())
    ensure_model(home)
    write_result("synthetic_sets", {name: measure(home, corpus_folder(options.data, name)) for name in options.sets})


if __name__ == "__main__":
    main()
