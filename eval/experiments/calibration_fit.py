"""Fitting the scores of a collection to its judgments: how its general curves are moved, and how well that does."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from app.retrieval.retriever import Retriever
from app.serving.release import ServingRelease
from eval.datasets.query_sets import QuerySet
from eval.experiments.reliability import JudgedHit, Reliability, reliability
from indexing.errors import InvalidInput, NotReady
from indexing.records import MODES, Partition
from indexing.releases.recipes import RERANK
from indexing.snapshots.collection_calibration import JUDGMENTS, UNMOVED, CollectionCalibration, Move

HITS = 10
"""Hits of each query that count: as many as a search gives unless told otherwise. Our choice."""
MIN_QUERIES = 10
"""Judged queries below which nothing is fitted. Source: our choice; the prior would decide nearly alone."""
SHIFT_SD, STRETCH_SD = 1.0, 0.35
"""The widths of the prior around the general curve, in log-odds and as a factor, to which few judgments are drawn.
Source: our choice, a little below how far the moves of five collections lie apart: 1.2 and 0.5, as
benchmarks/results/calibration.json has them."""
_LEAST_STRETCH = 0.1
"""Above 0, so that the order stays. Source: our choice."""
_NEAREST = 1e-7
"""Scores are float32, in which nothing lies nearer to 1."""
_NO_BUDGET_MS = 600_000
"""A fit waits for each second pass. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What was fitted for a mode, and how reliable scores of held-out queries are by the general curve and by it."""

    mode: str
    move: Move
    before: Reliability
    after: Reliability

    @property
    def is_better(self) -> bool:
        """Whether scores of held-out queries came nearer to the truth."""
        return self.after.brier < self.before.brier


def fit_move(log_odds: NDArray[np.float64], relevant: NDArray[np.float64]) -> Move:
    """How the log-odds of a general curve are best moved.

    Args:
        log_odds: Of each hit, by the general curve.
        relevant: 1.0 where its document is relevant, else 0.0.

    Source: Platt, 1999 (two parameters), with a normal prior around the general curve.
    """

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shift, stretch = values
        moved = shift + stretch * log_odds
        error = 1.0 / (1.0 + np.exp(-moved)) - relevant
        away = np.array([shift / SHIFT_SD**2, (stretch - 1.0) / STRETCH_SD**2])
        prior = 0.5 * (shift * away[0] + (stretch - 1.0) * away[1])
        gradient = np.array([error.sum(), (error * log_odds).sum()]) + away
        return float(np.logaddexp(0.0, np.where(relevant > 0, -moved, moved)).sum() + prior), gradient

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, bounds=[(None, None), (_LEAST_STRETCH, None)])
    return Move(round(float(found.x[0]), 4), round(float(found.x[1]), 4))


def judged_hits(
    serving: ServingRelease, partition: Partition, query_set: QuerySet, mode: str, retriever: Retriever
) -> list[JudgedHit]:
    """The first hits of every query of a set, as a release answers them.

    Raises:
        NotReady: a shard cannot be searched, or the second pass was skipped.
    """
    found = []
    for query_id, text in query_set.queries.items():
        result = retriever.search(serving, partition, text, k=HITS, mode=mode)
        if result.warnings:
            raise NotReady(f"A calibration needs every shard and every second pass: {result.warnings[0]}")
        grades = query_set.qrels[query_id]
        found += [
            JudgedHit(query_id, hit.rank, hit.score, grades.get(hit.passage.document_id, 0) > 0) for hit in result.hits
        ]
    return found


def fit_collection(
    serving: ServingRelease, partition: Partition, learned: QuerySet, held_out: QuerySet
) -> tuple[CollectionCalibration, list[Fit]]:
    """Fit the calibrations of a release to the judgments of one collection.

    Args:
        serving: The release; what its snapshot moved before is left out of account.
        partition: The collection.
        learned: The queries that are fitted on.
        held_out: Others, on which is measured what that gives.

    Returns:
        The moves of those modes whose scores came nearer to the truth on held-out queries, and all that were tried.

    Raises:
        InvalidInput: there are fewer than ``MIN_QUERIES`` queries to fit on.
        NotReady: as ``judged_hits``.
    """
    if len(learned.queries) < MIN_QUERIES:
        raise InvalidInput(
            f"Query set {learned.name!r} has {len(learned.queries)} judged queries to fit on: expected at least"
            f" {MIN_QUERIES}. Judge more; until then the leg check of builds calibrates."
        )
    retriever, fits = Retriever(), []
    for mode, searched, ranked_by in _calibrated_modes(serving, partition):
        known = serving.snapshot.moves(partition).get(mode, UNMOVED)
        hits, others = (
            [
                replace(one, score=_score(known.undone(_log_odds(one.score))))
                for one in judged_hits(searched, partition, query_set, ranked_by, retriever)
            ]
            for query_set in (learned, held_out)
        )
        if hits and others:
            relevant = np.array([float(one.is_relevant) for one in hits])
            move = fit_move(np.array([_log_odds(one.score) for one in hits]), relevant)
            fits.append(Fit(mode, move, reliability(others), reliability(moved(others, move))))
    kept = {one.mode: one.move for one in fits if one.is_better}
    return CollectionCalibration(JUDGMENTS, len(learned.queries), kept), fits


def moved(hits: Sequence[JudgedHit], move: Move) -> list[JudgedHit]:
    """Hits with the scores that a move gives them."""
    return [replace(one, score=_score(move.stretch * _log_odds(one.score) + move.shift)) for one in hits]


def _calibrated_modes(serving: ServingRelease, partition: Partition) -> Iterator[tuple[str, ServingRelease, str]]:
    """The calibrations that scores of a collection come from: their names, what is searched, and in which mode."""
    plain = replace(serving, reranker=None)
    weight = serving.snapshot.dense_weight(partition)
    for mode in MODES:
        if mode != "hybrid" or weight is None:  # else it is scored as the leg that is left
            yield mode, plain, mode
    if serving.reranker is not None:
        patient = replace(serving.recipe.second_pass, budget_ms=_NO_BUDGET_MS)
        yield RERANK, replace(serving, recipe=replace(serving.recipe, reranking=patient)), "hybrid"


def _log_odds(score: float) -> float:
    inside = min(max(score, _NEAREST), 1.0 - _NEAREST)
    return math.log(inside / (1.0 - inside))


def _score(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))
