"""Guardrails of a canary: whether the candidate's answers are worse than those in service, at however many looks."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eval.gates.sequences import ConfidenceSequence
from indexing.ledger.trial_answers import TrialAnswer
from indexing.releases.ab_tests import MIN_UNITS

BURN_IN = 100
"""Answers in service that say what scores are usual; they are not compared. Source: our choice."""
LOW_PART = 0.05
"""The part of those whose best score counts as low. Source: our choice."""

State = Literal["holds", "broken", "no_data"]


@dataclass(frozen=True, slots=True)
class Rail:
    """What a guardrail shows.

    ``excess`` is how much worse the candidate is, ``at_least`` how much it is at least (the sequence's bound), both in
    the guardrail's own unit; ``by_unit`` says whether units or, where there are few of them, single answers count.
    """

    state: State
    live: float = 0.0
    candidate: float = 0.0
    excess: float = 0.0
    at_least: float = 0.0
    n_live: int = 0
    n_candidate: int = 0
    by_unit: bool = True


@dataclass(frozen=True, slots=True)
class Usual:
    """What scores are usual in service: the one below which an answer's best score is low, and their deviation."""

    low: float
    deviation: float


def usual_scores(answers: Iterable[TrialAnswer]) -> tuple[Usual | None, frozenset[int]]:
    """What is usual, by the first ``BURN_IN`` answers in service, and their places; ``None`` with fewer of them."""
    answers = list(answers)
    places = [at for at, one in enumerate(answers) if one.arm == "live" and one.best_dense is not None][:BURN_IN]
    if len(places) < BURN_IN:
        return None, frozenset(places)
    scores = np.array([answers[at].best_dense for at in places], dtype=np.float64)
    return Usual(float(np.quantile(scores, LOW_PART)), float(scores.std(ddof=1))), frozenset(places)


def compare_arms(
    answers: Iterable[TrialAnswer],
    value: Callable[[TrialAnswer], float | None],
    *,
    margin: float,
    sequence: ConfidenceSequence,
    least: int,
) -> Rail:
    """Hold the mean of a value, larger meaning worse, of the candidate's answers against that of those in service.

    Broken once the confidence sequence's lower bound of the excess is above the margin. Each unit counts once, by the
    mean of its answers; with fewer than ``MIN_UNITS`` of an arm single answers count.

    Args:
        answers: In the order of their ids.
        value: What counts of an answer; ``None`` leaves it out.
        margin: How much worse is no harm.
        sequence: The test, with its level.
        least: Answers an arm below which nothing is said.
    """
    singles: dict[str, list[float]] = defaultdict(list)
    units: dict[str, dict[bytes, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in answers:
        found = value(one)
        if found is None or one.unit is None:
            continue
        singles[one.arm].append(found)
        units[one.arm][one.unit].append(found)
    live, candidate = singles["live"], singles["candidate"]
    if min(len(live), len(candidate)) < least:
        return Rail("no_data", n_live=len(live), n_candidate=len(candidate))
    by_unit = min(len(units["live"]), len(units["candidate"])) >= MIN_UNITS
    if by_unit:
        live, candidate = ([math.fsum(one) / len(one) for one in units[arm].values()] for arm in ("live", "candidate"))
    excess = float(np.mean(candidate) - np.mean(live))
    at_least = excess_at_least(live, candidate, sequence)
    state: State = "broken" if at_least > margin else "holds"
    means = float(np.mean(live)), float(np.mean(candidate))
    return Rail(state, *means, excess, at_least, len(live), len(candidate), by_unit)


def excess_at_least(live: Sequence[float], candidate: Sequence[float], sequence: ConfidenceSequence) -> float:
    """By how much the candidate's mean exceeds the live one's at least, at any number of looks.

    The difference of both means is a mean of ``n`` scores, one for each of all observations, whose variance is ``n``
    times that of the difference (the estimator of Waudby-Smith et al., section 3, with each arm's mean as model).
    """
    n = len(live) + len(candidate)
    variance = n * (np.var(live, ddof=1) / len(live) + np.var(candidate, ddof=1) / len(candidate))
    return sequence.lower(n, float(np.mean(candidate) - np.mean(live)), float(np.sqrt(variance)))
