"""The section on what is live: the release in service, what it is made of, what stands beside it, what it answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.reports.model import Badge, Block, Column, Fact, Facts, Headline, Prose, Section, Table, Tone
from eval.reports.served_releases import Service
from eval.reports.source import Source
from indexing.catalogue.database import utc_now
from indexing.ledger.day_sources import DayFault
from indexing.ledger.readers import Share, shares
from indexing.releases.overview import ReleaseStanding, is_watched, sentence, standings
from indexing.releases.rollouts import open_rollout

ID, TITLE = "live", "What is live"
NOTHING = "Nothing is released in this home yet: 'groundwork build' makes the first release."
_ARM_TONES: dict[str, Tone] = {"live": "good", "candidate": "caution"}


@dataclass(frozen=True, slots=True)
class Live:
    """What the section says; ``rollout`` is the open one in a sentence, empty without one."""

    service: Service
    open_releases: Sequence[ReleaseStanding]
    rollout: str
    answers: Sequence[Share]
    faults: Sequence[DayFault] = ()


def live_section(source: Source) -> Section:
    """What is live now, and what answered in the period."""
    home, options = source.home, source.options
    if not source.services:
        return Section(ID, TITLE, absent=NOTHING)
    now = utc_now()
    rollout = open_rollout(home.catalogue)
    watched, _ = is_watched(home.catalogue, now)
    faults: list[DayFault] = []
    return tell_live(
        Live(
            service=source.services[-1],
            open_releases=[one for one in standings(home.catalogue, now) if one.arm],
            rollout="" if rollout is None else sentence(rollout, is_watched=watched),
            answers=shares(home.ledger, None, options.since, options.until, on_fault=faults.append),
            faults=[one for one in faults if not one.is_missing],
        )
    )


def tell_live(live: Live) -> Section:
    """The section of what was read."""
    service, recipe = live.service, live.service.recipe
    weight = recipe.retrieval.dense_weight
    behind = next((one.documents_behind for one in live.open_releases if one.is_in_service), None)
    facts = [
        Fact("release in service", service.release, f"since {_moment(service.at)} UTC"),
        Fact("model version", service.model, f"{recipe.embedding.name} vectors"),
        Fact("feature views", service.views),
        Fact(
            "fusion", f"{weight:.2f} dense, {1 - weight:.2f} lexical", f"{recipe.retrieval.candidates} candidates a leg"
        ),
    ]
    if behind is not None:
        tone: Tone = "neutral" if behind == 0 else "caution"
        facts.append(Fact("documents not in it yet", f"{behind:,}", "the live layer answers them", tone))
    answered = sum(one.requests for one in live.answers)
    said = f"Release {service.release} is in service. {live.rollout}".strip()
    headlines = [Headline(said)]
    blocks: list[Block] = [Facts(facts), _open_table(live.open_releases)]
    if live.answers:
        blocks.append(_answers_table(live.answers, answered))
    unread = [f"The ledger's day {one.day} cannot be read: {one.reason}" for one in live.faults]
    if unread:
        blocks.append(Prose(unread, is_caveat=True))
        headlines.append(Headline(f"The ledger's day {live.faults[0].day} cannot be read: figures lack it.", "caution"))
    return Section(ID, TITLE, blocks, headlines)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def _open_table(found: Sequence[ReleaseStanding]) -> Table:
    columns = [
        Column("release"),
        Column("role"),
        Column("state"),
        Column("snapshot", "code"),
        Column("built", "moment"),
        Column("documents behind", "count"),
    ]
    rows = [
        (
            one.number,
            Badge(one.arm, _ARM_TONES.get(one.arm, "neutral")),
            one.state,
            one.snapshot[:12],
            datetime.fromisoformat(one.created_at),
            one.documents_behind,
        )
        for one in found
    ]
    return Table("Releases that are open", columns, rows)


def _answers_table(found: Sequence[Share], total: int) -> Table:
    columns = [Column("release"), Column("role"), Column("answers", "count"), Column("share", "share")]
    rows = [(one.release, Badge(one.arm, _ARM_TONES.get(one.arm, "neutral")), one.requests, one.share) for one in found]
    return Table(f"Who answered in the period ({total:,} answers, all tenants)", columns, rows)
