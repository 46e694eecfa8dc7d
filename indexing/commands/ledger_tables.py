"""How the commands about the ledger show requests, feedback, periods and days that could not be read."""

from collections.abc import Sequence
from datetime import datetime

import click

from indexing.commands.terminal import print_table, screen
from indexing.ledger.day_sources import DayFault
from indexing.ledger.feedback import FeedbackRow
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow

_BEFORE_ALL = "the first row"
_UNTIL_NOW = "now"


def tell_unread(faults: Sequence[DayFault]) -> None:
    """Say on standard error which days an answer lacks."""
    for fault in faults:
        screen.print(
            f"{fault.day} is not in this answer: {fault.reason}",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def period_text(since: datetime | None, until: datetime | None) -> str:
    """A period in words."""
    first = _BEFORE_ALL if since is None else f"{since:%Y-%m-%d %H:%M}"
    last = _UNTIL_NOW if until is None else f"{until:%Y-%m-%d %H:%M}"
    return f"from {first} to {last} (UTC)"


def release_name(release: str) -> str:
    """How a table names a release."""
    return "none" if release == "0.0" else release


def print_rows(title: str, rows: Sequence[RequestRow]) -> None:
    """A line a request."""
    table: list[list[object]] = [
        [
            *(f"{moment_of(row.id):%Y-%m-%d %H:%M:%S}", row.id, row.tenant, row.kind, release_name(row.release)),
            *(row.arm, row.reason, row.status, len(row.hits) if row.is_whole else "", _milliseconds(row)),
        ]
        for row in rows
    ]
    columns = ["at (UTC)", "ledger id", "tenant", "kind", "release", "arm", "why", "status", "hits", "ms"]
    print_table(title, columns, table)


def _milliseconds(row: RequestRow) -> str:
    total = row.timings_ms.get("total")
    return "" if total is None else f"{total:.1f}"


def print_feedback(title: str, rows: Sequence[FeedbackRow]) -> None:
    """A line for each thing that was said or done."""
    table: list[list[object]] = [
        [
            *(f"{row.at:%Y-%m-%d %H:%M:%S}", row.query_id, row.tenant, row.action, row.document_id or ""),
            *("" if value is None else value for value in (row.position, row.value, row.comment)),
        ]
        for row in rows
    ]
    columns = ["at (UTC)", "query", "tenant", "action", "document", "position", "value", "comment"]
    print_table(title, columns, table)


def show_request(row: RequestRow) -> None:
    """All of one request, with its hits."""
    click.echo(f"request {row.id} at {moment_of(row.id):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " (UTC)")
    served = f"release {release_name(row.release)}, arm {row.arm} ({row.reason})"
    click.echo(f"  served by:  {served}{'' if row.rollout is None else f', rollout {row.rollout}'}")
    user = "user not said" if row.user is None else f"user {row.user} (hashed)"
    click.echo(f"  asked by:   tenant {row.tenant}, collection {row.collection}, {user}")
    click.echo(f"  request id: {row.request_id}")
    click.echo(f"  asked:      {row.kind}, mode {row.mode}, k {row.k}, {_asked(row)}")
    click.echo(f"  answered:   status {row.status}{'' if row.error is None else f' {row.error}'}, {_answered(row)}")
    for warning in row.warnings:
        click.echo(f"  warning:    {warning}")
    if row.is_erased:
        click.echo("  erased:     hits that named a document which was erased since")
    if row.hits:
        table: list[list[object]] = [
            [rank, hit.document_id, hit.start, hit.end, *map(_score, (hit.score, hit.dense, hit.lexical, hit.rerank))]
            for rank, hit in enumerate(row.hits, 1)
        ]
        columns = ["rank", "document", "start", "end", "score", "dense", "lexical", "rerank"]
        print_table("hits as they were answered", columns, table)


def _asked(row: RequestRow) -> str:
    if row.query is not None:
        return str(row.query.get("query") or row.query.get("messages") or "a vector")
    return "text not kept" if row.is_whole else "assignment alone kept (GROUNDWORK_LEDGER=off)"


def _answered(row: RequestRow) -> str:
    if not row.is_whole:
        return "hits not kept"
    took = _milliseconds(row)
    return f"{len(row.hits)} hits" + (f" in {took} ms" if took else "")


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"
