"""The guardrails of a canary over the answers of a window, and the confidence sequence that each is tested by."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from eval.gates.guardrails import Rail, Usual, compare_arms, usual_scores
from eval.gates.policy import CanaryPolicy, Guardrail
from eval.gates.sequences import ConfidenceSequence
from indexing.home import Home
from indexing.ledger.day_sources import DayFault, require_readable
from indexing.ledger.feedback_readers import negative_queries
from indexing.ledger.trial_answers import TrialAnswer, trial_answers
from indexing.releases.recipes import read_recipe
from indexing.releases.rollouts import Rollout

UNJUDGED = "the canary cannot be judged."
"""What follows from a day of the ledger that cannot be read."""


@dataclass(frozen=True, slots=True)
class NamedGuardrail:
    """A guardrail with what counts of an answer; larger is worse."""

    name: str
    rail: Guardrail
    value: Callable[[TrialAnswer], float | None]
    margin: float
    noun: str
    is_of_scores: bool = True


@dataclass(frozen=True, slots=True)
class TrialWindow:
    """The answers of a canary in a window, its guardrails, and their test."""

    answers: Sequence[TrialAnswer]
    burnt: frozenset[int]
    """Places of the answers that said what scores are usual; no guardrail over scores compares them."""
    guardrails: Sequence[NamedGuardrail]
    sequence: ConfidenceSequence

    def compare(self, named: NamedGuardrail, *, least: int, first: int | None = None) -> Rail:
        """What a guardrail shows after the ``first`` answers, by default after all."""
        answers = self.answers[:first]
        if named.is_of_scores:
            answers = [one for at, one in enumerate(answers) if at not in self.burnt]
        return compare_arms(answers, named.value, margin=named.margin, sequence=self.sequence, least=least)


def read_window(home: Home, rollout: Rollout, policy: CanaryPolicy, since: datetime, until: datetime) -> TrialWindow:
    """The answers of a rollout from ``since`` up to and without ``until``, with the guardrails that they have data for.

    Raises:
        StorageFailed: a day of the ledger cannot be read.
    """
    faults: list[DayFault] = []
    read = trial_answers(home.ledger, rollout.id, since, until, on_fault=faults.append)
    answers = read.answers
    asked = [one.id for one in answers]
    against, has_feedback = negative_queries(home.ledger, asked, since, until, on_fault=faults.append)
    require_readable([fault for fault in faults if not fault.is_missing], UNJUDGED)
    rails = _rails_of_answers(policy, against if has_feedback else None)
    usual, burnt = usual_scores(answers)
    if usual is not None and _has_same_scores(home, rollout):
        rails += _rails_of_scores(policy, usual)
    return TrialWindow(answers, burnt, rails, _sequence(rollout, policy, read.halvings))


def _sequence(rollout: Rollout, policy: CanaryPolicy, halvings: int) -> ConfidenceSequence:
    """The test of each guardrail: guardrails, steps and parts of the answers may each err, together at the level.

    Each step begins anew. So does what is read once it was halved: those share the level as 1/2, 1/6, 1/12 ...
    """
    share = policy.guardrails * max(1, len(rollout.steps)) * (halvings + 1) * (halvings + 2)
    return ConfidenceSequence(policy.level / share, policy.n_star)


def _rails_of_answers(policy: CanaryPolicy, against: Collection[UUID] | None) -> list[NamedGuardrail]:
    """Guardrails over what was answered, and over which of it users spoke against; ``None`` where none says anything.

    Answers that nothing was said about count as not spoken against: users of both arms are asked alike.
    """
    found = []
    if (rail := policy.empty) is not None:
        found.append(
            NamedGuardrail("empty", rail, lambda one: float(one.hit_count == 0), rail.margin, "empty answers", False)
        )
    if (rail := policy.negative_feedback) is not None and against is not None:
        noun = "answers that users spoke against"
        found.append(
            NamedGuardrail("negative_feedback", rail, lambda one: float(one.id in against), rail.margin, noun, False)
        )
    return found


def _rails_of_scores(policy: CanaryPolicy, usual: Usual) -> list[NamedGuardrail]:
    """Guardrails over the best dense score, which say something only where both recipes have the same encoder."""
    found = []
    if (rail := policy.low_score) is not None:
        noun = f"answers with a best score below {usual.low:.3f}"
        found.append(NamedGuardrail("low_score", rail, partial(_is_low, usual.low), rail.margin, noun))
    if (rail := policy.top_score) is not None and usual.deviation > 0:
        margin = rail.margin * usual.deviation
        found.append(NamedGuardrail("top_score", rail, _minus_best, margin, "best scores (negative)"))
    return found


def _is_low(low: float, one: TrialAnswer) -> float | None:
    return None if one.best_dense is None else float(one.best_dense < low)


def _minus_best(one: TrialAnswer) -> float | None:
    return None if one.best_dense is None else -one.best_dense


def _has_same_scores(home: Home, rollout: Rollout) -> bool:
    one, other = (read_recipe(home.catalogue, number) for number in (rollout.candidate, rollout.baseline))
    return one.model == other.model and one.embedding == other.embedding
