"""What the leg check of a build costs beside the rest of a build from nothing, in CPU seconds by stage.

Each collection is built from nothing in a home of its own. Its check runs in turns as it is and as it was before small
words told English ("with detector always": each passage asked of the detector, which is loaded anew each time), so that
whatever else the machine does meets both alike. CPU seconds are those of the process, all threads.

Usage: python -m benchmarks.quality.leg_check_cost --data ../shared/data [--sets helpdesk] [--documents N] [--dry]
"""

import argparse
import contextlib
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder, take_models
from indexing.builds import build as builds
from indexing.builds import leg_check
from indexing.builds.context import BuildContext, prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.home import Home, open_home
from indexing.indexes import languages
from indexing.models.embedder import Embedder
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings
from indexing.sources.readers import open_source

SETS = ("helpdesk", "cranfield", "scifact")
TURNS = 3
"""Of each way, whose median counts; our choice."""
DOCUMENTS = 1_500
"""Of each collection at most: in a larger one the check's share is smaller. Our choice."""
WAYS = ("as it is", "with detector always")


class TimedEmbedder:
    """An embedder that counts the CPU seconds that it takes."""

    def __init__(self, embedder: Embedder, spent: Counter[str]) -> None:
        self._embedder, self._spent = embedder, spent

    def __getattr__(self, name: str) -> object:
        value = getattr(self._embedder, name)
        return timed(value, self._spent, "encoding") if name in ("encode_query", "encode_passages") else value


def timed(function: Callable, spent: Counter[str], stage: str) -> Callable:
    """``function``, whose CPU seconds are added to a stage."""

    def call(*arguments, **named):
        began = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[stage] += time.process_time() - began

    return call


def check_cost(context: BuildContext, arguments: Sequence[object], way: str) -> dict[str, float]:
    """The CPU seconds of one check, by stage; the detector is not loaded yet."""
    spent: Counter[str] = Counter()
    embedder = context.load_embedder()  # a build from nothing has it at hand
    context = replace(context, load_embedder=lambda: TimedEmbedder(embedder, spent))  # type: ignore[arg-type, return-value]
    languages.detector.cache_clear()
    with contextlib.ExitStack() as stack:
        if way != WAYS[0]:
            stack.enter_context(patch.object(languages, "is_plain_english", lambda text: None))
        stack.enter_context(
            patch.object(leg_check, "language_of", timed(languages.language_of, spent, "language of the samples"))
        )
        began = time.process_time()
        leg_check.check_legs(context, *arguments)
        total = time.process_time() - began
    loaded = languages.detector.cache_info().currsize
    return {"check": total, **spent, "rest of the check": total - sum(spent.values()), "detector loaded": loaded}


@contextlib.contextmanager
def measured_checks(costs: dict[str, list[dict[str, float]]], spent: Counter[str]) -> Iterator[None]:
    """Within it a build measures its check in turns, and ``spent`` holds what that took."""

    def check(context, *arguments):
        began = time.process_time()
        for _ in range(TURNS):
            for way in WAYS:
                costs.setdefault(way, []).append(check_cost(context, arguments, way))
        found = leg_check.check_legs(context, *arguments)
        spent["all checks"] += time.process_time() - began
        return found

    with patch.object(builds, "check_legs", check):
        yield


def measure_set(home: Home, documents: Sequence[Document], name: str) -> dict[str, object]:
    """One collection in a home that holds nothing else."""
    put_documents(home.catalogue, Partition("acme", name), documents)
    costs: dict[str, list[dict[str, float]]] = {}
    spent: Counter[str] = Counter()
    with measured_checks(costs, spent):
        began = time.process_time()
        report = builds.build(prepare_build(home, default_recipe(home)))
        without = time.process_time() - began - spent["all checks"]
    return {
        "passages": report.passages,
        "build without the check": round(without, 3),
        **{way: _summary(rounds, without) for way, rounds in costs.items()},
    }


def _summary(rounds: list[dict[str, float]], without: float) -> dict[str, float]:
    found = {
        stage: round(statistics.median(one.get(stage, 0.0) for one in rounds), 4)
        for stage in dict.fromkeys(stage for one in rounds for stage in one)
    }
    return found | {"share of a build from nothing": round(found["check"] / (without + found["check"]), 4)}


def measure(data: Path, sets: Sequence[str], documents_of_each: int, models: Path | None) -> dict[str, object]:
    """Each collection after the other."""
    result: dict[str, object] = {}
    for name in sets:
        read = open_source(corpus_folder(data, name), "beir").read()
        documents = [one for one in read if isinstance(one, Document)][:documents_of_each]
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.closing(open_home(Settings(home=Path(folder) / "home"))) as home,
        ):
            take_models(home, models)
            result[name] = measure_set(home, documents, name)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="Of each collection at most.")
    parser.add_argument("--models", type=Path, help="A home whose models to take, not the default one.")
    parser.add_argument("--dry", action="store_true", help="Write no result.")
    options = parser.parse_args()
    found = measure(options.data, options.sets, options.documents, options.models)
    result = {"documents of each at most": options.documents, **found}
    print(json.dumps(result, indent=1))
    if not options.dry:
        write_result("leg_check_cost", result)


if __name__ == "__main__":
    main()
