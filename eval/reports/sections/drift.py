"""The section on drift: each signal's window drawn over its reference, what moved, and its cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.reports.charts.data import Distribution
from eval.reports.model import (
    Badge,
    Block,
    Chart,
    ChartGrid,
    Column,
    Fact,
    Facts,
    Headline,
    Key,
    Prose,
    Section,
    Table,
    Tone,
)
from eval.reports.sections.comparison import slug

ID, TITLE = "drift", "Drift"
NOTHING = "Nothing was asked in the last day of this period, or nothing before it that it could be compared with."
MAX_CHARTS = 12
"""How many signals are drawn, those that moved and then the least p first; the table has all. Our choice."""
_TONES: dict[str, Tone] = {"moved": "bad", "same": "good"}


@dataclass(frozen=True, slots=True)
class DriftSignal:
    """One signal: what it was in the reference and is in the window, and whether chance explains it.

    ``p`` is adjusted for all signals of the look; ``before`` and ``now`` are a median, a rate or a share.
    """

    name: str
    group: str
    slice: str
    outcome: str
    before: float | None
    now: float | None
    test: str
    statistic: float | None
    p: float | None
    n_reference: int
    n_window: int
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """Something that a person should know and has not acknowledged."""

    severity: str
    source: str
    message: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Drift:
    """One look: which window against which reference, what was found, and what caused it, if anything did."""

    window: str
    reference: str
    queries: int
    reference_queries: int
    signals: Sequence[DriftSignal]
    cause: str = ""
    reason: str = ""


def tell_drift(
    looks: Sequence[Drift],
    alerts: Sequence[OpenAlert] = (),
    tenants: frozenset[str] = frozenset(),
    history: Sequence[Block] = (),
) -> Section:
    """The section of the alerts that are open, the history of scheduled looks, and a look for each reference."""
    if not looks and not alerts and not history:
        return Section(ID, TITLE, absent=NOTHING)
    blocks: list[Block] = []
    headlines: list[Headline] = []
    if alerts:
        blocks.append(_alert_table(alerts))
        headlines.append(Headline(f"Open alerts: {len(alerts)}. The last says: {alerts[0].message}", "bad"))
    blocks += history
    for number, one in enumerate(looks):
        headlines.append(_headline(one))
        blocks += _blocks(one, number)
    return Section(ID, TITLE, blocks, headlines, tenants=tenants)


def _moved(look: Drift) -> list[DriftSignal]:
    return [signal for signal in look.signals if signal.outcome == "moved"]


def _headline(look: Drift) -> Headline:
    against = f"{look.window[:1].upper()}{look.window[1:]} against {look.reference}"
    if not look.signals:
        return Headline(f"{against}: {look.reason or 'not enough data.'}")
    moved = _moved(look)
    if not moved:
        return Headline(f"{against}: no drift in {len(look.signals)} signals.", "good")
    names = ", ".join(signal.name for signal in moved[:4])
    cause = f" Cause: {look.cause}." if look.cause else ""
    return Headline(f"{against}: {len(moved)} of {len(look.signals)} signals moved ({names}).{cause}", "bad")


def _blocks(look: Drift, number: int) -> list[Block]:
    moved = len(_moved(look))
    note = "" if look.cause or not moved else "'groundwork eval drift' looks for the cause"
    facts = [
        Fact("window", look.window, f"{look.queries:,} queries"),
        Fact("reference", look.reference, f"{look.reference_queries:,} queries"),
        Fact("signals that moved", f"{moved} of {len(look.signals)}", note, "bad" if moved else "good"),
    ]
    if look.cause:
        facts.append(Fact("cause", look.cause, "named by replay", "bad"))
    blocks: list[Block] = [Facts(facts)]
    if look.reason:
        blocks.append(Prose([look.reason], is_caveat=True))
    drawn = sorted(
        (signal for signal in look.signals if signal.distribution is not None),
        key=lambda signal: (signal.outcome != "moved", 1.0 if signal.p is None else signal.p),
    )[:MAX_CHARTS]
    if drawn:
        blocks.append(ChartGrid([_chart(signal, f"drift-{number}-{place}") for place, signal in enumerate(drawn)]))
    if look.signals:
        blocks.append(_table(look))
    return blocks


def _chart(signal: DriftSignal, name: str) -> Chart:
    data = signal.distribution or Distribution((), (), "")
    where = f", {signal.slice}" if signal.slice else ""
    p = "" if signal.p is None else f", p {'< 0.001' if signal.p < 0.001 else f'{signal.p:.3f}'}"
    value = "" if signal.statistic is None else f" {signal.statistic:.3g}"
    bins: Sequence[str] = data.labels or [
        f"{low:.4g} to {high:.4g}" for low, high in zip(data.edges, data.edges[1:], strict=False)
    ]
    rows = [
        (bin_, reference, window) for bin_, reference, window in zip(bins, data.reference, data.window, strict=True)
    ]
    columns = [Column(data.value_label or signal.name), Column("reference", "share"), Column("window", "share")]
    return Chart(
        id=f"{name}-{slug(signal.name)}",
        title=f"{signal.name}{where}",
        summary=f"{signal.name}: {signal.outcome}, {signal.test}{value}{p}.",
        drawing=data,
        table=Table(f"Share of queries by {data.value_label or signal.name}", columns, rows),
        legend=[Key("reference", "band", "area"), Key("window", "series-1", "line" if data.edges else "bar")],
        note=f"{signal.outcome}: {signal.test}{value}{p}",
    )


def _table(look: Drift) -> Table:
    columns = [
        Column("signal"),
        Column("group"),
        Column("outcome"),
        Column("reference", "number"),
        Column("window", "number"),
        Column("test"),
        Column("statistic", "number"),
        Column("p adjusted", "p"),
        Column("queries", "count"),
    ]
    rows = [
        (
            f"{one.name} ({one.slice})" if one.slice else one.name,
            one.group,
            Badge(one.outcome, _TONES.get(one.outcome, "neutral")),
            *(one.before, one.now, one.test, one.statistic, one.p, one.n_window),
        )
        for one in look.signals
    ]
    return Table(f"Every signal of the window against {look.reference}", columns, rows)


def _alert_table(alerts: Sequence[OpenAlert]) -> Table:
    columns = [
        Column("severity"),
        Column("source"),
        Column("message"),
        Column("times", "count"),
        Column("first", "moment"),
        Column("last", "moment"),
    ]
    rows = [
        (
            Badge(one.severity, "bad" if one.severity == "critical" else "caution"),
            *(one.source, one.message, one.times, one.first_at, one.last_at),
        )
        for one in alerts
    ]
    return Table("Alerts that are open", columns, rows)
