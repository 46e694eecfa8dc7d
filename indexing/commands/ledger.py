"""The commands about the ledger: ``groundwork ledger``: what served a request, a tenant, what did a model answer."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.filesize import decimal

from indexing.commands.moments import since_option, until_option
from indexing.commands.terminal import as_json, opened, print_json, print_table, screen
from indexing.errors import NotFound
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.home import Home
    from indexing.ledger.day_sources import DayFault
    from indexing.ledger.records import RequestRow

_BEFORE_ALL = "the first row"
_UNTIL_NOW = "now"


_limit = click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="How many rows to list, newest first.",
)


@click.group()
def ledger() -> None:
    """Say what served whom: by request, by tenant, by model."""


@ledger.command("request")
@click.argument("request_id", metavar="ID")
@since_option
@until_option
@as_json
@click.pass_obj
def ledger_request(
    settings: Settings, request_id: str, since: datetime | None, until: datetime | None, as_json: bool
) -> None:
    """What served the request ID: the query_id of an answer, a ledger id, or the caller's own x-request-id.

    A caller's own id is looked for in all days; --from and --to make it fewer.
    """
    from indexing.ledger.row_json import row_json

    faults: list[DayFault] = []
    with opened(settings) as home:
        rows = _named(home, request_id, since, until, faults)
    _tell(faults)
    if not rows:
        raise NotFound(
            f"No request {request_id[:60]!r} in the ledger: check the id and the days ('groundwork ledger days')."
        )
    if as_json:
        print_json([row_json(row) for row in rows])
        return
    for row in rows:
        _show_row(row)


def _named(
    home: "Home", request_id: str, since: datetime | None, until: datetime | None, faults: "list[DayFault]"
) -> "list[RequestRow]":
    from indexing.ledger.ids import find_ledger_id
    from indexing.ledger.readers import requests_named, served_request

    ledger_id = find_ledger_id(request_id)
    row = None if ledger_id is None else served_request(home.ledger, ledger_id, on_fault=faults.append)
    if row is not None:
        return [row]
    return requests_named(home.ledger, request_id, since, until, on_fault=faults.append)


@ledger.command("tenant")
@click.argument("tenant")
@since_option
@until_option
@_limit
@as_json
@click.pass_obj
def ledger_tenant(
    settings: Settings, tenant: str, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """What served TENANT in a period: the share of each release and arm, then its newest requests."""
    from indexing.ledger.readers import requests_of, shares
    from indexing.ledger.row_json import row_json

    faults: list[DayFault] = []
    with opened(settings) as home:
        found = shares(home.ledger, tenant, since, until, on_fault=faults.append)
        rows = list(
            requests_of(home.ledger, tenant, since, until, limit=limit, newest_first=True, on_fault=lambda fault: None)
        )
    if as_json:
        print_json(
            {
                "tenant": tenant,
                "from": since,
                "to": until,
                "answers": sum(one.requests for one in found),
                "shares": [asdict(one) for one in found],
                "newest": [row_json(row) for row in rows],
                "unread": [asdict(fault) for fault in faults],
            }
        )
        return
    _tell(faults)
    click.echo(f"tenant {tenant}, {_period(since, until)}: {sum(one.requests for one in found):,} answers")
    table: list[list[object]] = [
        [_release(one.release), one.arm, f"{one.requests:,}", f"{one.share:.2%}"] for one in found
    ]
    print_table("answers by release", ["release", "arm", "answers", "share"], table)
    _print_rows(f"its newest {len(rows)} requests", rows)


@ledger.command("model")
@click.argument("model", metavar="NAME@V")
@since_option
@until_option
@_limit
@as_json
@click.pass_obj
def ledger_model(
    settings: Settings, model: str, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """Every answer of the recipes that hold the model version NAME@V, as encoder or as reranker.

    A reranker took part in those whose row says is_reranked (--json).
    """
    from indexing.ledger.readers import recipe_days, requests_of_recipes
    from indexing.ledger.row_json import row_json
    from indexing.releases.recipes import recipes_of_model

    faults: list[DayFault] = []
    with opened(settings) as home:
        recipes = recipes_of_model(home.catalogue, model)
        if not recipes:
            home.models.get(model)  # says so where there is no such model
        days = recipe_days(home.ledger, recipes, since, until, on_fault=faults.append)
        rows = list(
            requests_of_recipes(
                home.ledger, recipes, since, until, limit=limit, newest_first=True, on_fault=lambda fault: None
            )
        )
    if as_json:
        print_json(
            {
                "model": model,
                "recipes": recipes,
                "answers": sum(one.requests for one in days),
                "by_day": [asdict(one) for one in days],
                "newest": [row_json(row) for row in rows],
                "unread": [asdict(fault) for fault in faults],
            }
        )
        return
    _tell(faults)
    named = ", ".join(map(str, recipes)) or "none"
    total = sum(one.requests for one in days)
    click.echo(f"model {model}, {_period(since, until)}: {total:,} answers, by the recipes {named}")
    table: list[list[object]] = [[one.day, one.release, one.kind, f"{one.requests:,}"] for one in days]
    print_table("answers by day", ["day", "release", "kind", "answers"], table)
    _print_rows(f"the newest {len(rows)} of them", rows)


@ledger.command("days")
@as_json
@click.pass_obj
def ledger_days(settings: Settings, as_json: bool) -> None:
    """What each day holds: rows, bytes, and the rows that are missing. Days go as the settings say."""
    from indexing.ledger.day_totals import day_totals

    with opened(settings) as home:
        found = day_totals(home.ledger)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table: list[list[object]] = [
        [
            *(one.day, f"{one.rows:,}", decimal(one.size_bytes), "yes" if one.is_compacted else ""),
            *(f"{one.dropped:,}", f"{one.unwritten:,}", "; ".join(one.faults)),
        ]
        for one in found
    ]
    columns = ["day", "rows", "on disk", "compacted", "dropped", "not written", "cannot be read"]
    print_table("days of the ledger (UTC)", columns, table)
    total = sum(one.size_bytes for one in found)
    click.echo(
        f"{len(found)} days, {decimal(total)}; kept are {settings.ledger_days} days and {settings.ledger_max_mb} MB"
    )


@ledger.command("compact")
@as_json
@click.pass_obj
def ledger_compact(settings: Settings, as_json: bool) -> None:
    """Pack the days that are over into Parquet files of a third of the size; needs the extra 'analytics'.

    Requests are answered and recorded meanwhile. A day's rows leave its database when its new file was read again and
    found to hold them all.
    """
    from indexing.backups.backup import files_kept
    from indexing.ledger.compaction import compact, sealed_days

    done = []
    with opened(settings) as home, files_kept(home), screen.status("looking") as status:
        for one in sealed_days(home.ledger, datetime.now(UTC)):
            status.update(f"compacting {one.day}")
            done.append(compact(home.ledger, one))
    if as_json:
        print_json([asdict(one) for one in done])
        return
    for day in done:
        sizes = f"{decimal(day.bytes_before)} before, {decimal(day.bytes_after)} now"
        click.echo(f"{day.day}: {day.rows:,} rows, {sizes}")
    if not done:
        click.echo("nothing to compact: no day that is over has rows in its database")


def _tell(faults: "Sequence[DayFault]") -> None:
    """Say on standard error which days an answer lacks."""
    for fault in faults:
        screen.print(
            f"{fault.day} is not in this answer: {fault.reason}",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _period(since: datetime | None, until: datetime | None) -> str:
    first = _BEFORE_ALL if since is None else f"{since:%Y-%m-%d %H:%M}"
    last = _UNTIL_NOW if until is None else f"{until:%Y-%m-%d %H:%M}"
    return f"from {first} to {last} (UTC)"


def _release(release: str) -> str:
    return "none" if release == "0.0" else release


def _print_rows(title: str, rows: "Sequence[RequestRow]") -> None:
    from indexing.ledger.ids import moment_of

    table: list[list[object]] = [
        [
            *(f"{moment_of(row.id):%Y-%m-%d %H:%M:%S}", row.id, row.tenant, row.kind, _release(row.release)),
            *(row.arm, row.reason, row.status, len(row.hits) if row.is_whole else "", _milliseconds(row)),
        ]
        for row in rows
    ]
    columns = ["at (UTC)", "ledger id", "tenant", "kind", "release", "arm", "why", "status", "hits", "ms"]
    print_table(title, columns, table)


def _milliseconds(row: "RequestRow") -> str:
    total = row.timings_ms.get("total")
    return "" if total is None else f"{total:.1f}"


def _show_row(row: "RequestRow") -> None:
    from indexing.ledger.ids import moment_of

    click.echo(f"request {row.id} at {moment_of(row.id):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " (UTC)")
    served = f"release {_release(row.release)}, arm {row.arm} ({row.reason})"
    click.echo(f"  served by:  {served}{'' if row.rollout is None else f', rollout {row.rollout}'}")
    click.echo(
        f"  asked by:   tenant {row.tenant}, collection {row.collection}, user {row.user or 'not said'} (hashed)"
    )
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


def _asked(row: "RequestRow") -> str:
    if row.query is not None:
        return str(row.query.get("query") or row.query.get("messages") or "a vector")
    return "text not kept" if row.is_whole else "assignment alone kept (GROUNDWORK_LEDGER=off)"


def _answered(row: "RequestRow") -> str:
    if not row.is_whole:
        return "hits not kept"
    took = _milliseconds(row)
    return f"{len(row.hits)} hits" + (f" in {took} ms" if took else "")


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"
