"""The section on quality over time: what each release in service scored on each query set, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.datasets.stored_sets import list_query_sets
from eval.experiments.kept_evaluations import Evaluation
from eval.experiments.measures import CONDENSED, JUDGED
from eval.experiments.statistics import bootstrap_interval
from eval.reports.charts.data import IntervalRow, Intervals, Lane, Line, Point, Timeline
from eval.reports.charts.theme import SERIES
from eval.reports.model import Block, Chart, Column, Estimate, Headline, Key, Prose, Section, Table, Tone
from eval.reports.served_releases import lanes, models_of, views_of
from eval.reports.source import SERVING_MODE, Source
from indexing.catalogue.evaluations import EvaluationRow

ID, TITLE = "quality", "Quality over time"
NOTHING = (
    "No release was evaluated on a stored query set in this period: 'groundwork eval gate' or the schedule of"
    " 'groundwork builder' evaluates; 'groundwork eval sets import' stores a set."
)
MAX_ROWS = 12
"""Evaluations beside each other before there is a second one of a set, the newest. Our choice."""
_MARGIN = 0.03
"""What an axis of time leaves before its first value, of its length. Our choice."""
MAX_LINES = len(SERIES)
"""How many query sets a chart shows: as many as there are colours that are told apart. The table has all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one evaluation of a release on a query set found.

    ``quality`` is the mean of the measure with its 95 % interval; ``condensed`` the same over judged documents only;
    ``judged`` the share of the first ten that is judged.
    """

    at: datetime
    query_set: str
    release: str
    was_in_service: bool
    mode: str
    queries: int
    quality: Estimate
    condensed: float | None
    judged: float | None
    p50_ms: float
    model: str
    views: str
    is_synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """All that was measured in the period, oldest first, and what was in force."""

    measure: str
    found: Sequence[Measured]
    lanes: Sequence[Lane]
    since: datetime
    until: datetime
    stale: Sequence[str] = ()


def quality_section(source: Source) -> Section:
    """What was measured in the period."""
    made = {one.name for one in list_query_sets(source.home) if one.is_synthetic}
    found = [_measured(source, row, is_synthetic=row.query_set in made) for row in source.rows]
    options = source.options
    in_force = lanes(source.services, options.until)
    stale = [said for one in source.newest_in_service if (said := _stale(source, one))]
    tenants = frozenset(row.tenant for row in source.rows)
    return tell_quality(Quality(options.measure, found, in_force, options.since, options.until, stale), tenants)


def _stale(source: Source, evaluation: Evaluation) -> str:
    """What became of the judged documents of a set since they were judged, in a sentence; empty where nothing did."""
    query_set = source.query_set(evaluation)
    if query_set is None or not query_set.staleness.is_stale:
        return ""
    now = query_set.staleness
    changed, gone = (len({name for ids in found.values() for name in ids}) for found in (now.changed, now.gone))
    left_out = f", and {len(now.left_out)} queries have no relevant document left" if now.left_out else ""
    return (
        f"Of the documents that {query_set.name} judges, {changed} changed since and {gone} are gone{left_out}:"
        " judge them again, since old judgments may no longer hold."
    )


def _measured(source: Source, row: EvaluationRow, *, is_synthetic: bool) -> Measured:
    """An evaluation; without an interval where its queries cannot be read."""
    evaluation, measure = source.evaluations.get(row.id), source.options.measure
    ends: tuple[float, float] | tuple[None, None] = (None, None)
    if evaluation is not None:
        ends = bootstrap_interval(list(evaluation.scores[measure].values()), seed=source.options.seed)
    return Measured(
        at=datetime.fromisoformat(row.created_at),
        query_set=row.query_set,
        release=row.release,
        was_in_service=source.was_in_service(row.release, row.created_at),
        mode=row.mode,
        queries=row.queries,
        quality=Estimate(row.means[measure], *ends),
        condensed=row.means.get(CONDENSED),
        judged=row.means.get(JUDGED),
        p50_ms=row.latency["p50_ms"],
        model=models_of(source.recipe(row.recipe)),
        views=views_of(source.recipe(row.recipe)),
        is_synthetic=is_synthetic,
    )


def tell_quality(quality: Quality, tenants: frozenset[str] = frozenset()) -> Section:
    """The section of what was read."""
    if not quality.found:
        return Section(ID, TITLE, absent=NOTHING)
    served = [one for one in quality.found if one.was_in_service and one.mode == SERVING_MODE]
    sets = list(dict.fromkeys(one.query_set for one in served))
    blocks: list[Block] = []
    if served:
        blocks.append(_chart(quality, served, sets[:MAX_LINES]))
    else:
        blocks += [Prose(["No release was evaluated while it was in service: the table has the others."])]
        blocks += [_table(quality)]
    if len(sets) > MAX_LINES:
        blocks.append(Prose([f"The chart shows {MAX_LINES} of {len(sets)} query sets; the table has all."]))
    if quality.stale:
        blocks.append(Prose(quality.stale, is_caveat=True))
    if any(one.is_synthetic for one in quality.found):
        blocks.append(Prose([SYNTHETIC], is_caveat=True))
    headlines = [_headline(quality.measure, [one for one in served if one.query_set == name]) for name in sets]
    return Section(ID, TITLE, blocks, headlines[:MAX_LINES], tenants=tenants)


SYNTHETIC = (
    "A synthetic set's queries are made of the documents themselves: they find breakage, and say little of how well"
    " real questions are answered."
)


def _headline(measure: str, found: Sequence[Measured]) -> Headline:
    """The newest value of a set, and what became of it since the first."""
    first, last = found[0], found[-1]
    value = last.quality
    ends = "" if value.low is None else f" (95 % interval {value.low:.3f} to {value.high:.3f})"
    said = f"{measure} {value.value:.3f}{ends} on {last.query_set}, {last.queries} queries, release {last.release}"
    if first.release == last.release:
        return Headline(f"{said}.")
    change = value.value - first.quality.value
    is_worse = value.high is not None and first.quality.low is not None and value.high < first.quality.low
    tone: Tone = "bad" if is_worse else "neutral"
    return Headline(f"{said}: {change:+.3f} since release {first.release}.", tone)


def _chart(quality: Quality, served: Sequence[Measured], sets: Sequence[str]) -> Chart:
    """A chart over time, or of every release beside the others where nothing was measured twice yet."""
    if max(sum(one.query_set == name for one in served) for name in sets) < 2:
        return _once(quality)
    lines = [
        Line(
            name,
            role,
            [Point(one.at, one.quality.value, *one.quality.ends) for one in served if one.query_set == name],
        )
        for name, role in zip(sets, SERIES, strict=False)
    ]
    return Chart(
        id="quality-over-time",
        title=f"{quality.measure} of what was in service",
        summary=f"{quality.measure} of {len(served)} evaluations of releases in service on {len(sets)} query sets.",
        drawing=Timeline(lines, quality.lanes, _begin(quality, served), quality.until, quality.measure),
        table=_table(quality),
        legend=[Key(line.name, line.role) for line in lines],
        note="A bar is the 95 % interval of a mean over queries. Dashed lines mark where the release changed.",
    )


def _begin(quality: Quality, served: Sequence[Measured]) -> datetime:
    """Where the axis of time begins: a little before the first evaluation, but in the period."""
    first = min(one.at for one in served)
    return max(quality.since, first - _MARGIN * (quality.until - first))


def _once(quality: Quality) -> Chart:
    found = [one for one in quality.found if one.mode == SERVING_MODE][-MAX_ROWS:]
    rows = [
        IntervalRow(
            f"{one.query_set}, release {one.release}",
            one.quality.value,
            *one.quality.ends,
            role="series-1" if one.was_in_service else "series-2",
        )
        for one in found
    ]
    return Chart(
        id="quality-by-release",
        title=f"{quality.measure} of each release that was evaluated",
        summary=f"{quality.measure} with 95 % intervals of {len(found)} evaluations.",
        drawing=Intervals(rows, quality.measure),
        table=_table(quality),
        legend=[Key("in service", "series-1", "dot"), Key("candidate", "series-2", "dot")],
        note="A bar is the 95 % interval of a mean over queries. Nothing was evaluated twice yet: time begins then.",
    )


def _table(quality: Quality) -> Table:
    columns = [
        Column("at", "moment"),
        Column("query set"),
        Column("release"),
        Column("was"),
        Column("mode"),
        Column("queries", "count"),
        Column(f"{quality.measure} (95 % interval)", "score"),
        Column("condensed", "score"),
        Column("judged@10", "share"),
        Column("p50 ms", "ms"),
        Column("model"),
        Column("views"),
    ]
    rows = [
        (
            one.at,
            one.query_set,
            one.release,
            "in service" if one.was_in_service else "candidate",
            one.mode,
            one.queries,
            one.quality,
            one.condensed,
            one.judged,
            one.p50_ms,
            one.model,
            one.views,
        )
        for one in quality.found
    ]
    return Table("Every evaluation of the period", columns, rows)
