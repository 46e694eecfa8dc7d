"""The section on rollouts and verdicts: which recipes were tried, what was decided about them, by whom and why."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.datasets.stored_sets import list_query_sets
from eval.reports.model import Badge, Block, Column, Headline, Section, Table, Tone
from eval.reports.options import ReportOptions
from eval.reports.sections.canary_courses import canary_courses, tell_courses
from eval.reports.source import Source
from indexing.catalogue.database import Row
from indexing.catalogue.releases import recipe_numbers
from indexing.catalogue.verdicts import OFFLINE, verdict_rows
from indexing.releases.overview import percent
from indexing.releases.rollouts import Rollout, list_rollouts
from indexing.releases.transitions import Transition, in_words, list_transitions

ID, TITLE = "rollouts", "Rollouts and verdicts"
NOTHING = "No recipe was tried, and no verdict was given, in this period."
VERDICT_TONES: dict[str, Tone] = {"PROMOTE": "good", "HOLD": "caution", "REJECT": "bad", "pass": "good", "fail": "bad"}
_STATE_TONES: dict[str, Tone] = {"live": "good", "rolled_back": "bad", "rejected": "bad", "paused": "caution"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict about a recipe; ``kind`` says which judge gave it."""

    recipe: int
    at: datetime
    kind: str
    verdict: str
    reasons: Sequence[str]
    against: int | None = None
    policy: str = ""
    is_synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """A rollout with the decisions about it, oldest first."""

    rollout: Rollout
    changes: Sequence[Transition]


def rollouts_section(source: Source) -> Section:
    """What was tried and judged in the period."""
    home, options = source.home, source.options
    tried = [Tried(one, list_transitions(home.catalogue, one.id)) for one in list_rollouts(home.catalogue)]
    judged = [
        _judged(recipe, row)
        for recipe in recipe_numbers(home.catalogue)
        for row in verdict_rows(home.catalogue, recipe)
    ]
    # Reasons of a verdict tell of the sets that it rests on.
    tenants = frozenset(one.partition.tenant for one in list_query_sets(home)) if judged else frozenset[str]()
    tried = [one for one in tried if any(_is_within(change.at, options) for change in one.changes)]
    return tell_rollouts(
        tried,
        [one for one in judged if options.since <= one.at < options.until],
        tenants,
        tell_courses(canary_courses(source, [(one.rollout, one.changes) for one in tried])),
    )


def _judged(recipe: int, row: Row) -> Judged:
    kind = "offline gate" if row["kind"] == OFFLINE else row["kind"]
    return Judged(
        recipe=recipe,
        at=datetime.fromisoformat(row["at"]),
        kind=kind,
        verdict=row["verdict"],
        reasons=json.loads(row["reasons"]),
        against=row["baseline"],
        policy=row["policy"] or "",
        is_synthetic=bool(row["is_synthetic"]),
    )


def _is_within(at: str, options: ReportOptions) -> bool:
    return options.since <= datetime.fromisoformat(at) < options.until


def tell_rollouts(
    tried: Sequence[Tried],
    judged: Sequence[Judged],
    tenants: frozenset[str] = frozenset(),
    courses: Sequence[Block] = (),
) -> Section:
    """The section of what was read."""
    if not tried and not judged:
        return Section(ID, TITLE, absent=NOTHING)
    blocks: list[Block] = []
    if judged:
        blocks.append(_verdicts(sorted(judged, key=lambda one: one.at, reverse=True)))
    if tried:
        blocks += [_rollouts(tried), *courses, _decisions(tried)]
    headlines = [*_verdict_headlines(judged), *_rollout_headlines(tried)]
    return Section(ID, TITLE, blocks, headlines, tenants=tenants)


def _verdict_headlines(judged: Sequence[Judged]) -> list[Headline]:
    """The newest verdict of the gate or a guard, if it is against a recipe."""
    if not judged:
        return []
    last = max(judged, key=lambda one: one.at)
    tone = VERDICT_TONES.get(last.verdict, "neutral")
    reason = f": {last.reasons[0]}" if last.reasons else ""
    return [Headline(f"Recipe {last.recipe}, {last.kind}: {last.verdict}{reason}", tone)]


def _rollout_headlines(tried: Sequence[Tried]) -> list[Headline]:
    ended = [one for one in tried if one.rollout.state == "rolled_back"]
    return [
        Headline(
            f"Rollout {one.rollout.id} (recipe {one.rollout.candidate}) was rolled back: {one.changes[-1].reason}",
            "bad",
        )
        for one in ended[:2]
        if one.changes
    ]


def _verdicts(judged: Sequence[Judged]) -> Table:
    columns = [
        Column("at", "moment"),
        Column("recipe", "count"),
        Column("against", "count"),
        Column("judge"),
        Column("verdict"),
        Column("reasons"),
    ]
    rows = [
        (
            one.at,
            one.recipe,
            one.against,
            f"{one.kind}, synthetic queries" if one.is_synthetic else one.kind,
            Badge(one.verdict, VERDICT_TONES.get(one.verdict, "neutral")),
            "; ".join(one.reasons),
        )
        for one in judged
    ]
    return Table("Verdicts, newest first", columns, rows)


def _rollouts(tried: Sequence[Tried]) -> Table:
    columns = [
        Column("rollout", "count"),
        Column("candidate", "count"),
        Column("baseline", "count"),
        Column("mode"),
        Column("state"),
        Column("share"),
        Column("unit"),
        Column("begun", "moment"),
    ]
    rows = [
        (
            one.rollout.id,
            one.rollout.candidate,
            one.rollout.baseline,
            one.rollout.mode,
            Badge(in_words(one.rollout.state), _STATE_TONES.get(one.rollout.state, "neutral")),
            percent(one.rollout.share),
            one.rollout.unit,
            datetime.fromisoformat(one.rollout.created_at),
        )
        for one in tried
    ]
    return Table("Rollouts", columns, rows)


def _decisions(tried: Sequence[Tried]) -> Table:
    columns = [
        Column("at", "moment"),
        Column("rollout", "count"),
        Column("became"),
        Column("share"),
        Column("by"),
        Column("why"),
    ]
    changes = sorted((change for one in tried for change in one.changes), key=lambda change: change.at, reverse=True)
    rows = [
        (
            datetime.fromisoformat(change.at),
            change.rollout,
            in_words(change.to_state),
            percent(change.share),
            change.actor,
            change.reason,
        )
        for change in changes
    ]
    return Table("Decisions, newest first", columns, rows)
