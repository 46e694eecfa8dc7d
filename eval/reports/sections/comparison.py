"""The section that compares two releases on a query set: paired, with the queries that changed most side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.experiments.comparison import Hint
from eval.reports.charts.data import Differences
from eval.reports.model import (
    Block,
    Chart,
    Column,
    Estimate,
    Fact,
    Facts,
    Headline,
    Key,
    Prose,
    RankedQueries,
    RankedQuery,
    Section,
    Table,
    Tone,
)
from eval.reports.rankings import ranked_query
from eval.reports.source import Pair, Source

ID, TITLE = "comparison", "Comparison of two releases"
NOTHING = "No two releases were evaluated on the same query set in this period: give --compare A B to name two."
_TONES: dict[str, Tone] = {"better": "good", "worse": "bad", "no difference shown": "neutral", "hold": "caution"}
NOT_MEASURED = (
    "Releases {0} and {1} were not both evaluated on one query set in this period: run 'groundwork eval compare {0}"
    " {1} --set NAME' first, or give an earlier --since."
)
MAX_TO_JUDGE = 20
"""How many documents to judge are listed; 'eval compare' has all. Our choice."""
MAX_CHANGED = 5
"""How many of the most changed queries are shown with both rankings. Our choice."""


@dataclass(frozen=True, slots=True)
class NotComparable:
    """Two releases whose evaluations on a query set, as ``name_of_set`` tells it, rest on different inputs, and why."""

    a: str
    b: str
    query_set: str
    why_not: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two releases on one query set, as ``name_of_set`` tells it; ``differences`` are b minus a, by query."""

    a: str
    b: str
    query_set: str
    mode: str
    measure: str
    outcome: Hint
    mean_a: float
    mean_b: float
    difference: Estimate
    p: float | None
    wins: int
    ties: int
    losses: int
    judged: tuple[float, float] | None = None
    differences: Sequence[tuple[str, float]] = ()
    changed: Sequence[RankedQuery] = ()
    to_judge: Sequence[tuple[str, str]] = ()
    reason: str = ""


def comparison_section(source: Source) -> Section:
    """The two releases that were asked for, or what is live beside what may follow it, on each query set."""
    found = source.pairs
    if not found and source.options.compared is not None:
        first, second = source.options.compared
        return Section(ID, TITLE, absent=NOT_MEASURED.format(first, second))
    return tell_comparison(
        [_compared(source, one, name_of_set(one, found)) for one in found],
        frozenset(one.first.partition.tenant for one in found),
    )


def name_of_set(pair: Pair, among: Sequence[Pair]) -> str:
    """The name of a pair's query set, with its split and mode where the set is there more than once."""
    one = pair.first
    is_alone = sum(other.first.query_set == one.query_set for other in among) == 1
    return one.query_set if is_alone else f"{one.query_set} ({one.split}, {one.mode})"


def _compared(source: Source, pair: Pair, name: str) -> Compared | NotComparable:
    said, first, second = pair.comparison, pair.first, pair.second
    if not said.is_comparable or said.verdict == "not comparable":
        return NotComparable(first.release, second.release, name, _sentences(said.why_not))
    texts = source.policy.shown_queries(pair.query_set)
    counts = said.win_tie_loss
    return Compared(
        a=first.release,
        b=second.release,
        query_set=name,
        mode=first.mode,
        measure=said.measure,
        outcome=said.verdict,
        mean_a=said.mean_a,
        mean_b=said.mean_b,
        difference=Estimate(said.difference, *(said.interval or (None, None))),
        p=said.p,
        wins=0 if counts is None else counts.wins,
        ties=0 if counts is None else counts.ties,
        losses=0 if counts is None else counts.losses,
        judged=said.coverage,
        differences=[
            (name, second.scores[said.measure][name] - score) for name, score in first.scores[said.measure].items()
        ],
        changed=[
            ranked_query(one.query_id, [first, second], pair.query_set, texts, said.measure)
            for one in said.most_changed[:MAX_CHANGED]
        ],
        to_judge=said.to_judge[:MAX_TO_JUDGE] if said.verdict == "hold" else (),
        reason=_sentences(said.reasons) if said.verdict == "hold" else "",
    )


def _sentences(reasons: Sequence[str]) -> str:
    return " ".join(f"{one[:1].upper()}{one[1:].rstrip('.')}." for one in reasons)


def tell_comparison(found: Sequence[Compared | NotComparable], tenants: frozenset[str] = frozenset()) -> Section:
    """The section of what was compared, one query set after the other."""
    if not found:
        return Section(ID, TITLE, absent=NOTHING)
    blocks: list[Block] = []
    headlines: list[Headline] = []
    for one in found:
        headlines.append(_headline(one))
        blocks += _blocks(one)
    return Section(ID, TITLE, blocks, headlines, tenants=tenants)


def _headline(one: Compared | NotComparable) -> Headline:
    who = f"Release {one.b} against {one.a} on {one.query_set}"
    if isinstance(one, NotComparable):
        return Headline(f"{who}: not comparable. {one.why_not}", "caution")
    value = one.difference
    ends = "" if value.low is None or value.high is None else f" (95 % interval {value.low:+.3f} to {value.high:+.3f})"
    reason = f" {one.reason}" if one.reason else ""
    return Headline(f"{who}: {one.outcome}, {one.measure} {value.value:+.3f}{ends}.{reason}", _TONES[one.outcome])


def _blocks(one: Compared | NotComparable) -> list[Block]:
    if isinstance(one, NotComparable):
        return [Prose([f"{one.a} and {one.b} are not comparable on {one.query_set}: {one.why_not}"], is_caveat=True)]
    blocks: list[Block] = [Facts(_facts(one))]
    if one.reason:
        blocks.append(Prose([one.reason], is_caveat=True))
    if one.differences:
        blocks.append(_chart(one))
    if one.changed:
        blocks.append(Prose([f"The queries that changed most on {one.query_set}, with both rankings:"]))
        blocks.append(RankedQueries(one.changed[:MAX_CHANGED]))
    if one.to_judge:
        caption = "Documents to judge first: they decide what cannot be said yet"
        blocks.append(Table(caption, [Column("query", "code"), Column("document", "code")], one.to_judge))
    return blocks


def _facts(one: Compared) -> list[Fact]:
    value = one.difference
    ends = "" if value.low is None or value.high is None else f"95 % interval {value.low:+.3f} to {value.high:+.3f}"
    p = "" if one.p is None else f"p {'< 0.001' if one.p < 0.001 else f'= {one.p:.3f}'}"
    facts = [
        Fact(f"{one.measure} of {one.a}", f"{one.mean_a:.3f}", f"{one.query_set}, {one.mode}"),
        Fact(f"{one.measure} of {one.b}", f"{one.mean_b:.3f}"),
        Fact("difference, paired", f"{value.value:+.3f}", "; ".join(filter(None, (ends, p))), _TONES[one.outcome]),
        Fact("win / tie / loss", f"{one.wins} / {one.ties} / {one.losses}", f"queries, for {one.b}"),
    ]
    if one.judged is not None:
        facts.append(Fact("judged@10", f"{one.judged[0]:.0%} and {one.judged[1]:.0%}", "of each one's first ten"))
    return facts


def _chart(one: Compared) -> Chart:
    ordered = sorted(one.differences, key=lambda pair: (pair[1], pair[0]))
    columns = [Column("query", "code"), Column(f"difference in {one.measure}", "signed")]
    label = f"{one.b} minus {one.a}"
    return Chart(
        id=f"differences-{slug(one.query_set)}",
        title=f"Every query of {one.query_set}: {label}",
        summary=(
            f"{one.losses} queries lost, {one.ties} are tied, {one.wins} gained; the greatest loss is"
            f" {ordered[0][1]:+.3f}, the greatest gain {ordered[-1][1]:+.3f}."
        ),
        drawing=Differences([value for _, value in ordered], f"difference in {one.measure}"),
        table=Table(f"{label}, by query", columns, ordered),
        legend=[Key("lost", "bad", "bar"), Key("gained", "good", "bar")],
    )


def slug(text: str) -> str:
    """A text as part of an id: lower-case letters, digits and hyphens."""
    return "-".join(
        "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in text.lower()).split()
    )
