"""``groundwork eval sets``: the group, with the commands that list and show stored query sets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from eval.commands.group import evaluation
from indexing.commands.numbers import POSITIVE
from indexing.commands.terminal import (
    as_json,
    opened,
    print_json,
    print_table,
    short_time,
)
from indexing.settings import Settings, current_user

if TYPE_CHECKING:
    from eval.datasets.curation import PastJudgment
    from eval.datasets.query_sets import QuerySet
    from eval.datasets.set_changes import SetChange

_SPLITS = ("train", "dev", "test")
_SHOWN_CHARACTERS = 60
"""Characters of a query that a table shows; ``--json`` has all. Our choice."""
_SHOWN_IDS = 20
"""Ids that a line names; ``sets show --json`` has all. Our choice."""
by_option = click.option("--by", default=current_user, help="Who does it; by default the user that runs the command.")
reason_option = click.option("--reason", required=True, help="Why; kept with the change.")
version_option = click.option("--version", type=POSITIVE, help="As the set was then; by default the newest version.")


@evaluation.group("sets")
def sets() -> None:
    """Query sets of the home: queries, judgments, and who judged what and why."""


@sets.command("list")
@as_json
@click.pass_obj
def sets_list(settings: Settings, as_json: bool) -> None:
    """List all sets with what they hold and where they come from."""
    from eval.datasets.stored_sets import list_query_sets

    with opened(settings) as home:
        found = list_query_sets(home)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    columns = ["name", "documents of", "kind", "version", "queries", "judgments", "changed", "by"]
    rows: list[list[object]] = [
        [
            *(one.name, one.partition, one.kind, one.version, one.queries, one.judgments),
            *(short_time(one.changed_at), one.created_by),
        ]
        for one in found
    ]
    print_table("query sets", columns, rows)


@sets.command("show")
@click.argument("name")
@click.option("--split", type=click.Choice(_SPLITS), help="Queries of this split; by default all.")
@version_option
@click.option("--query", "query_id", help="Show what was ever judged for this query instead, by whom and why.")
@as_json
@click.pass_obj
def sets_show(
    settings: Settings, as_json: bool, name: str, split: str | None, version: int | None, query_id: str | None
) -> None:
    """Show the queries of a set with their judgments, its versions, and which judged documents changed or are gone."""
    from eval.datasets.curation import history
    from eval.datasets.query_sets import with_relevant
    from eval.datasets.stored_sets import read_query_set, set_versions

    with opened(settings) as home:
        if query_id is not None:
            _show_history(history(home, name, query_id), as_json)
            return
        found = read_query_set(home, name, split=split, version=version, is_whole=True)
        versions = set_versions(home, name)
    if as_json:
        print_json({**asdict(found), "versions": [asdict(one) for one in versions]})
        return
    title = f"{name}, version {found.version}: {len(found.queries)} queries about {found.partition}"
    shown = sorted(set().union(*(one.keys() for one in found.slices.values())) - {"tenant"})
    rows: list[list[object]] = [
        [query, text[:_SHOWN_CHARACTERS], *(found.slices[query].get(one, "") for one in shown), _grades(found, query)]
        for query, text in found.queries.items()
    ]
    print_table(title, ["id", "query", *shown, "judgments"], rows)
    print_table(
        "versions",
        ["version", "what", "by", "when", "why"],
        [[one.version, one.action, one.actor, short_time(one.at), one.reason] for one in versions],
    )
    for line in stale_lines(found):
        click.echo(line)
    found_none = found.queries.keys() - with_relevant(found.qrels) - set(found.staleness.left_out)
    if found_none:
        click.echo(f"queries that no document is judged relevant for, which are not measured: {_some(found_none)}")


def _show_history(judged: "Sequence[PastJudgment]", as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in judged])
        return
    rows: list[list[object]] = [
        [
            *(one.document, one.grade, one.author, short_time(one.at), one.reason),
            f"{one.since_version} to {'now' if one.until_version is None else one.until_version - 1}",
        ]
        for one in judged
    ]
    print_table("judgments", ["document", "grade", "by", "when", "why", "in versions"], rows)


def _grades(found: "QuerySet", query: str) -> str:
    return ", ".join(f"{document} ({grade})" for document, grade in found.qrels[query].items())


def stale_lines(query_set: "QuerySet") -> list[str]:
    """What a person must know of judged documents that changed or are gone; nothing where none did."""
    stale = query_set.staleness
    told: tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...] = (
        ("changed since they were judged, and are scored all the same", stale.changed),
        ("are gone, and their judgments are left out", stale.gone),
    )
    lines = [
        f"judged documents that {what}: {_some({one for documents in found.values() for one in documents})}"
        for what, found in told
        if found
    ]
    if stale.left_out:
        lines.append(f"queries without a relevant document left, which are not measured: {_some(stale.left_out)}")
    return lines


def _some(ids: Collection[str]) -> str:
    """Ids in their order, and how many there are more than a person reads."""
    named = ", ".join(sorted(ids)[:_SHOWN_IDS])
    return named if len(ids) <= _SHOWN_IDS else f"{named} and {len(ids) - _SHOWN_IDS:,} more"


def print_change(change: "SetChange", as_json: bool) -> None:
    """What a change of a set did."""
    if as_json:
        print_json(asdict(change))
        return
    click.echo(
        f"{change.name}, version {change.version}: queries +{change.queries_added} ~{change.queries_changed}"
        f" -{change.queries_retired}, judgments +{change.judgments_added} -{change.judgments_retired}"
    )


def slices_given(slices: Sequence[str]) -> dict[str, str]:
    """What ``--slice`` says, given once or often, as a dict.

    Raises:
        UsageError: one of them is not ``NAME=VALUE``.
    """
    pairs = [one.partition("=") for one in slices]
    if wrong := [one for one, pair in zip(slices, pairs, strict=True) if not (pair[0] and pair[2])]:
        raise click.UsageError(f"--slice {wrong[0]!r}: expected NAME=VALUE, such as topic=domain.")
    return {name: value for name, _, value in pairs}
