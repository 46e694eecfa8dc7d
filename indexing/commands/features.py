"""The commands about document features: ``groundwork features``."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.numbers import FiniteRange
from indexing.commands.terminal import (
    as_json,
    collection_option,
    opened,
    print_json,
    print_table,
    progress_bar,
    short_time,
    tenant_option,
)
from indexing.errors import InvalidInput
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.features.materialise import Appended
    from indexing.features.skew import FeatureSkew
    from indexing.features.views import DocumentView


@click.group()
def features() -> None:
    """Values of documents that may boost them: what there is, what a document had when, and whether it is right."""


@features.command("list")
@as_json
@click.pass_obj
def features_list(settings: Settings, as_json: bool) -> None:
    """All document views, with what is stored of each."""
    from indexing.features.stored_views import read_stored_views
    from indexing.features.view_registry import document_views

    with opened(settings) as home:
        views = read_stored_views(home.catalogue, document_views(home.catalogue))
    rows: list[dict[str, Any]] = [view.to_json() for view in views]
    if as_json:
        print_json(rows)
        return
    cells: list[list[object]] = [
        [
            row["view"],
            ", ".join(f"{column['name']} {column['type']}" for column in row["definition"]["columns"]),
            row["definition"]["transformation"] or ("the ledger" if row["is_from_ledger"] else "pushed"),
            row["definition"]["ttl_seconds"] or "for ever",
            row["documents"],
            row["rows"],
            short_time(row["known_at"]),
        ]
        for row in rows
    ]
    columns = ["view", "columns", "computed by", "seconds to live", "documents", "rows", "last row"]
    print_table("document views", columns, cells)


@features.command("show")
@click.argument("view")
@click.pass_obj
def features_show(settings: Settings, view: str) -> None:
    """VIEW (NAME or NAME@VERSION) as JSON: definition, fingerprint, what is stored and lacking, recipes that use it."""
    from indexing.features.stored_views import documents_lacking, read_stored_views
    from indexing.features.view_registry import document_view
    from indexing.retention.feature_rows import recipes_using

    with opened(settings) as home:
        found = document_view(home.catalogue, view)
        (stored,) = read_stored_views(home.catalogue, [found])
        lacking, recipes = documents_lacking(home.catalogue, found), recipes_using(home, found)
    shown = {**stored.to_json(), "documents_lacking": lacking, "recipes": recipes}
    print_json(shown)


@features.command("diff")
@click.argument("one")
@click.argument("other")
@as_json
@click.pass_obj
def features_diff(settings: Settings, one: str, other: str, as_json: bool) -> None:
    """What differs between two document views, such as document_stats@1 and document_stats@2."""
    from indexing.features.stored_views import changed_fields
    from indexing.features.view_registry import document_view

    with opened(settings) as home:
        changes = changed_fields(*(document_view(home.catalogue, name) for name in (one, other)))
    if as_json:
        print_json(changes)
        return
    for name, (old, new) in changes.items():
        click.echo(f"{name}: {json.dumps(old)} -> {json.dumps(new)}")
    if not changes:
        click.echo("nothing differs")


@features.command("materialise")
@click.argument("view")
@as_json
@click.pass_obj
def features_materialise(settings: Settings, view: str, as_json: bool) -> None:
    """Compute the values of VIEW for every document that changed since, of all tenants.

    Each batch is stored at once, so that a run that was stopped is continued by the next. document_engagement is
    counted from the ledger.
    """
    from indexing.features.engagement import materialise_engagement
    from indexing.features.materialise import materialise
    from indexing.features.view_registry import document_view
    from indexing.features.views import FROM_LEDGER

    with opened(settings) as home, progress_bar(quiet=as_json) as progress:
        found = document_view(home.catalogue, view)
        if found.name in FROM_LEDGER:
            appended = materialise_engagement(home.catalogue, home.ledger)
        else:
            appended = materialise(home.catalogue, found, on_progress=progress)
    _tell(found, appended, as_json)


@features.command("push")
@click.argument("view")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@collection_option
@tenant_option
@as_json
@click.pass_obj
def features_push(settings: Settings, view: str, file: Path, collection: str, tenant: str, as_json: bool) -> None:
    """Append values of VIEW from FILE, one JSON object a line; - is standard input.

    A line is {"id": DOCUMENT, "values": {COLUMN: VALUE, ...}, "event_time": MOMENT}; without event_time it is so now.
    """
    from indexing.features.materialise import push
    from indexing.features.view_registry import document_view
    from indexing.records import Partition

    with opened(settings) as home, click.open_file(str(file), encoding="utf-8") as lines:
        found = document_view(home.catalogue, view)
        appended = push(home.catalogue, found, Partition(tenant, collection), _pushes(lines))
    _tell(found, appended, as_json)


def _pushes(lines: Any) -> Iterator[Any]:
    from indexing.features.materialise import now_utc, push_from_json

    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise InvalidInput(f"Line {number} is not valid JSON ({error}): correct it and push again.") from error
            yield push_from_json(value, now_utc())


def _tell(view: "DocumentView", appended: "Appended", as_json: bool) -> None:
    if as_json:
        print_json({"view": view.id, "rows": appended.rows, "left_out": appended.left_out})
        return
    click.echo(f"{view.id}: {appended.rows} rows appended")
    if appended.left_out:
        names = ", ".join(appended.left_out[:5])
        click.echo(f"left out, since they are not there: {len(appended.left_out)} documents ({names} ...)", err=True)


@features.command("get")
@click.argument("names", nargs=-1, required=True, metavar="VIEW:COLUMN...")
@click.option("--id", "ids", multiple=True, required=True, metavar="DOCUMENT_ID", help="May be repeated.")
@collection_option
@tenant_option
@click.option("--as-of", metavar="MOMENT", help="As it was known then, ISO 8601; by default as a search gets it now.")
@as_json
@click.pass_obj
def features_get(
    settings: Settings,
    /,
    names: tuple[str, ...],
    ids: tuple[str, ...],
    collection: str,
    tenant: str,
    as_of: str | None,
    as_json: bool,
) -> None:
    """The values of some features of some documents, now or as they were known at a moment."""
    from indexing.features.feature_values import moment_of, plain, read_features
    from indexing.features.online_store import OnlineStore, get_online
    from indexing.features.point_in_time import get_historical
    from indexing.records import Partition

    partition = Partition(tenant, collection)
    with opened(settings) as home:
        asked = read_features(home.catalogue, names)
        if as_of is None:
            values = get_online(OnlineStore(home.catalogue), asked, partition, ids, datetime.now(UTC))
        else:
            values = get_historical(home.catalogue, asked, [(partition, name) for name in ids], moment_of(as_of))
    found = [{name: plain(value) for name, value in one.items()} for one in values]
    if as_json:
        print_json([{"id": name, "values": one} for name, one in zip(ids, found, strict=True)])
        return
    columns = [feature.name for feature in asked]
    rows: list[list[object]] = [
        [name, *(_shown(one[column]) for column in columns)] for name, one in zip(ids, found, strict=True)
    ]
    print_table("features", ["document", *columns], rows)


def _shown(value: Any) -> str:
    return f"({value['absent']})" if isinstance(value, dict) else "(null)" if value is None else str(value)


@features.command("skew")
@click.option("--from", "since", metavar="MOMENT", help="From this moment on, ISO 8601; by default a day ago.")
@click.option("--to", "until", metavar="MOMENT", help="Before this moment; by default now.")
@click.option("--tenant", help="Of one tenant alone; by default of all.")
@click.option(
    "--sample", default=1.0, show_default=True, type=FiniteRange(0, 1), help="Share of documents, by key hash."
)
@click.option(
    "--fail-above",
    type=FiniteRange(0, 1),
    metavar="SHARE",
    help="Exit status 1, and a log event, where more of a feature's answers are wrong.",
)
@as_json
@click.pass_obj
def features_skew(
    settings: Settings,
    /,
    since: str | None,
    until: str | None,
    tenant: str | None,
    sample: float,
    fail_above: float | None,
    as_json: bool,
) -> None:
    """Recompute what the ledger says was served, and say by feature how much of it is wrong, and how far.

    Run it before documents change much: of a document that changed since its answer nothing can be said.
    """
    from indexing.features.feature_values import moment_of
    from indexing.features.skew import measure_skew, served_values
    from indexing.ledger.readers import requests_of
    from indexing.ledger.records import ANSWER_KINDS
    from indexing.releases.recipes import boost_features_of
    from indexing.telemetry import configure_logging

    if fail_above is not None:
        configure_logging(settings.log_level)  # the alert is for programs, too
    begin = datetime.now(UTC) - timedelta(days=1) if since is None else moment_of(since)
    end = None if until is None else moment_of(until)
    with opened(settings) as home:
        rows = requests_of(home.ledger, tenant, begin, end, kinds=ANSWER_KINDS)
        report = measure_skew(home.catalogue, served_values(rows), boost_features_of(home.catalogue), share=sample)
    if as_json:
        print_json(report.to_json())
    else:
        columns = ["feature", "compared", "mismatched", "missing", "extra", "SMAPE", "share wrong"]
        print_table("skew", columns, [_figures(name, one) for name, one in sorted(report.features.items())])
        click.echo(f"answers looked at: {report.sampled}; of {report.unknown} the document changed since")
    above = [] if fail_above is None else report.above(fail_above)
    for name in above:
        click.echo(f"{name}: more than {fail_above:g} of its answers are wrong", err=True)
    if above:
        sys.exit(1)


def _figures(name: str, one: "FeatureSkew") -> list[object]:
    counts = [one.compared, one.mismatched, one.missing, one.extra]
    return [name, *counts, f"{one.smape:.4f}", f"{one.share:.4f}"]


@features.command("remove")
@click.argument("view")
@click.option("--yes", is_flag=True, help="Do it; without this it only says what it would remove.")
@click.pass_obj
def features_remove(settings: Settings, view: str, yes: bool) -> None:
    """Delete all values of VIEW (NAME@VERSION), unless a recipe that may serve uses it. Its definition stays."""
    from indexing.features.stored_views import read_stored_views
    from indexing.features.view_registry import document_view
    from indexing.retention.feature_rows import remove_view_values, require_unused

    with opened(settings) as home:
        found = document_view(home.catalogue, view)
        require_unused(home, found)
        (stored,) = read_stored_views(home.catalogue, [found])
        rows = remove_view_values(home, found) if yes else stored.rows
    verb = "removed" if yes else "would remove (do it with --yes)"
    click.echo(f"{verb}: {rows} rows of {found.id}")
