"""Simulated users with known position bias: do the corrected estimates cover the truth as often as their intervals say?

Three releases rank the documents of each query by relevance and a noise of their own; the second and the third get a
small share of the sessions, as canaries do. A user clicks a hit at rank r with probability
``mood * relevance * r ** -eta``; the mood is 1, or one for each session, so that its clicks depend on each other.

Usage: python -m benchmarks.quality.position_bias [--trials 500]
"""

import argparse
import itertools
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.harness.recording import write_result
from eval.feedback.estimates import Estimate
from eval.feedback.position_bias import PositionBias, ShownPairs, corrected_relevance, estimate_position_bias

SEED = 12
DOCUMENTS = 10
"""Hits of an answer."""
SHARES = (0.8, 0.1, 0.1)
"""Of the sessions that each release answers."""
NOISES = (0.2, 0.25, 0.4)
"""Standard deviation of each release's ranking score around the relevance."""
ETAS = (0.0, 0.5, 1.0, 1.5)
SIZES = ((60, 40), (200, 20), (400, 20))
"""Queries, and sessions of each."""


@dataclass(frozen=True, slots=True)
class World:
    """One draw of queries, documents and sessions: what was shown, and the truth behind it."""

    shown: ShownPairs
    relevance: NDArray[np.float64]
    """Of each pair in ``shown``, with the mean mood."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Over the trials of one setting."""

    eta: float
    queries: int
    sessions: int
    moods: bool
    trials: int
    estimated: int
    """Trials with enough data."""
    eta_covered: float
    """Share of the intervals that hold eta; 0.95 is promised."""
    eta_bias: float
    """Mean error of the estimate."""
    eta_width: float
    """Mean width of the interval."""
    relevance_covered: float
    """Share of the pairs' intervals that hold the relevance; at least 0.95 is promised."""
    click_rate_covered: float
    """The same of plain click rates, which take position for relevance."""
    relevance_error: float
    """Mean absolute error of corrected relevance, of pairs that were shown ten times or more."""
    click_rate_error: float
    """The same of plain click rates."""
    rank_correlation: float
    """Spearman's, of corrected relevance with the truth, over those pairs."""
    click_rate_correlation: float
    """The same of plain click rates."""


def draw_world(chance: np.random.Generator, *, eta: float, queries: int, sessions: int, has_moods: bool) -> World:
    """Draw one world of ``queries * DOCUMENTS`` pairs."""
    relevance = chance.beta(0.6, 1.6, (queries, DOCUMENTS))
    scores = relevance + chance.normal(size=(len(NOISES), queries, DOCUMENTS)) * np.array(NOISES)[:, None, None]
    ranks = (-scores).argsort(axis=2).argsort(axis=2) + 1
    query = np.repeat(np.arange(queries), sessions)
    release = chance.choice(len(SHARES), size=len(query), p=SHARES)
    mood = chance.beta(1.0, 1.0, len(query)) if has_moods else np.ones(len(query))
    rank = ranks[release, query]
    clicked = chance.random(rank.shape) < mood[:, None] * relevance[query] * rank.astype(np.float64) ** -eta
    pair = query[:, None] * DOCUMENTS + np.arange(DOCUMENTS)
    cell = (pair * DOCUMENTS + rank - 1).ravel()
    shown = np.bincount(cell, minlength=queries * DOCUMENTS**2)
    clicks = np.bincount(cell, clicked.ravel(), minlength=len(shown)).astype(np.int64)
    seen = np.flatnonzero(shown)
    pairs = ShownPairs(
        pair=seen // DOCUMENTS,
        rank=seen % DOCUMENTS + 1,
        shown=shown[seen],
        clicked=clicks[seen],
        query=np.arange(queries * DOCUMENTS) // DOCUMENTS,
    )
    return World(pairs, relevance.ravel() * (0.5 if has_moods else 1.0))


def measure(
    chance: np.random.Generator, *, eta: float, queries: int, sessions: int, has_moods: bool, trials: int
) -> Coverage:
    """Draw so many worlds and see how often intervals hold the truth."""
    rows = []
    for _ in range(trials):
        world = draw_world(chance, eta=eta, queries=queries, sessions=sessions, has_moods=has_moods)
        bias = estimate_position_bias(world.shown)
        low, high = bias.eta.low, bias.eta.high
        if bias.eta.value is None or low is None or high is None:
            continue
        corrected, plain = _judged(world, bias), _judged(world, _no_bias(bias))
        figures = [figure for pair in zip(corrected, plain, strict=True) for figure in pair]
        rows.append((low <= eta <= high, bias.eta.value - eta, high - low, *figures))
    means = np.mean(rows, axis=0) if rows else np.full(9, np.nan)
    covered, error, width, *others = (round(float(value), 4) for value in means)
    return Coverage(eta, queries, sessions, has_moods, trials, len(rows), covered, error, width, *others)


def _no_bias(bias: PositionBias) -> PositionBias:
    """As if ranks were all looked at alike: corrected relevance is then the click rate."""
    return PositionBias(Estimate(0.0, 0.0, 0.0), bias.pairs, bias.clicked_pairs, bias.queries)


def _judged(world: World, bias: PositionBias) -> tuple[float, float, float]:
    """The share of relevances inside their intervals, the mean error, and how well their order is the true one."""
    found = corrected_relevance(world.shown, bias, least_shown=10)
    values, low, high = (np.array([getattr(one, name) for one in found]) for name in ("value", "low", "high"))
    truth = world.relevance[[one.pair for one in found]]
    is_inside = (low <= truth) & (truth <= high)
    return float(is_inside.mean()), float(np.abs(values - truth).mean()), float(spearmanr(values, truth).statistic)


def run(trials: int, seed: int = SEED) -> list[Coverage]:
    """Every setting, each with a seed of its own, so that one can be looked at alone."""
    settings = list(itertools.product(ETAS, SIZES, (False, True)))
    streams = np.random.SeedSequence(seed).spawn(len(settings))
    return [
        measure(
            np.random.default_rng(stream),
            eta=eta,
            queries=queries,
            sessions=sessions,
            has_moods=has_moods,
            trials=trials,
        )
        for stream, (eta, (queries, sessions), has_moods) in zip(streams, settings, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=500, help="Worlds drawn for each setting.")
    options, _ = parser.parse_known_args()
    found = run(options.trials)
    for one in found:
        print(asdict(one))
    write_result("position_bias", {"seed": SEED, "level": 0.95, "settings": [asdict(one) for one in found]})


if __name__ == "__main__":
    main()
