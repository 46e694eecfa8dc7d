"""A comparison of two releases as people read it at a terminal, and as programs do."""

from dataclasses import asdict
from itertools import zip_longest

import click

from eval.experiments.changed_queries import ChangedQuery
from eval.experiments.comparison import Comparison
from eval.experiments.evaluations import Evaluation
from eval.experiments.measures import EVERY_MEASURE
from indexing.commands.terminal import print_table
from indexing.records import Json

_SHOWN = 20
"""Documents to judge that are printed; ``--json`` has all. Source: our choice."""


def comparison_json(found: Comparison) -> dict[str, Json]:
    """A comparison as JSON, with what follows from its fields."""
    changed = [{**asdict(one), "difference": one.difference} for one in found.most_changed]
    return {
        **asdict(found),
        "difference": found.difference,
        "is_comparable": found.is_comparable,
        "most_changed": changed,
    }


def print_comparison(found: Comparison, first: Evaluation, second: Evaluation) -> None:
    """A comparison with the evaluations that it is of, the verdict first."""
    click.echo(f"release {found.release_b} against {found.release_a}: {found.verdict.upper()}")
    for reason in found.reasons:
        click.echo(f"  {reason}")
    _print_measures(found, first, second)
    if found.slices:
        rows: list[list[object]] = [
            [one.slice, one.value, one.n, f"{one.difference:+.4f}", _p(one.p), _p(one.p_adjusted)]
            for one in found.slices
        ]
        print_table(f"slices, {found.measure}", ["slice", "value", "queries", "difference", "p", "adjusted p"], rows)
    for changed in found.most_changed:
        _print_changed(changed, found)
    if found.to_judge:
        pairs: list[list[object]] = [list(pair) for pair in found.to_judge[:_SHOWN]]
        print_table(f"to judge: {len(found.to_judge)}, the first of them", ["query", "document"], pairs)


def _print_measures(found: Comparison, first: Evaluation, second: Evaluation) -> None:
    rows: list[list[object]] = [
        [
            name,
            f"{first.means[name]:.4f}",
            f"{second.means[name]:.4f}",
            f"{second.means[name] - first.means[name]:+.4f}",
        ]
        for name in EVERY_MEASURE
    ]
    times = [(f"{one.p50_ms:.1f}", f"{one.p95_ms:.1f}", f"{one.p99_ms:.1f}") for one in found.latency]
    rows += [[f"{name} ms", *pair, ""] for name, *pair in zip(("p50", "p95", "p99"), *times, strict=True)]
    title = f"{first.query_set} ({first.split}), {first.mode}: {found.queries} queries paired"
    print_table(title, ["measure", found.release_a, found.release_b, "difference"], rows)
    if found.interval is not None and found.win_tie_loss is not None:
        low, high = found.interval
        counts = found.win_tie_loss
        click.echo(
            f"{found.measure}: {found.difference:+.4f}, 95 % of resamples in {low:+.4f} .. {high:+.4f},"
            f" p {_p(found.p)}; {counts.wins} queries won, {counts.ties} tied, {counts.losses} lost"
        )
    for release, count in zip((found.release_a, found.release_b), found.absent, strict=True):
        if count:
            click.echo(f"release {release} does not hold {count} relevant documents: they count as not found")


def _print_changed(changed: ChangedQuery, found: Comparison) -> None:
    """One query with both rankings side by side."""
    rows: list[list[object]] = [
        [rank, *(_graded(one, changed) for one in pair)]
        for rank, pair in enumerate(zip_longest(changed.ranking_a, changed.ranking_b, fillvalue=""), start=1)
    ]
    click.echo(f"{changed.query_id} ({changed.score_a:.3f} -> {changed.score_b:.3f}): {changed.text}")
    print_table("", ["rank", found.release_a, found.release_b], rows)


def _graded(document_id: str, changed: ChangedQuery) -> str:
    grade = changed.grades.get(document_id)
    return document_id if grade is None else f"{document_id} [grade {grade}]"


def _p(p: float | None) -> str:
    return "too few" if p is None else f"{p:.4f}"
