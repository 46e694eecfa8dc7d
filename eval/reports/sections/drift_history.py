"""The history of the scheduled looks for drift: how much stood out in each, by collection, and where they alarmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.reports.charts.data import Lane, Line, Point, Timeline
from eval.reports.model import Block, Chart, Column, Key, Prose, Table
from eval.reports.sections.comparison import slug
from eval.reports.source import Source
from indexing.catalogue.schedule import runs_of
from indexing.records import Json

STANDS_OUT = 0.05
"""A signal with a smaller p stands out: by chance alone one in twenty does, which no look alarms about. Our choice."""
MAX_CHARTS = 6
"""How many collections are drawn, those with most looks first. Our choice."""
MARGIN = 0.04
"""Share of a chart's width before its first look: days on which nothing looked are not drawn as quiet. Our choice."""
_JOB = "drift"


@dataclass(frozen=True, slots=True)
class PastLook:
    """One scheduled look at a collection: of ``signals`` that were tested, how many stood out, and the least p."""

    at: datetime
    scope: str
    queries: int
    signals: int
    outstanding: int
    least: str
    least_p: float
    alerts: int


def past_looks(source: Source) -> list[PastLook]:
    """The looks of the period that had enough queries, oldest first."""
    options = source.options
    return [
        found
        for run in runs_of(source.home.catalogue, _JOB, options.since.isoformat(), options.until.isoformat())
        for scope, look in run.summary.get("looks", {}).items()
        if (found := _past_look(datetime.fromisoformat(str(run.ended_at)), str(scope), look)) is not None
    ]


def _past_look(at: datetime, scope: str, look: Json) -> PastLook | None:
    signals = {str(name): float(one["p"]) for name, one in look.get("signals", {}).items()}
    if not signals:
        return None
    least = min(signals, key=lambda name: signals[name])
    return PastLook(
        at=at,
        scope=scope,
        queries=int(look["queries"]),
        signals=len(signals),
        outstanding=sum(p < STANDS_OUT for p in signals.values()),
        least=least.replace("_", " "),
        least_p=signals[least],
        alerts=len(look["alerts"]),
    )


def tenants_of(looks: Sequence[PastLook]) -> frozenset[str]:
    """Whose collections were looked at."""
    return frozenset(one.scope.partition("/")[0] for one in looks)


def tell_history(looks: Sequence[PastLook], since: datetime, until: datetime) -> list[Block]:
    """A chart for each collection, those with most looks first; nothing where nothing was looked at."""
    by_scope: dict[str, list[PastLook]] = {}
    for one in looks:
        by_scope.setdefault(one.scope, []).append(one)
    ordered = sorted(by_scope.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_CHARTS]
    charts: list[Block] = [_chart(number, scope, found, since, until) for number, (scope, found) in enumerate(ordered)]
    if not charts:
        return []
    told = (
        f"What each scheduled look found. By chance alone some {STANDS_OUT:.0%} of the signals have a p below"
        f" {STANDS_OUT}, so that single ones say nothing: looks alarm by what they gather together."
    )
    return [Prose([told]), *charts]


def _chart(number: int, scope: str, looks: Sequence[PastLook], since: datetime, until: datetime) -> Chart:
    shares = [one.outstanding / one.signals for one in looks]
    line = Line(
        "signals that stand out", "series-1", [Point(one.at, x, x, x) for one, x in zip(looks, shares, strict=True)]
    )
    alarms = sum(one.alerts > 0 for one in looks)
    begin = max(since, looks[0].at - MARGIN * (until - looks[0].at))
    columns = [
        Column("look", "moment"),
        Column("queries", "count"),
        Column("signals", "count"),
        Column(f"p below {STANDS_OUT}", "count"),
        Column("least p", "p"),
        Column("of"),
        Column("alerts", "count"),
    ]
    rows = [(one.at, one.queries, one.signals, one.outstanding, one.least_p, one.least, one.alerts) for one in looks]
    return Chart(
        id=f"drift-history-{number}-{slug(scope)}",
        title=f"Scheduled looks at {scope}",
        summary=f"{len(looks)} looks, of which {alarms} alarmed; at most {max(shares):.0%} of the signals stood out.",
        drawing=Timeline(
            *([line], [Lane("drift", _spans(looks, begin))], begin, until, f"p below {STANDS_OUT}"), is_share=True
        ),
        table=Table(f"Scheduled looks at {scope}", columns, rows),
        legend=[Key(line.name, line.role, "dot")],
        note="The lane below says since when looks alarm.",
    )


def _spans(looks: Sequence[PastLook], begin: datetime) -> list[tuple[datetime, str]]:
    """What was known of the collection when: a span begins with the first look that says otherwise."""
    spans = [(begin, "quiet")]
    for one in looks:
        said = "alarm" if one.alerts else "quiet"
        if said != spans[-1][1]:
            spans.append((one.at, said))
    return spans
