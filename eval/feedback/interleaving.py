"""What users preferred of an interleaving: credits of both lists, the units that each won, and what that concludes."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from scipy.stats import binomtest

from eval.feedback.estimates import Estimate
from indexing.errors import RolloutConflict
from indexing.home import Home
from indexing.ledger.day_sources import OnFault, log_fault
from indexing.ledger.interleaved_answers import InterleavedAnswer, interleaved_answers, preferences_of
from indexing.releases.preference_tests import PreferenceResult, conclude_preferences
from indexing.releases.rollouts import find_rollout

CONFIDENCE = 0.95
"""Of the interval of the candidate's part of the wins. Our choice."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one list got: credits, answers that it won, and units that prefer it."""

    credits: int
    answers: int
    units: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The answers to one collection: how many were interleaved, and how many each list won."""

    tenant: str
    collection: str
    answers: int
    candidate_won: int
    live_won: int


@dataclass(frozen=True, slots=True)
class InterleavingReport:
    """How an interleaving stands, or ended.

    ``share`` is the candidate's part of the units that preferred one list, with its exact interval; ``competitive`` the
    mean number of ranks at which the lists differed; ``alone`` counts, by why, answers that the release in service gave
    alone. ``result`` is what the watcher would conclude now; margin and level were stated at the start.
    """

    rollout: int
    candidate_recipe: int
    live_recipe: int
    unit: str
    margin: float
    level: float
    state: str
    result: PreferenceResult
    share: Estimate
    candidate: Side
    live: Side
    voted: int
    left_out: int
    competitive: float | None
    alone: dict[str, int]
    slices: list[Slice]


def interleaving_report(
    home: Home,
    rollout: int,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_fault: OnFault = log_fault,
) -> InterleavingReport:
    """What users preferred of an interleaving, by all feedback that is there now, also what came after its end.

    Args:
        home: Whose ledger.
        rollout: Its number.
        since: Of answers from this moment on; ``None`` for all.
        until: Of answers before this moment.
        on_fault: Told of each day that cannot be read.

    Raises:
        NotFound: there is no such rollout.
        RolloutConflict: it is not an interleaving.

    Source: Radlinski, Kurup and Joachims, CIKM 2008: a click is a credit for the list whose turn gave the hit, the list
    with more credits wins the query. The sign test is taken over units, since one user's queries are alike.
    """
    one = find_rollout(home.catalogue, rollout)
    if one.mode != "interleaving" or one.ab_test is None:
        raise RolloutConflict(f"Rollout {rollout} is not an interleaving: 'groundwork rollouts interleave' starts one.")
    answers = list(interleaved_answers(home.ledger, rollout, since, until, on_fault=on_fault))
    found = preferences_of(iter(answers))
    votes = [answer.vote for answer in answers if answer.vote is not None and answer.unit is not None]
    mixed = [answer for answer in answers if answer.slots]
    won = Counter(vote.preference for vote in votes)
    return InterleavingReport(
        rollout=one.id,
        candidate_recipe=one.candidate,
        live_recipe=one.baseline,
        unit=one.unit,
        margin=one.ab_test.margin,
        level=one.ab_test.level,
        state=one.state,
        result=conclude_preferences(one.ab_test, found),
        share=win_share(found.wins, found.losses),
        candidate=Side(sum(vote.candidate for vote in votes), won[1], found.wins),
        live=Side(sum(vote.live for vote in votes), won[-1], found.losses),
        voted=found.voted,
        left_out=found.left_out,
        competitive=sum(answer.competitive for answer in mixed) / len(mixed) if mixed else None,
        alone=dict(found.alone),
        slices=_slices(mixed),
    )


def win_share(wins: int, losses: int) -> Estimate:
    """The candidate's part of the units that prefer one list, with its exact interval."""
    if wins + losses == 0:
        return Estimate(None, None, None, "no unit preferred one of both")
    test = binomtest(wins, wins + losses)
    interval = test.proportion_ci(CONFIDENCE, method="exact")
    return Estimate(wins / (wins + losses), float(interval.low), float(interval.high))


def _slices(answers: list[InterleavedAnswer]) -> list[Slice]:
    counts: Counter[tuple[str, str]] = Counter()
    won: Counter[tuple[str, str, int]] = Counter()
    for answer in answers:
        where = answer.tenant, answer.collection
        counts[where] += 1
        if answer.vote is not None and answer.unit is not None:
            won[*where, answer.vote.preference] += 1
    return [Slice(*where, count, won[*where, 1], won[*where, -1]) for where, count in sorted(counts.items())]
