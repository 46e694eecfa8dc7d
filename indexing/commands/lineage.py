"""The commands about lineage: ``releases show`` and ``diff``, ``lineage`` and ``documents explain``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from indexing.commands.moments import limit_option, since_option, until_option
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import collection_option, opened, print_json, screen, tenant_option
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.releases.lineage_questions import Lineage

_MOST_BRANCHES = 20
"""Entries of a list that a tree shows; --json has all. Source: what a screen holds."""
_LINE_COLUMNS = 10_000
"""Characters a line where there is no terminal. Our choice."""


@click.command("show")
@click.argument("release")
@json_option
@click.pass_obj
def show(settings: Settings, release: str, as_json: bool) -> None:
    """Everything that went into RELEASE (13.2, or 13): model, views, snapshot, who, when, on what evidence."""
    from indexing.releases.lineage import release_lineage

    with opened(settings) as home:
        found = release_lineage(home, release)
    if as_json:
        print_json(found.to_json())
    else:
        _print_tree(f"release {found.release}", found.to_json())


@click.command("diff")
@click.argument("before")
@click.argument("after")
@json_option
@click.pass_obj
def diff(settings: Settings, before: str, after: str, as_json: bool) -> None:
    """What release AFTER has otherwise than BEFORE: its recipe field by field, and its documents."""
    from indexing.releases.release_diff import diff_releases

    with opened(settings) as home:
        found = diff_releases(home, before, after)
    if as_json:
        print_json({**asdict(found), "sentences": found.sentences})
        return
    click.echo(f"from release {found.before.number} to {found.after.number}:")
    for sentence in found.sentences:
        click.echo(f"  {sentence}")


@click.command()
@click.option(
    "--of",
    required=True,
    type=click.Choice(["model", "view", "snapshot", "release", "document", "passage", "request"]),
    help="What ID names.",
)
@click.argument("thing", metavar="ID")
@since_option
@until_option
@limit_option
@json_option
@click.pass_obj
def lineage(
    settings: Settings,
    of: str,
    thing: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """What ID is made of, what was made with it, and which answers it had a part in.

    ID is a model or view as NAME@VERSION, a snapshot's id, a release's number, a document as TENANT/COLLECTION/ID, a
    passage as TENANT/COLLECTION/ID#ORDINAL, or a request by query_id, ledger id or x-request-id. --from, --to and
    --limit are about the answers.
    """
    from indexing.releases.lineage_answers import Asked
    from indexing.releases.lineage_questions import lineage_of

    with opened(settings) as home:
        found = lineage_of(home, of, Asked(thing, since, until, limit))
    _print_lineage(found, as_json=as_json)


@click.command("explain")
@click.argument("thing", metavar="ID")
@collection_option
@tenant_option
@click.option("--release", metavar="NUMBER", help="As this release (13.2) holds it; by default the one in service.")
@json_option
@click.pass_obj
def explain(settings: Settings, thing: str, collection: str, tenant: str, release: str | None, as_json: bool) -> None:
    """How a document, or a passage of it, came to be: its reader, views, model, job, snapshot and release.

    ID is a document's id, or that of a passage, as hits have it: the document's, '#', and its number from 0.
    """
    from indexing.errors import NotFound
    from indexing.releases.lineage_answers import Asked
    from indexing.releases.lineage_questions import lineage_of

    asked = Asked(f"{tenant}/{collection}/{thing}", release=release)
    with opened(settings) as home:
        try:
            found = lineage_of(home, "document", asked)
        except NotFound:
            if "#" not in thing:
                raise
            found = lineage_of(home, "passage", asked)
    _print_lineage(found, as_json=as_json)


def _print_lineage(found: "Lineage", *, as_json: bool) -> None:
    """A lineage as a tree or as JSON, and which days of the ledger it lacks."""
    if as_json:
        print_json(found.to_json())
    else:
        plain = found.to_json()
        _print_tree(f"{plain.pop('of')} {plain.pop('id')}", plain)
    for reason in found.answers.unread:
        screen.print(f"not in this answer: {reason}", style="red", markup=False, highlight=False, soft_wrap=True)


def _print_tree(title: str, value: Mapping[str, Any]) -> None:
    tree = Tree(Text(title))
    _grow(tree, value)
    console = Console()
    if not console.is_terminal:
        console.width = _LINE_COLUMNS
    console.print(tree)


def _grow(tree: Tree, value: Mapping[str, Any]) -> None:
    """One branch a field; what is empty is left out."""
    for name, one in value.items():
        label = _label(name)
        if isinstance(one, Mapping):
            if one:
                _grow(tree.add(Text(label)), one)
        elif isinstance(one, Sequence) and not isinstance(one, str):
            _grow_list(tree, label, one)
        elif one not in (None, ""):
            tree.add(Text(f"{label}: {one}"))


def _grow_list(tree: Tree, label: str, values: Sequence[Any]) -> None:
    if not values:
        return
    if not any(isinstance(one, Mapping) for one in values) and len(values) <= _MOST_BRANCHES:
        tree.add(Text(f"{label}: {', '.join(map(str, values))}"))
        return
    branch = tree.add(Text(f"{label} ({len(values)})"))
    for one in values[:_MOST_BRANCHES]:
        if isinstance(one, Mapping):
            branch.add(Text(_on_one_line(one))) if _is_flat(one) else _grow(branch.add(Text(_named(one))), one)
        else:
            branch.add(Text(str(one)))
    if len(values) > _MOST_BRANCHES:
        branch.add(Text(f"and {len(values) - _MOST_BRANCHES} more; --json has all"))


def _is_flat(value: Mapping[str, Any]) -> bool:
    return not any(isinstance(one, (Mapping, list, tuple)) and one for one in value.values())


def _on_one_line(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{_label(name)} {one}" for name, one in value.items() if one not in (None, "", [], (), {}))


def _label(name: str) -> str:
    """A field's name as people write it; what is no field's name, such as a file's, stays as it is."""
    return name.replace("_", " ") if name.isidentifier() else name


def _named(value: Mapping[str, Any]) -> str:
    """What tells one entry of a list from the others."""
    if isinstance(value.get("rollout"), Mapping):
        return f"rollout {value['rollout']['id']}"
    named = value.get("kind"), value.get("id"), value.get("name")
    return " ".join(str(one) for one in named if isinstance(one, (str, int))) or "-"
