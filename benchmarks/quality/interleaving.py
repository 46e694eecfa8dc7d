"""Simulated users: how many does an interleaving need to tell the better recipe, and how many an A/B test?

Each query has ten documents, which both recipes rank by relevance and a noise of their own; the recipe with less noise
is better. A user asks some queries and clicks a hit at rank r with probability ``mood * relevance / r``; the mood is
the user's, so that its clicks depend on each other. Interleaved, each user gets hits of both; in the A/B test half of
the users get each recipe, and the mean reciprocal rank of their first clicks is compared.

Usage: python -m benchmarks.quality.interleaving [--trials 200]
"""

import argparse
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from app.retrieval.team_draft import team_draft
from benchmarks.harness.recording import write_result
from indexing.ledger.interleaving import Preferences, vote_of
from indexing.releases.ab_tests import conclude
from indexing.releases.preference_tests import conclude_preferences
from indexing.releases.rollouts import PREFERENCE, AbTest

SEED = 44
DOCUMENTS = 10
"""Hits of an answer."""
QUERIES = 3
"""Of a user, at most: 1 to 3, as often each."""
LIVE_NOISE = 0.3
"""Standard deviation of the ranking score of the recipe in service around the relevance."""
NOISES = (0.3, 0.25, 0.2, 0.1)
"""The same of candidates: one as good, and three better ones."""
USERS = (100, 300, 1000)
VOTES = AbTest(PREFERENCE, margin=0.02, higher_is_better=True)
"""The margin is small, so that a small preference is a preference."""
FIRST_CLICK = AbTest("first_click", margin=0.001, higher_is_better=True)


@dataclass(frozen=True, slots=True)
class Answers:
    """What users ask: the relevance of each document, float64 in [0, 1] of shape (answers, documents), and both ranks.

    ``live`` and ``candidate`` hold document numbers, best first, int64 of the same shape; ``mood`` and ``user`` are of
    shape (answers,).
    """

    relevance: NDArray[np.float64]
    live: NDArray[np.int64]
    candidate: NDArray[np.int64]
    mood: NDArray[np.float64]
    user: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Power:
    """Of the trials of one setting, the shares that concluded so."""

    noise: float
    ndcg_difference: float
    """By how much the candidate's nDCG is higher, in the mean."""
    users: int
    answers: float
    """In the mean."""
    trials: int
    interleaving_better: float
    interleaving_worse: float
    ab_better: float
    ab_worse: float


def draw_answers(chance: np.random.Generator, *, users: int, noise: float) -> Answers:
    """What so many users ask, and how both recipes rank it."""
    user = np.repeat(np.arange(users), chance.integers(1, QUERIES + 1, users))
    relevance = chance.beta(0.6, 1.6, (len(user), DOCUMENTS))
    live, candidate = (
        np.argsort(-(relevance + chance.normal(size=relevance.shape) * deviation), axis=1)
        for deviation in (LIVE_NOISE, noise)
    )
    return Answers(relevance, live, candidate, chance.beta(2.0, 2.0, users)[user], user)


def clicked_ranks(chance: np.random.Generator, mood: float, relevance: NDArray[np.float64]) -> NDArray[np.int64]:
    """The ranks, from 1, that a user clicks of hits with these relevances."""
    ranks = np.arange(1, len(relevance) + 1)
    return ranks[chance.random(len(relevance)) < mood * relevance / ranks]


def interleaved(chance: np.random.Generator, asked: Answers) -> str:
    """What an interleaving concludes."""
    toss, units = random.Random(int(chance.integers(2**32))), dict[str, int]()
    for at in range(len(asked.user)):
        lists = asked.live[at].tolist(), asked.candidate[at].tolist()
        draft = team_draft(*lists, DOCUMENTS, key=lambda hit: hit, toss=lambda: toss.random() < 0.5)
        ranks = clicked_ranks(chance, asked.mood[at], asked.relevance[at][draft.hits]).tolist()
        chosen = {str(draft.hits[rank - 1]): [rank] for rank in ranks}
        vote = vote_of([str(hit) for hit in draft.hits], draft.slots, chosen)
        if vote.live or vote.candidate:
            unit = str(asked.user[at])
            units[unit] = units.get(unit, 0) + vote.preference
    signs = {unit: (won > 0) - (won < 0) for unit, won in units.items()}
    return conclude_preferences(VOTES, Preferences(signs, len(asked.user), len(units), 0, {})).conclusion


def ab_tested(chance: np.random.Generator, asked: Answers) -> str:
    """What an A/B test of the same users concludes, every other of whom gets the candidate."""
    arms: tuple[dict[int, list[float]], dict[int, list[float]]] = ({}, {})
    for at, user in enumerate(asked.user.tolist()):
        ranking = (asked.live, asked.candidate)[user % 2][at]
        ranks = clicked_ranks(chance, asked.mood[at], asked.relevance[at][ranking])
        arms[user % 2].setdefault(user, []).append(1.0 / ranks[0] if len(ranks) else 0.0)
    live, candidate = ([float(np.mean(one)) for one in arm.values()] for arm in arms)
    return conclude(FIRST_CLICK, live, candidate).conclusion


def ndcg(relevance: NDArray[np.float64], ranking: NDArray[np.int64]) -> NDArray[np.float64]:
    """NDCG of each answer, with relevance as gain."""
    discount = 1.0 / np.log2(np.arange(2, DOCUMENTS + 2))
    gained = np.take_along_axis(relevance, ranking, axis=1) @ discount
    found: NDArray[np.float64] = gained / (-np.sort(-relevance, axis=1) @ discount)
    return found


def measure(chance: np.random.Generator, *, noise: float, users: int, trials: int) -> Power:
    """How often both find out that the candidate is better, or say that it is worse."""
    told: list[tuple[str, str]] = []
    differences, answers = list[float](), list[int]()
    for _ in range(trials):
        asked = draw_answers(chance, users=users, noise=noise)
        told.append((interleaved(chance, asked), ab_tested(chance, asked)))
        difference = ndcg(asked.relevance, asked.candidate) - ndcg(asked.relevance, asked.live)
        differences.append(float(difference.mean()))
        answers.append(len(asked.user))

    def share(place: int, conclusion: str) -> float:
        return round(sum(one[place] == conclusion for one in told) / trials, 4)

    means = round(float(np.mean(differences)), 4), users, round(float(np.mean(answers)), 1)
    figures = (share(0, "better"), share(0, "worse"), share(1, "better"), share(1, "worse"))
    return Power(noise, *means, trials, *figures)


def run(trials: int, users: Sequence[int] = USERS, noises: Sequence[float] = NOISES, seed: int = SEED) -> list[Power]:
    """Every setting, each with a seed of its own, so that one can be looked at alone."""
    settings = [(noise, count) for noise in noises for count in users]
    streams = np.random.SeedSequence(seed).spawn(len(settings))
    return [
        measure(np.random.default_rng(stream), noise=noise, users=count, trials=trials)
        for stream, (noise, count) in zip(streams, settings, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200, help="Drawn for each setting.")
    options, _ = parser.parse_known_args()
    found = run(options.trials)
    for one in found:
        print(asdict(one))
    settings = [asdict(one) for one in found]
    write_result("interleaving", {"seed": SEED, "level": VOTES.level, "live_noise": LIVE_NOISE, "settings": settings})


if __name__ == "__main__":
    main()
