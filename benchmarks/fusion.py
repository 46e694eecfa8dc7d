"""Which fusion, weight, BM25 constants and calibration? Chosen on train and dev judgments, never on test.

Usage: python benchmarks/fusion.py --data ../shared/data
Writes benchmarks/results/fusion.json. The winner's constants are the defaults of indexing.recipes.RetrievalConfig.
"""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from recording import write_result
from sklearn.linear_model import LogisticRegression

from app.retrieval.fusion import min_max
from app.retrieval.retriever import _gather
from app.retrieval.snapshot_pool import ServingRelease
from eval.collection import Choices, scratch_collection
from eval.measures import run_from_ranking, score_run
from eval.querysets import QuerySet, load_queryset
from indexing.home import open_home
from indexing.lexical import Bm25
from indexing.records import Partition
from indexing.settings import Settings
from indexing.telemetry import StageTimings

SETS = (
    ("scifact", "train", "queries.jsonl", None),
    ("ray_docs", "synthetic", "queries_synthetic.jsonl", 600),
    ("helpdesk", "dev", "queries.jsonl", None),
)
WEIGHTS = [round(0.1 * step, 1) for step in range(11)]


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
        scores, bound = bm25.scores(view.segments, serving.analyser.terms(text))
        c = _gather(view, vectors[query_id], scores, 100, StageTimings())
        ids = [view.passage(int(n), int(r)).document_id for n, r in zip(c.numbers, c.rows, strict=True)]
        found[query_id] = Pool(ids, c.dense, c.lexical, bound)
    return found


def rank(pool: Pool, scores: np.ndarray) -> dict[str, float]:
    seen = dict.fromkeys(pool.documents[i] for i in np.argsort(-scores, kind="stable"))
    return run_from_ranking(list(seen)[:100])


def reciprocal_ranks(scores: np.ndarray, k: int = 60) -> np.ndarray:
    ranks = np.empty(len(scores))
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return np.where(scores > 0, 1.0 / (k + ranks), 0.0)


def share(pool: Pool) -> np.ndarray:
    return pool.lexical / pool.bound if pool.bound else pool.lexical


FUSIONS = {
    "min-max": lambda p, w: w * min_max(p.dense) + (1 - w) * min_max(p.lexical),
    "reciprocal rank (60)": lambda p, w: w * reciprocal_ranks(p.dense) + (1 - w) * reciprocal_ranks(p.lexical),
    "absolute (cosine and share of bound)": lambda p, w: w * p.dense + (1 - w) * share(p),
    "theoretical minimum, query maximum": lambda p, w: (
        w * (p.dense + 1) / (p.dense.max() + 1) + (1 - w) * p.lexical / max(p.lexical.max(), 1e-9)
    ),
}


def ndcg(queryset: QuerySet, found: dict[str, Pool], scores_of) -> float:
    run = {query_id: rank(pool, scores_of(pool)) for query_id, pool in found.items()}
    return score_run(queryset.qrels, run).means["nDCG@10"]


def calibration(queryset_pools: list, weight: float) -> dict[str, list[float]]:
    """Logistic fits of 'this document is relevant' on the pooled candidates of all sets, sets weighted alike."""
    features = {"dense": [], "lexical": [], "hybrid": []}
    labels, sample_weights = [], []
    for queryset, found in queryset_pools:
        for query_id, pool in found.items():
            relevant = queryset.qrels[query_id]
            fused = FUSIONS["min-max"](pool, weight)
            keep = np.argsort(-fused)[:20]
            s = share(pool)
            for i in keep:
                features["dense"].append([pool.dense[i]])
                features["lexical"].append([s[i]])
                features["hybrid"].append([fused[i], pool.dense.max(), s.max()])
                labels.append(int(relevant.get(pool.documents[i], 0) > 0))
                sample_weights.append(1.0 / len(found))
    fits = {}
    for mode, values in features.items():
        fit = LogisticRegression(C=100.0, max_iter=1000).fit(
            values, labels, sample_weight=np.array(sample_weights) * 200
        )
        fits[mode] = [round(float(fit.intercept_[0]), 3), *(round(float(c), 3) for c in fit.coef_[0])]
    return fits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    home = open_home(Settings())
    results, everything = {}, []
    for name, split, queries_file, limit in SETS:
        folder = Path("corpora") / name if (Path("corpora") / name).is_dir() else data / name
        queryset = load_queryset(folder, split, queries_file)
        ids = sorted(queryset.queries)
        if limit:
            ids = random.Random(0).sample(ids, limit)
        queryset = QuerySet(
            queryset.name,
            {i: queryset.queries[i] for i in ids},
            {i: queryset.qrels[i] for i in ids},
            queryset.fingerprint,
        )
        with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
            vectors: dict = {}
            constants = {}
            for k1, b in ((0.9, 0.4), (1.2, 0.75), (1.5, 0.75), (1.2, 0.4)):
                found = pools(serving, partition, queryset.queries, Bm25(k1, b), vectors)
                constants[f"k1={k1} b={b}"] = {
                    "lexical": ndcg(queryset, found, lambda p: p.lexical),
                    "hybrid 0.6": ndcg(queryset, found, lambda p: FUSIONS["min-max"](p, 0.6)),
                }
            found = pools(serving, partition, queryset.queries, Bm25(1.2, 0.75), vectors)
        everything.append((queryset, found))
        results[name] = {
            "split": split,
            "queries": len(ids),
            "bm25": constants,
            "nDCG@10 by dense weight": {
                fusion: {str(w): ndcg(queryset, found, lambda p, f=f, w=w: f(p, w)) for w in WEIGHTS}
                for fusion, f in FUSIONS.items()
            },
        }
        print(name, results[name])
    fits = {str(w): calibration(everything, w) for w in (0.5, 0.6, 0.7)}
    write_result("fusion", {"sets": results, "calibration": fits})


if __name__ == "__main__":
    main()
