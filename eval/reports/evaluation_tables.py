"""Evaluations of releases as people read them at a terminal."""

from collections.abc import Sequence

import click

from eval.experiments.evaluations import Evaluation
from eval.experiments.statistics import bootstrap_interval
from indexing.catalogue.evaluations import EvaluationRow
from indexing.commands.terminal import print_table, short_time

_LISTED = ("nDCG@10", "nDCG@10 condensed", "judged@10", "MAP", "MRR@10", "R@100")
"""The measures of a list; ``show`` has all."""
_WORST = 10
"""Queries that are shown. Source: our choice."""


def print_evaluations(rows: Sequence[EvaluationRow]) -> None:
    """A list, one row an evaluation."""
    lines: list[list[object]] = [
        [
            row.id[:12],
            row.release,
            row.query_set if row.version is None else f"{row.query_set} v{row.version}",
            row.split,
            row.mode,
            row.queries,
            *(f"{row.means[name]:.4f}" if name in row.means else "" for name in _LISTED),
            f"{row.latency['p50_ms']:.1f} / {row.latency['p99_ms']:.1f}",
            short_time(row.created_at),
        ]
        for row in rows
    ]
    columns = ["id", "release", "query set", "split", "mode", "queries", *_LISTED, "p50 / p99 ms", "measured"]
    print_table("evaluations", columns, lines)


def print_evaluation(found: Evaluation) -> None:
    """One evaluation: means with their intervals, and the queries that score least."""
    rows: list[list[object]] = []
    for name, values in found.scores.items():
        low, high = bootstrap_interval(list(values.values()), seed=0)
        rows.append([name, f"{found.means[name]:.4f}", f"{low:.4f} .. {high:.4f}"])
    times = found.latency
    rows += [
        [f"{name} ms", f"{value:.1f}", ""]
        for name, value in zip(("p50", "p95", "p99"), (times.p50_ms, times.p95_ms, times.p99_ms), strict=True)
    ]
    click.echo(f"evaluation {found.id}, measured {short_time(found.created_at)}: release {found.release}")
    click.echo(f"on {found.query_set} ({found.split}), {found.mode}, {len(found.rankings)} queries")
    print_table("", ["measure", "mean", "95 % of resamples"], rows)
    scores = found.scores["nDCG@10"]
    worst = sorted(scores, key=lambda query: (scores[query], query))[:_WORST]
    lines: list[list[object]] = [
        [query, f"{scores[query]:.4f}", ", ".join(found.rankings[query][:5]), ", ".join(found.absent.get(query, ()))]
        for query in worst
    ]
    print_table("worst queries", ["query", "nDCG@10", "first documents", "relevant and not in the release"], lines)
