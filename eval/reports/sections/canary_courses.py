"""How each canary's guardrails came about: what their confidence sequences said after ever more answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from eval.gates.canary_course import Course, canary_course
from eval.gates.policy import policy_of
from eval.reports.charts.data import Curve
from eval.reports.model import Block, Chart, Column, Key, Prose, Table
from eval.reports.source import Source
from indexing.errors import InvalidInput, StorageFailed
from indexing.releases.observation import SETTLE_SECONDS
from indexing.releases.rollouts import Rollout
from indexing.releases.transitions import Transition

MAX_CANARIES = 3
"""How many canaries are drawn, the newest first; verdicts and decisions tell of all. Our choice."""


@dataclass(frozen=True, slots=True)
class CanaryCourse:
    """The guardrails of one canary in the last stage of it, or why they cannot be told."""

    rollout: int
    candidate: int
    courses: Sequence[Course]
    unread: str = ""


def canary_courses(source: Source, tried: Sequence[tuple[Rollout, Sequence[Transition]]]) -> list[CanaryCourse]:
    """The newest canaries, by the policy of the home as it is now."""
    found: list[CanaryCourse] = []
    for rollout, changes in sorted(tried, key=lambda one: one[0].id, reverse=True):
        window = _last_stage(changes, source.options.until)
        if window is None or len(found) == MAX_CANARIES:
            continue
        try:
            courses = canary_course(source.home, rollout, policy_of(source.home).canary, *window)
        except (StorageFailed, InvalidInput) as error:
            found.append(CanaryCourse(rollout.id, rollout.candidate, (), str(error)))
        else:
            found += [CanaryCourse(rollout.id, rollout.candidate, courses)] if courses else []
    return found


def _last_stage(changes: Sequence[Transition], until: datetime) -> tuple[datetime, datetime] | None:
    """When the candidate last got its share of the answers; ``None`` if it never did."""
    ends = [*(datetime.fromisoformat(one.at) for one in changes[1:]), until]
    stages = [(one.at, end) for one, end in zip(changes, ends, strict=False) if one.to_state == "canary"]
    if not stages:
        return None
    since, end = stages[-1]
    return datetime.fromisoformat(since) + timedelta(seconds=SETTLE_SECONDS), min(end, until)


def tell_courses(found: Sequence[CanaryCourse]) -> list[Block]:
    """A chart for each guardrail of each canary."""
    blocks: list[Block] = []
    for one in found:
        if one.unread:
            said = f"What the guardrails of rollout {one.rollout} saw cannot be told: {one.unread}"
            blocks.append(Prose([said], is_caveat=True))
        blocks += [_chart(one, course, place) for place, course in enumerate(one.courses)]
    return blocks


def _chart(one: CanaryCourse, course: Course, place: int) -> Chart:
    stages, last = course.stages, course.stages[-1]
    is_broken = any(stage.at_least > course.margin for stage in stages)
    said = "was broken" if is_broken else "held"
    columns = [
        Column("observations", "count"),
        Column("excess", "signed"),
        Column("at least", "signed"),
        Column("allowed", "signed"),
    ]
    title = f"Rollout {one.rollout}, recipe {one.candidate}: {course.noun}"
    return Chart(
        id=f"canary-{one.rollout}-{place}",
        title=title,
        summary=(
            f"The guardrail {said}: after {last.observations:,} observations the candidate has {last.excess:+.3g} and"
            f" at least {last.at_least:+.3g}; {course.margin:.3g} is allowed."
        ),
        drawing=Curve(
            [stage.observations for stage in stages],
            [stage.excess for stage in stages],
            [stage.at_least for stage in stages],
            [stage.excess for stage in stages],
            "observations of both arms",
            "candidate minus live",
            mark=course.margin,
        ),
        table=Table(
            title, columns, [(stage.observations, stage.excess, stage.at_least, course.margin) for stage in stages]
        ),
        legend=[
            Key("excess of the candidate", "series-1", "dot"),
            Key("down to what it is at least", "series-1", "area"),
            Key("allowed", "bad", "line"),
        ],
        note=(
            "The band reaches down to the bound of the confidence sequence, which errs at any number of looks together"
            f" with a chance of {course.level:.2g}; the guardrail breaks where the whole band is above what is allowed."
        ),
    )
