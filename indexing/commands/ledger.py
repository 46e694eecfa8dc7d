"""The commands about the ledger: ``groundwork ledger``: what served a request, a tenant, what did a model answer."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.filesize import decimal

from indexing.commands.ledger_tables import (
    period_text,
    print_feedback,
    print_rows,
    release_name,
    show_request,
    tell_unread,
)
from indexing.commands.moments import limit_option, since_option, until_option
from indexing.commands.terminal import as_json, opened, print_json, print_table, screen
from indexing.errors import NotFound
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.home import Home
    from indexing.ledger.day_sources import DayFault
    from indexing.ledger.records import RequestRow


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
    from indexing.ledger.feedback_readers import feedback_about
    from indexing.ledger.row_json import feedback_json, row_json

    faults: list[DayFault] = []
    with opened(settings) as home:
        rows = _named(home, request_id, since, until, faults)
        said = [feedback_about(home.ledger, row.id, on_fault=lambda fault: None) for row in rows]
    tell_unread(faults)
    if not rows:
        raise NotFound(
            f"No request {request_id[:60]!r} in the ledger: check the id and the days ('groundwork ledger days')."
        )
    if as_json:
        print_json(
            [
                {**row_json(row), "feedback": [feedback_json(one) for one in about]}
                for row, about in zip(rows, said, strict=True)
            ]
        )
        return
    for row, about in zip(rows, said, strict=True):
        show_request(row)
        if about:
            print_feedback("feedback about it", about)


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
@limit_option
@as_json
@click.pass_obj
def ledger_tenant(
    settings: Settings, tenant: str, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """What served TENANT in a period: the share of each release and arm, then its newest requests."""
    from indexing.ledger.readers import served_tenant
    from indexing.ledger.row_json import row_json

    with opened(settings) as home:
        found = served_tenant(home.ledger, tenant, since, until, limit)
    if as_json:
        print_json(
            {
                "tenant": tenant,
                "from": since,
                "to": until,
                "answers": found.answers,
                "shares": [asdict(one) for one in found.shares],
                "newest": [row_json(row) for row in found.newest],
                "unread": [asdict(fault) for fault in found.faults],
            }
        )
        return
    tell_unread(found.faults)
    click.echo(f"tenant {tenant}, {period_text(since, until)}: {found.answers:,} answers")
    table: list[list[object]] = [
        [release_name(one.release), one.arm, f"{one.requests:,}", f"{one.share:.2%}"] for one in found.shares
    ]
    print_table("answers by release", ["release", "arm", "answers", "share"], table)
    print_rows(f"its newest {len(found.newest)} requests", found.newest)


@ledger.command("model")
@click.argument("model", metavar="NAME@V")
@since_option
@until_option
@limit_option
@as_json
@click.pass_obj
def ledger_model(
    settings: Settings, model: str, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """Every answer of the recipes that hold the model version NAME@V (NAME: its newest), as encoder or as reranker.

    A reranker took part in those whose row says is_reranked (--json).
    """
    from indexing.ledger.row_json import row_json
    from indexing.releases.lineage_answers import answers_of_model

    with opened(settings) as home:
        found = answers_of_model(home, model, since, until, limit)
    if as_json:
        print_json(
            {
                "model": found.model,
                "recipes": found.recipes,
                "answers": found.answers,
                "shadows": found.shadows,
                "by_day": [asdict(one) for one in found.days],
                "newest": [row_json(row) for row in found.newest],
                "unread": [asdict(fault) for fault in found.faults],
            }
        )
        return
    tell_unread(found.faults)
    named = ", ".join(map(str, found.recipes)) or "none"
    answered = f"{found.answers:,} answers" + (f" and {found.shadows:,} in shadow" if found.shadows else "")
    click.echo(f"model {found.model}, {period_text(since, until)}: {answered}, by the recipes {named}")
    table: list[list[object]] = [[one.day, one.release, one.kind, f"{one.requests:,}"] for one in found.days]
    print_table("answers by day", ["day", "release", "kind", "answers"], table)
    print_rows(f"the newest {len(found.newest)} of them", found.newest)


@ledger.command("feedback")
@click.option("--tenant", help="Of one tenant alone; by default of all.")
@since_option
@until_option
@limit_option
@as_json
@click.pass_obj
def ledger_feedback(
    settings: Settings, tenant: str | None, since: datetime | None, until: datetime | None, limit: int, as_json: bool
) -> None:
    """What users said and did about the answers of a period: the newest feedback, by the moments of its queries."""
    from indexing.ledger.feedback_readers import feedback_of
    from indexing.ledger.row_json import feedback_json

    faults: list[DayFault] = []
    with opened(settings) as home:
        newest = feedback_of(home.ledger, tenant, since, until, limit=limit, newest_first=True, on_fault=faults.append)
        rows = list(newest)
    tell_unread(faults)
    if as_json:
        print_json([feedback_json(row) for row in rows])
        return
    print_feedback(f"the newest feedback, {period_text(since, until)}", rows)


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
            f"{one.feedback:,}",
            *(f"{one.dropped:,}", f"{one.unwritten:,}", "; ".join(one.faults)),
        ]
        for one in found
    ]
    columns = ["day", "rows", "on disk", "compacted", "feedback", "dropped", "not written", "cannot be read"]
    print_table("days of the ledger (UTC)", columns, table)
    total = sum(one.size_bytes for one in found)
    click.echo(
        f"{len(found)} days, {decimal(total)}; kept are {settings.ledger_days} days and {settings.ledger_max_mb} MB"
    )


@ledger.command("compact")
@as_json
@click.pass_obj
def ledger_compact(settings: Settings, as_json: bool) -> None:
    """Pack the days that are over into Parquet files of half the size; needs the extra 'analytics'.

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
