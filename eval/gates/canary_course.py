"""The course of a canary: what its guardrails' confidence sequences said after ever more answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.gates.canary_guardrails import read_window
from eval.gates.policy import CanaryPolicy
from indexing.home import Home
from indexing.releases.rollouts import Rollout

STAGES = 24
"""Numbers of answers at which the sequence is drawn, evenly spread: as many dots as fit a telephone. Our choice."""


@dataclass(frozen=True, slots=True)
class CourseStage:
    """A guardrail after ``observations`` of both arms: how much worse the candidate is, and is at least."""

    observations: int
    excess: float
    at_least: float


@dataclass(frozen=True, slots=True)
class Course:
    """One guardrail of a canary: ``margin`` is what is allowed, ``level`` the chance that its bound ever errs."""

    noun: str
    margin: float
    level: float
    stages: Sequence[CourseStage]


def canary_course(home: Home, rollout: Rollout, policy: CanaryPolicy, since: datetime, until: datetime) -> list[Course]:
    """The guardrails over the answers of a window in which the canary's share stayed as it was, those with data.

    Args:
        home: Whose ledger is read.
        rollout: The canary.
        policy: By which it is judged.
        since: When its share was set, and every process knew.
        until: When it changed, or now.

    Raises:
        StorageFailed: a day of the ledger cannot be read.
    """
    if since >= until:
        return []
    window = read_window(home, rollout, policy, since, until)
    counts = sorted({len(window.answers) * stage // STAGES for stage in range(1, STAGES + 1)})
    courses = []
    for named in window.guardrails:
        rails = [window.compare(named, least=policy.min_requests, first=count) for count in counts]
        stages = {
            rail.n_live + rail.n_candidate: CourseStage(rail.n_live + rail.n_candidate, rail.excess, rail.at_least)
            for rail in rails
            if rail.state != "no_data"
        }
        if stages:
            courses.append(Course(named.noun, named.margin, window.sequence.level, list(stages.values())))
    return courses
