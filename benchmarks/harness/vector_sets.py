"""Vectors for the benchmarks of indexes: those of real collections, and a million made from them.

A made vector is a real one moved by 0.4 times the difference of two other real ones, and set to unit norm again: noise
along the directions in which real texts differ. With 0.4 the made set is as crowded as the real ones (median cosine of
the 10th neighbour 0.646, in the real ones 0.650). Queries are never made: they are the collections' own.
"""

import json
from pathlib import Path

import numpy as np

from benchmarks.harness.scratch_homes import corpus_folder
from eval.experiments.targets import Choices, scratch_collection
from indexing.home import Home
from indexing.records import Vectors

MOVE = 0.4
_QUERIES = {
    "mtrag_cloud": "queries.jsonl",
    "scifact": "queries.jsonl",
    "ray_docs": "queries_synthetic.jsonl",
    "cranfield": "queries.jsonl",
    "helpdesk": "queries.jsonl",
}
_MOST_QUERIES = 400
_BATCH = 50_000


def real_sets(home: Home, data: Path) -> dict[str, tuple[Vectors, Vectors]]:
    """Passage vectors and query vectors of each collection, by the default recipe."""
    found = {}
    for name, queries in _QUERIES.items():
        folder = corpus_folder(data, name)
        with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
            view = serving.snapshot.view(partition)
            passages = np.concatenate([shard.vectors(np.arange(shard.rows)) for shard in view.shards])
            texts = [json.loads(line)["text"] for line in (folder / queries).open()][:_MOST_QUERIES]
            found[name] = passages, np.stack([serving.embedder.encode_query(text) for text in texts])
    return found


def made_vectors(real: Vectors, rows: int, *, seed: int = 0) -> Vectors:
    """``rows`` vectors like ``real``; the first ones are the same for every ``rows``."""
    chance = np.random.default_rng(seed)
    made = np.empty((rows, real.shape[1]), np.float32)
    for start in range(0, rows, _BATCH):
        count = min(_BATCH, rows - start)
        first, second, third = (real[chance.integers(0, len(real), _BATCH)[:count]] for _ in range(3))
        moved = first + np.float32(MOVE) * (second - third)
        made[start : start + count] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return made


def exact_neighbours(vectors: Vectors, queries: Vectors, k: int) -> list[set[int]]:
    """The rows of the ``k`` nearest vectors of each query."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.zeros((len(queries), k), np.int64)
    for start in range(0, len(vectors), 2 * _BATCH):
        scores = queries @ vectors[start : start + 2 * _BATCH].T
        some = np.argpartition(-scores, min(k, scores.shape[1] - 1), axis=1)[:, :k]
        both = np.concatenate([best, np.take_along_axis(scores, some, 1)], axis=1)
        places = np.concatenate([rows, some + start], axis=1)
        order = np.argsort(-both, axis=1)[:, :k]
        best, rows = np.take_along_axis(both, order, 1), np.take_along_axis(places, order, 1)
    return [set(row.tolist()) for row in rows]
