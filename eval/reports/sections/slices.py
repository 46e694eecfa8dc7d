"""The section on slices: how the live release does on each kind of query, and where a comparison differs."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eval.experiments.kept_evaluations import Evaluation
from eval.experiments.statistics import bootstrap_difference, bootstrap_interval
from eval.reports.charts.data import IntervalRow, Intervals
from eval.reports.model import Block, Chart, Column, Estimate, Headline, Prose, Section, Table
from eval.reports.sections.comparison import slug
from eval.reports.source import SERVING_MODE, Pair, Source

ID, TITLE = "slices", "Slices"
NOTHING = "The queries of the sets that were evaluated have no slices, such as a language or a topic."
LEVEL = 0.05
"""Share of false alarms among the slices that are called different. Source: Benjamini and Hochberg, 1995."""
MAX_ROWS = 24
"""How many slices a chart shows, those that are furthest from all queries first; the table has all. Our choice."""


@dataclass(frozen=True, slots=True)
class SliceLevel:
    """How a release does on the queries with one value of one slice."""

    slice: str
    value: str
    queries: int
    quality: Estimate


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """How two releases differ there; ``p_adjusted`` is for all slices together."""

    slice: str
    value: str
    queries: int
    difference: Estimate
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of one query set; ``compared`` says which releases, empty where only one was evaluated."""

    query_set: str
    release: str
    measure: str
    overall: float
    levels: Sequence[SliceLevel] = ()
    compared: str = ""
    differences: Sequence[SliceDifference] = ()


def slices_section(source: Source) -> Section:
    """The slices of what is live on each query set, and of the releases that are compared."""
    pairs = {one.first.query_set: one for one in reversed(source.pairs) if one.first.mode == SERVING_MODE}
    live = {one.query_set: one for one in source.newest_in_service}
    found = []
    for name in sorted(pairs.keys() | live.keys()):
        pair = pairs.get(name)
        shown = live.get(name) or (None if pair is None else pair.first)
        if shown is None:
            continue
        found.append(
            Slices(
                query_set=name,
                release=shown.release,
                measure=source.options.measure,
                overall=shown.means[source.options.measure],
                levels=slice_levels(source, shown),
                compared="" if pair is None else f"{pair.second.release} against {pair.first.release}",
                differences=() if pair is None else _slice_differences(source, pair),
            )
        )
    return tell_slices(found, frozenset(one.partition.tenant for one in (*live.values(), *_firsts(pairs.values()))))


def _firsts(pairs: Iterable[Pair]) -> list[Evaluation]:
    return [one.first for one in pairs]


def _slice_differences(source: Source, pair: Pair) -> list[SliceDifference]:
    """What the comparison says of each slice, with an interval."""
    if not pair.comparison.is_comparable:
        return []
    before, after = (one.scores[source.options.measure] for one in (pair.first, pair.second))
    found = []
    for one in pair.comparison.slices:
        if one.n == len(before):
            continue  # likewise
        ids = [name for name, values in pair.query_set.slices.items() if values.get(one.slice) == one.value]
        ids = [name for name in ids if name in before and name in after]
        ends = bootstrap_difference(
            [before[name] for name in ids], [after[name] for name in ids], seed=source.options.seed
        )
        found.append(
            SliceDifference(one.slice, one.value, one.n, Estimate(one.difference, *ends), one.p, one.p_adjusted)
        )
    return found


def slice_levels(source: Source, evaluation: Evaluation) -> list[SliceLevel]:
    """How an evaluation does on each value of each slice, by name; of a set that is not stored nothing."""
    query_set = source.query_set(evaluation)
    scores = evaluation.scores[source.options.measure]
    grouped: dict[tuple[str, str], list[float]] = defaultdict(list)
    for query_id, values in ({} if query_set is None else query_set.slices).items():
        if query_id in scores:
            for name, value in values.items():
                grouped[name, value].append(scores[query_id])
    found = []
    for (name, value), those in sorted(grouped.items()):
        if len(those) == len(scores):
            continue  # all queries: it tells nothing of a part of them
        low, high = bootstrap_interval(those, seed=source.options.seed)
        found.append(SliceLevel(name, value, len(those), Estimate(math.fsum(those) / len(those), low, high)))
    return found


def tell_slices(found: Sequence[Slices], tenants: frozenset[str] = frozenset()) -> Section:
    """The section of what was read."""
    found = [one for one in found if one.levels or one.differences]
    if not found:
        return Section(ID, TITLE, absent=NOTHING)
    blocks: list[Block] = []
    headlines: list[Headline] = []
    for one in found:
        if one.levels:
            blocks.append(_levels(one))
        if one.differences:
            blocks.append(_differences(one))
            headlines.append(_headline(one))
    if any(one.differences for one in found):
        blocks.append(
            Prose([f"A slice is called different where its p, adjusted for all slices of the set, is below {LEVEL}."])
        )
    return Section(ID, TITLE, blocks, headlines, tenants=tenants)


def _headline(one: Slices) -> Headline:
    worse = [found for found in one.differences if _is_shown(found) and found.difference.value < 0]
    if not worse:
        return Headline(f"No slice of {one.query_set} is shown to be worse ({one.compared}).")
    names = ", ".join(f"{found.slice} {found.value} ({found.difference.value:+.3f})" for found in worse[:3])
    more = f" and {len(worse) - 3} more" if len(worse) > 3 else ""
    return Headline(f"Worse on {one.query_set} ({one.compared}): {names}{more}.", "bad")


def _is_shown(found: SliceDifference) -> bool:
    return found.p_adjusted is not None and found.p_adjusted < LEVEL


def _levels(one: Slices) -> Chart:
    shown = sorted(one.levels, key=lambda level: -abs(level.quality.value - one.overall))[:MAX_ROWS]
    shown = [level for level in one.levels if level in shown]
    columns = [Column("slice"), Column("value"), Column("queries", "count"), Column(f"{one.measure} (95 %)", "score")]
    return Chart(
        id=f"slices-{slug(one.query_set)}",
        title=f"Release {one.release} on {one.query_set}, by slice",
        summary=f"{one.measure} with 95 % intervals of {len(shown)} slices; all queries have {one.overall:.3f}.",
        drawing=Intervals(
            [_row(f"{level.slice}: {level.value} ({level.queries})", level.quality) for level in shown],
            one.measure,
            one.overall,
        ),
        table=Table(
            "Every slice", columns, [(level.slice, level.value, level.queries, level.quality) for level in one.levels]
        ),
        note=f"The line is the mean over all queries, {one.overall:.3f}. In brackets: how many queries.",
    )


def _differences(one: Slices) -> Chart:
    rows = [
        _row(f"{found.slice}: {found.value} ({found.queries})", found.difference, _role(found))
        for found in sorted(one.differences, key=lambda found: found.difference.value)[:MAX_ROWS]
    ]
    columns = [
        Column("slice"),
        Column("value"),
        Column("queries", "count"),
        Column("difference (95 %)", "signed"),
        Column("p", "p"),
        Column("p adjusted", "p"),
    ]
    return Chart(
        id=f"slice-differences-{slug(one.query_set)}",
        title=f"{one.compared} on {one.query_set}, by slice",
        summary=f"Paired differences in {one.measure} with 95 % intervals of {len(rows)} slices.",
        drawing=Intervals(rows, f"difference in {one.measure}", 0.0),
        table=Table(
            "Every slice",
            columns,
            [
                (found.slice, found.value, found.queries, found.difference, found.p, found.p_adjusted)
                for found in one.differences
            ],
        ),
    )


def _role(found: SliceDifference) -> str:
    if not _is_shown(found):
        return "muted"
    return "bad" if found.difference.value < 0 else "good"


def _row(label: str, value: Estimate, role: str = "series-1") -> IntervalRow:
    low = value.value if value.low is None else value.low
    high = value.value if value.high is None else value.high
    return IntervalRow(label, value.value, low, high, role)
