"""The section on feedback: how often users said or showed that an answer was good, by release, and position's part."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.reports.charts.data import Curve, IntervalRow, Intervals
from eval.reports.model import Block, Chart, Column, Estimate, Headline, Key, Prose, Section, Table
from eval.reports.sections.comparison import slug

ID, TITLE = "feedback", "Feedback"
NOTHING = "No feedback came in this period: clients send it to POST /v1/feedback with an answer's query_id."


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of one release in one arm: of ``answers``, the share with such feedback, by ``users``."""

    name: str
    release: str
    arm: str
    answers: int
    users: int | None
    rate: Estimate


@dataclass(frozen=True, slots=True)
class PositionBias:
    """How much less often rank r is examined than rank 1: r to the power of -eta."""

    eta: Estimate
    pairs: int
    ranks: Sequence[int]
    examined: Sequence[Estimate]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """What a user wrote, where the tenant allows it to be shown."""

    at: datetime
    tenant: str
    text: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """All that was read of a period."""

    rates: Sequence[Rate]
    bias: PositionBias | None = None
    comments: Sequence[Comment] = ()
    hidden_comments: int = 0


def tell_feedback(found: Feedback, tenants: frozenset[str] = frozenset()) -> Section:
    """The section of what was read."""
    if not found.rates:
        return Section(ID, TITLE, absent=NOTHING)
    blocks: list[Block] = []
    for name in dict.fromkeys(rate.name for rate in found.rates):
        blocks.append(_chart(name, [rate for rate in found.rates if rate.name == name]))
    blocks.append(
        Prose(["Intervals count each user once, however often it answered: many clicks of one user prove little."])
    )
    if found.bias is not None:
        blocks += _bias(found.bias)
    blocks += _comments(found)
    answers = sum(rate.answers for rate in found.rates if rate.name == found.rates[0].name)
    return Section(ID, TITLE, blocks, [Headline(f"Feedback on {answers:,} answers.")], tenants=tenants)


def _chart(name: str, rates: Sequence[Rate]) -> Chart:
    rows = [
        IntervalRow(
            f"{rate.release}, {rate.arm} ({rate.answers:,})",
            rate.rate.value,
            rate.rate.value if rate.rate.low is None else rate.rate.low,
            rate.rate.value if rate.rate.high is None else rate.rate.high,
            "series-2" if rate.arm == "candidate" else "series-1",
        )
        for rate in rates
    ]
    columns = [
        Column("release"),
        Column("arm"),
        Column("answers", "count"),
        Column("users", "count"),
        Column(f"{name} (95 %)", "share"),
    ]
    return Chart(
        id=f"feedback-{slug(name)}",
        title=f"{name[:1].upper()}{name[1:]}, by release",
        summary=f"{name} with 95 % intervals of {len(rows)} releases and arms.",
        drawing=Intervals(rows, name, is_share=True),
        table=Table(
            f"{name}, by release and arm",
            columns,
            [(rate.release, rate.arm, rate.answers, rate.users, rate.rate) for rate in rates],
        ),
        legend=[Key("live", "series-1", "dot"), Key("candidate", "series-2", "dot")],
        note="In brackets: how many answers. A value without a bar has too few users for an interval.",
    )


def _bias(bias: PositionBias) -> list[Block]:
    if bias.reason:
        return [Prose([f"Position bias: {bias.reason}"], is_caveat=True)]
    columns = [Column("rank", "count"), Column("examined, relative to rank 1 (95 %)", "score")]
    low, high = zip(*(one.ends for one in bias.examined), strict=True)
    eta = bias.eta
    ends = "" if eta.low is None or eta.high is None else f" ({eta.low:.2f} to {eta.high:.2f})"
    return [
        Chart(
            id="position-bias",
            title="How much less often lower ranks are looked at",
            summary=f"Examination falls as rank to the power of -{eta.value:.2f}{ends}, of {bias.pairs:,} pairs.",
            drawing=Curve(
                bias.ranks, [one.value for one in bias.examined], low, high, "rank", "examined, relative to rank 1"
            ),
            table=Table("Examination by rank", columns, list(zip(bias.ranks, bias.examined, strict=True))),
            note=(
                f"eta {eta.value:.2f}{ends}, of {bias.pairs:,} documents shown at two ranks. Judgments from clicks are"
                " corrected by it."
            ),
        )
    ]


def _comments(found: Feedback) -> list[Block]:
    blocks: list[Block] = []
    if found.comments:
        columns = [Column("at", "moment"), Column("tenant"), Column("comment")]
        blocks.append(Table("Newest comments", columns, [(one.at, one.tenant, one.text) for one in found.comments]))
    if found.hidden_comments:
        blocks.append(
            Prose([f"{found.hidden_comments:,} more comments are older, or of tenants whose text is hidden."])
        )
    return blocks
