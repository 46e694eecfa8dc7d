"""Are words found better with their parts and forms? Lexical algorithm 1 against 2: answers, index, build and search.

Words alone, over whole documents: the collections of ``--data``, this repository's functions (asked for by the first
line of their docstrings), and made help pages in Chinese, Japanese and Thai. With ``--home``, whose scratch homes hold
the vectors of a collection, also whole builds of both recipes and searches in every mode.

Each difference is tested by randomization over queries (two-sided). Seconds of analysis are those of one core. Search
times are medians of each query's fastest of three searches.

Usage: python -m benchmarks.search.words --data ../shared/data [--home .groundwork --whole scifact mtrag_cloud] [--dry]
"""

import argparse
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from app.retrieval.retriever import Retriever
from app.serving.release_opening import ReleaseOpener
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder
from benchmarks.harness.word_collections import LANGUAGES, code, corpus, pages
from eval.datasets.query_sets import load_queryset
from eval.experiments.measures import Scores, run_from_ranking, score_run
from eval.experiments.statistics import paired_test
from eval.experiments.targets import scratch_path
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.features.views import lexical_view
from indexing.home import Home, open_home
from indexing.indexes.analysers import analyser_of
from indexing.indexes.bm25 import Bm25
from indexing.indexes.postings import LexicalSegment, build_postings
from indexing.records import MODES, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.releases.recipes import RetrievalConfig
from indexing.settings import Settings

SETS = ("scifact", "ray_docs", "cranfield", "mtrag_cloud", "helpdesk")
ALGORITHMS = (1, 2)
_MEASURE = "nDCG@10"
_FEW = 600
"""Functions of a dry run. Our choice: enough that the difference is no chance, in a fifth of the time of all."""
Judged = Mapping[str, Mapping[str, int]]


def words_alone(texts: Mapping[str, str], queries: Mapping[str, str], qrels: Judged, languages: tuple[str, str]):
    """Both algorithms over whole texts; ``languages`` is that of each."""
    scores, found = {}, {}
    for algorithm, language in zip(ALGORITHMS, languages, strict=True):
        analyser = analyser_of(language, algorithm)
        began = time.process_time()
        passages = [analyser.passage_terms(text) for text in texts.values()]
        seconds = time.process_time() - began
        arrays, ranges = build_postings([passages])
        segment, ids = LexicalSegment(arrays, ranges[0], 0, len(texts)), list(texts)
        bm25, run = Bm25(RetrievalConfig().bm25_k1, RetrievalConfig().bm25_b), {}
        for query_id in qrels:
            text = queries[query_id]
            values, _ = bm25.scores([segment], analyser.query_weights(text) or analyser.stop_weights(text))
            best = np.argsort(-values, kind="stable")[:100]
            run[query_id] = run_from_ranking([ids[i] for i in best if values[i] > 0])
        scores[algorithm] = score_run(qrels, run)
        size = sum(array.nbytes for array in arrays.values())
        found[algorithm] = {"analysis_s": round(seconds, 2), "postings_bytes": size, "language": language}
    return {"documents": len(texts), "queries": len(qrels), **_compared(scores, found)}


def _compared(scores: Mapping[int, Scores], besides: Mapping[int, dict]) -> dict:
    before, after = (list(scores[algorithm].per_query[_MEASURE].values()) for algorithm in ALGORITHMS)
    test = paired_test(before, after)
    means = {
        f"algorithm {algorithm}": {_MEASURE: round(scores[algorithm].means[_MEASURE], 4), **besides[algorithm]}
        for algorithm in ALGORITHMS
    }
    return {**means, "difference": round(test.difference, 4), "p": round(test.p, 4)}


def whole(home: Home, folder: Path) -> dict:
    """Builds of both recipes in a collection's scratch home, which has the vectors, and searches in every mode."""
    queryset, opened, builds = load_queryset(folder), {}, {}
    with contextlib.closing(open_home(home.settings, scratch_path(home, folder), create=False)) as scratch:
        recipe = default_recipe(scratch)
        for algorithm in ALGORITHMS:
            began = time.perf_counter()
            report = build(prepare_build(scratch, replace(recipe, lexical=lexical_view("english", algorithm))))
            opened[algorithm] = ReleaseOpener(scratch).open(report.release)
            builds[algorithm] = {
                "build_with_vectors_s": round(time.perf_counter() - began, 1),
                "index_bytes": opened[algorithm].snapshot.manifest.size_bytes,
                "passages": opened[algorithm].snapshot.manifest.rows,
            }
        (partition,) = opened[2].snapshot.partitions
        modes = {mode: _searched(opened, partition, queryset, mode) for mode in MODES}
    return {"builds": builds, "modes": modes}


def _searched(opened, partition: Partition, queryset, mode: str) -> dict:
    retriever, scores, times = Retriever(), {}, {}
    runs: dict[int, dict] = {algorithm: {} for algorithm in ALGORITHMS}
    fastest: dict[int, list[float]] = {algorithm: [] for algorithm in ALGORITHMS}
    for query_id in queryset.qrels:
        query = queryset.queries[query_id]
        for algorithm in ALGORITHMS:
            taken = []
            for _ in range(3):
                result = retriever.search(opened[algorithm], partition, query, k=100, mode=mode)
                taken.append(result.timings_ms["total"])
            fastest[algorithm].append(min(taken))
            runs[algorithm][query_id] = run_from_ranking([hit.passage.document_id for hit in result.hits])
    for algorithm in ALGORITHMS:
        scores[algorithm] = score_run(queryset.qrels, runs[algorithm])
        times[algorithm] = {"search_ms": round(median(fastest[algorithm]), 3)}
    return _compared(scores, times)


def _made(collection, languages: tuple[str, str]) -> dict:
    texts = {str(number): text for number, text in enumerate(collection.texts)}
    queries = {str(number): text for number, text in enumerate(collection.queries)}
    return words_alone(texts, queries, {number: {number: 1} for number in queries}, languages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--home", type=Path)
    parser.add_argument("--whole", nargs="*", default=["scifact", "mtrag_cloud"])
    parser.add_argument("--dry", action="store_true", help="only what is made here, of few functions; write no result")
    options = parser.parse_args()
    result: dict[str, dict] = {"made": {name: _made(pages(name), ("none", name)) for name in LANGUAGES}}
    result["made"]["code"] = _made(code(Path(), _FEW if options.dry else None), ("english", "english"))
    if not options.dry:
        result["words alone"] = {}
        for name in SETS:
            folder = corpus_folder(options.data, name)
            queryset = load_queryset(folder)
            found = words_alone(corpus(folder), queryset.queries, queryset.qrels, ("english", "english"))
            result["words alone"][name] = found
        if options.home is not None:
            with contextlib.closing(open_home(Settings(home=options.home), create=False)) as home:
                result["whole"] = {name: whole(home, corpus_folder(options.data, name)) for name in options.whole}
        write_result("words", result)
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
