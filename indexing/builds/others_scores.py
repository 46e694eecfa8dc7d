"""How high a question of a leg check scores documents that it does not ask for."""

import math

import numpy as np

from indexing.indexes.bm25 import TermScores
from indexing.indexes.fusion import calibrate, fused_scores
from indexing.records import Rows, Vector
from indexing.releases.recipes import RetrievalConfig
from indexing.snapshots.partition_view import PartitionView

SHOWN = 10
"""Documents that are looked at, as many as a search shows. Source: our choice."""
_DEPTH = 50
"""Passages of each leg among which those are found. Source: our choice: enough for ten documents of five passages."""


def others_log_odds(
    retrieval: RetrievalConfig, view: PartitionView, vector: Vector, terms: TermScores, own: str
) -> float | None:
    """The mean log-odds, by the general hybrid curve, of the documents that a search shows beside one.

    Args:
        retrieval: The recipe's.
        view: The collection.
        vector: The question's.
        terms: Its lexical scores.
        own: The id of the document that is asked for.

    Returns:
        ``None`` where no other document is found.
    """
    numbers, rows = _candidates(view, vector, terms)
    lexical = terms.scores[rows - view.starts[numbers] + view.offsets[numbers]]
    dense = view.cosines(numbers, rows, vector)
    ids = np.array([view.document_id(*place) for place in zip(numbers.tolist(), rows.tolist(), strict=True)])
    names, documents = np.unique(ids, return_inverse=True)
    best = [np.full(len(names), -1.0, np.float32), np.zeros(len(names), np.float32)]
    for leg, scores in zip(best, (dense, lexical), strict=True):
        np.maximum.at(leg, documents, scores)
    fused = fused_scores(*best, max_score=terms.max_score, dense_weight=retrieval.dense_weight)
    shown = np.argsort(-fused, kind="stable")[:SHOWN]
    unknown = terms.unknown / terms.terms if terms.terms else 0.0
    scores = calibrate(retrieval.calibration["hybrid"], fused[shown], terms=terms.terms, unknown_share=unknown)
    others = [math.log(score / (1.0 - score)) for score in scores[names[shown] != own].tolist() if 0.0 < score < 1.0]
    return round(math.fsum(others) / len(others), 4) if others else None


def _candidates(view: PartitionView, vector: Vector, terms: TermScores) -> tuple[Rows, Rows]:
    """The best passages of each leg, each once: shard numbers and rows."""
    numbers, rows, _ = view.search(vector, _DEPTH)
    count = min(_DEPTH, len(terms.scores))
    best = np.argpartition(-terms.scores, count - 1)[:count]
    best = best[terms.scores[best] > 0.0]
    shards = np.searchsorted(view.offsets, best, "right") - 1
    found = np.concatenate([numbers << 32 | rows, shards << 32 | (best - view.offsets[shards] + view.starts[shards])])
    keys = np.unique(found)
    return keys >> 32, keys & 0xFFFFFFFF
