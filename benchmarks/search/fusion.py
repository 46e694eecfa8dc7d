"""Which fusion, weight, BM25 constants and calibration? Chosen on train and dev judgments, never on test.

Usage: python -m benchmarks.search.fusion --data ../shared/data
Writes benchmarks/results/fusion.json. The winner's constants are the defaults of
indexing.releases.recipes.RetrievalConfig.
"""

import argparse
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from app.retrieval.candidates import best_of_legs, candidate_rows, score_candidates
from app.serving.release import ServingRelease
from benchmarks.harness.recording import write_result
from benchmarks.harness.scratch_homes import corpus_folder
from eval.datasets.query_sets import QuerySet, load_queryset
from eval.experiments.measures import run_from_ranking, score_run
from eval.experiments.targets import Choices, scratch_collection
from indexing.home import open_home
from indexing.indexes.bm25 import Bm25
from indexing.records import Partition
from indexing.releases.recipes import RetrievalConfig
from indexing.settings import Settings
from indexing.telemetry import StageTimings

SETS = (
    ("scifact", "train", "queries.jsonl", None),
    ("ray_docs", "synthetic", "queries_synthetic.jsonl", 600),
    ("helpdesk", "dev", "queries.jsonl", None),
)
WEIGHTS = [round(0.05 * step, 2) for step in range(21)]
CONSTANTS = ((0.9, 0.4), (1.2, 0.6), (1.2, 0.75), (1.5, 0.75))
CHOSEN = (1.2, 0.75)
ABSOLUTE = "absolute (cosine and share of bound)"


@dataclass
class Pool:
    """One query's candidates: document ids, both raw scores, the lexical bound."""

    documents: list[str]
    dense: np.ndarray
    lexical: np.ndarray
    bound: float


def pools(
    serving: ServingRelease, partition: Partition, queries: dict[str, str], bm25: Bm25, vectors: dict
) -> dict[str, Pool]:
    view = serving.snapshot.view(partition)
    found = {}
    for query_id, text in queries.items():
        if query_id not in vectors:
            vectors[query_id] = serving.embedder.encode_query(text)
        scores, bound = bm25.scores(view.segments, serving.analyser.query_weights(text))
        keys = best_of_legs(view, vectors[query_id], scores, RetrievalConfig().candidates, StageTimings()).keys
        c = score_candidates(view, candidate_rows(view, keys, grouped=True), vectors[query_id], scores)
        ids = [view.passage(int(n), int(r)).document_id for n, r in zip(c.numbers, c.rows, strict=True)]
        found[query_id] = Pool(ids, c.dense, c.lexical, bound)
    return found


def by_document(pool: Pool) -> Pool:
    """The best cosine and the best BM25 of each document's candidates, which need not be of one passage."""
    places = {document: place for place, document in enumerate(dict.fromkeys(pool.documents))}
    dense, lexical = np.full(len(places), -1.0, np.float32), np.zeros(len(places), np.float32)
    for place, d, x in zip((places[i] for i in pool.documents), pool.dense, pool.lexical, strict=True):
        dense[place], lexical[place] = max(dense[place], d), max(lexical[place], x)
    return Pool(list(places), dense, lexical, pool.bound)


def rank(pool: Pool, scores: np.ndarray) -> dict[str, float]:
    seen = dict.fromkeys(pool.documents[i] for i in np.argsort(-scores, kind="stable"))
    return run_from_ranking(list(seen)[:100])


def reciprocal_ranks(scores: np.ndarray, k: int = 60) -> np.ndarray:
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return np.where(scores > 0, 1.0 / (k + ranks), 0.0)


def min_max(scores: np.ndarray) -> np.ndarray:
    spread = scores.max() - scores.min()
    return (scores - scores.min()) / spread if spread > 0 else np.zeros_like(scores)


def share(pool: Pool) -> np.ndarray:
    return pool.lexical / pool.bound if pool.bound else pool.lexical


FUSIONS = {
    "min-max": lambda p, w: w * min_max(p.dense) + (1 - w) * min_max(p.lexical),
    "reciprocal rank (60)": lambda p, w: w * reciprocal_ranks(p.dense) + (1 - w) * reciprocal_ranks(p.lexical),
    ABSOLUTE: lambda p, w: w * p.dense + (1 - w) * share(p),
    "theoretical minimum, query maximum": lambda p, w: (
        w * (p.dense + 1) / (p.dense.max() + 1) + (1 - w) * p.lexical / max(p.lexical.max(), 1e-9)
    ),
}


def ndcg(queryset: QuerySet, found: dict[str, Pool], scores_of) -> float:
    run = {query_id: rank(pool, scores_of(pool)) for query_id, pool in found.items()}
    return score_run(queryset.qrels, run).means["nDCG@10"]


def calibration(queryset_pools: list, weight: float) -> dict[str, list[float]]:
    """Logistic fits of 'this document is relevant' on the pooled candidates of all sets, sets weighted alike."""
    from sklearn.linear_model import LogisticRegression

    fits = {}
    for mode, w in (("dense", 1.0), ("lexical", 0.0), ("hybrid", weight)):
        values, labels, sample_weights = [], [], []
        for queryset, found in queryset_pools:
            for query_id, pool in found.items():
                ordering = FUSIONS[ABSOLUTE](pool, w)
                for i in np.argsort(-ordering)[:100]:
                    values.append([ordering[i]])
                    labels.append(int(queryset.qrels[query_id].get(pool.documents[i], 0) > 0))
                    sample_weights.append(200.0 / len(found))
        fit = LogisticRegression(C=100.0, max_iter=1000).fit(values, labels, sample_weight=np.array(sample_weights))
        fits[mode] = [round(float(fit.intercept_[0]), 3), round(float(fit.coef_[0][0]), 3)]
    return fits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    home = open_home(Settings())
    results, everything = {}, []
    for name, split, queries_file, limit in SETS:
        folder = corpus_folder(data, name)
        full = load_queryset(folder, split, queries_file)
        ids = random.Random(0).sample(sorted(full.queries), limit) if limit else list(full.queries)
        queries, qrels = {i: full.queries[i] for i in ids}, {i: full.qrels[i] for i in ids}
        queryset = QuerySet(full.name, queries, qrels, full.fingerprint)
        by_constants = {}
        with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
            vectors: dict = {}
            for k1, b in CONSTANTS:
                found = pools(serving, partition, queryset.queries, Bm25(k1, b), vectors)
                by_constants[f"k1={k1} b={b}"] = {
                    f"{level}, {fusion}": {
                        str(w): round(ndcg(queryset, pooled, partial(scores, w=w)), 4) for w in WEIGHTS
                    }
                    for level, pooled in (
                        ("passages", found),
                        ("documents", {q: by_document(p) for q, p in found.items()}),
                    )
                    for fusion, scores in FUSIONS.items()
                }
                if (k1, b) == CHOSEN:
                    everything.append((queryset, {q: by_document(p) for q, p in found.items()}))
        results[name] = {"split": split, "queries": len(ids), "nDCG@10 by dense weight": by_constants}
        print(name, "done")
    best = {
        f"{constants}, {fusion}, {w}": round(
            float(np.mean([r["nDCG@10 by dense weight"][constants][fusion][w] for r in results.values()])), 4
        )
        for constants in by_constants
        for fusion in by_constants[constants]
        for w in map(str, WEIGHTS)
    }
    best = dict(sorted(best.items(), key=lambda item: -item[1])[:25])
    for setting, value in best.items():
        print(f"{value:.4f}  {setting}")
    write_result(
        "fusion",
        {
            "sets": results,
            "best mean nDCG@10": best,
            "calibration": {str(w): calibration(everything, w) for w in (0.4, 0.45, 0.5)},
        },
    )


if __name__ == "__main__":
    main()
