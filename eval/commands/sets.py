"""``groundwork eval sets``: import, list, show, change, make and export stored query sets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eval.commands.group import evaluation
from indexing.commands.terminal import (
    as_json,
    collection_option,
    opened,
    print_json,
    print_table,
    short_time,
    tenant_option,
)
from indexing.records import Partition
from indexing.settings import Settings, current_user

if TYPE_CHECKING:
    from eval.datasets.query_sets import QuerySet
    from eval.datasets.set_changes import SetChange

_SPLITS = ("train", "dev", "test")
_SHOWN_CHARACTERS = 60
"""Characters of a query that a table shows; ``--json`` has all. Our choice."""
by_option = click.option("--by", default=current_user, help="Who does it; by default the user that runs the command.")
reason_option = click.option("--reason", required=True, help="Why; kept with the change.")
_again = click.option("--again", is_flag=True, help="A set of that name becomes this one, as a new version.")
_version = click.option("--version", type=click.IntRange(1), help="As the set was then; by default the newest version.")


@evaluation.group("sets")
def sets() -> None:
    """Query sets of the home: queries, judgments, and who judged what and why."""


@sets.command("import")
@click.argument("name")
@click.option("--corpus", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder in BEIR layout.")
@click.option("--split", default="test", show_default=True, help="Judgments of the folder to use: qrels/SPLIT.tsv.")
@click.option("--queries", default="queries.jsonl", show_default=True, help="File with the queries; in --corpus.")
@click.option("--qrels", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with judgments.")
@click.option(
    "--slice", "slices", multiple=True, metavar="SLICE=FIELD", help="Take a slice from the queries' metadata."
)
@collection_option
@tenant_option
@_again
@by_option
@click.option("--reason", default="", help="Why; by default which files were read.")
@as_json
@click.pass_obj
def sets_import(settings: Settings, /, name: str, as_json: bool, **options: Any) -> None:
    """Store the set NAME from --corpus, or from --queries and --qrels: BEIR's files, or TREC's topics and qrels.

    It is about the documents of --collection. Which split a query is in, its text decides.
    """
    from eval.datasets.imports import QueryFiles, import_query_set

    fields = _fields(options["slices"])
    if options["corpus"] is not None and options["qrels"] is None:
        files = QueryFiles.of_folder(options["corpus"], options["split"], options["queries"], fields)
    elif options["corpus"] is None and options["qrels"] is not None:
        files = QueryFiles(Path(options["queries"]), options["qrels"], fields)
    else:
        raise click.UsageError("Give either --corpus, or --queries and --qrels.")
    partition = Partition(options["tenant"], options["collection"])
    with opened(settings) as home:
        told = {"actor": options["by"], "reason": options["reason"], "again": options["again"]}
        print_change(import_query_set(home, name, files, partition, **told), as_json)


def _fields(slices: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in slices]
    if wrong := [one for one, pair in zip(slices, pairs, strict=True) if not (pair[0] and pair[2])]:
        raise click.UsageError(f"--slice {wrong[0]!r}: expected SLICE=FIELD, such as topic=domain.")
    return {name: value for name, _, value in pairs}


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
@_version
@as_json
@click.pass_obj
def sets_show(settings: Settings, as_json: bool, name: str, split: str | None, version: int | None) -> None:
    """Show the queries of a set with their judgments, its versions, and which judged documents changed or are gone."""
    from eval.datasets.stored_sets import read_query_set, set_versions

    with opened(settings) as home:
        found = read_query_set(home, name, split=split, version=version)
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
        f"judged documents that {what}: {', '.join(sorted({one for documents in found.values() for one in documents}))}"
        for what, found in told
        if found
    ]
    if stale.left_out:
        lines.append(f"queries without a relevant document left, which are not measured: {', '.join(stale.left_out)}")
    return lines


def _judging(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that a person judges by."""
    for decorate in (click.pass_obj, as_json, reason_option, by_option):
        command = decorate(command)
    return command


@sets.command("add")
@click.argument("name")
@click.argument("query")
@click.option("--document", "documents", multiple=True, required=True, help="The judged document (may be repeated).")
@click.option("--grade", default=1, show_default=True, type=int, help="Above 0 is relevant, 0 is judged not relevant.")
@click.option("--slice", "slices", multiple=True, metavar="SLICE=VALUE", help="A slice of the query that is known.")
@click.option("--new", is_flag=True, help="Make the set first, about --collection of --tenant.")
@collection_option
@tenant_option
@_judging
def sets_add(settings: Settings, /, name: str, query: str, as_json: bool, **options: Any) -> None:
    """Judge documents for the text QUERY in the set NAME; the query joins the set if it is not in it."""
    from eval.datasets.curation import add_judgments
    from eval.datasets.frequency import frequency_in_ledger
    from eval.datasets.set_changes import create_set

    grades = dict.fromkeys(options["documents"], options["grade"])
    told = {"actor": options["by"], "reason": options["reason"], "slices": _fields(options["slices"])}
    with opened(settings) as home:
        if options["new"]:
            partition = Partition(options["tenant"], options["collection"])
            frequency = frequency_in_ledger(home, partition.tenant)
            with home.catalogue.write():
                create_set(home, name, partition, "curated", provenance={}, actor=options["by"])
                change = add_judgments(home, name, query, grades, frequency=frequency, **told)
        else:
            change = add_judgments(home, name, query, grades, **told)
    print_change(change, as_json)


@sets.command("edit")
@click.argument("name")
@click.argument("query_id")
@click.option("--document", "documents", multiple=True, required=True, help="The judged document (may be repeated).")
@click.option(
    "--grade", required=True, type=int, help="The new grade; the old one confirms it for the document of now."
)
@_judging
def sets_edit(settings: Settings, /, name: str, query_id: str, as_json: bool, **options: Any) -> None:
    """Grade judged documents of a query anew; what was judged before is kept in the set's history."""
    from eval.datasets.curation import edit_judgments

    grades = dict.fromkeys(options["documents"], options["grade"])
    with opened(settings) as home:
        change = edit_judgments(home, name, query_id, grades, actor=options["by"], reason=options["reason"])
    print_change(change, as_json)


@sets.command("retire")
@click.argument("name")
@click.argument("query_id")
@click.option("--document", "documents", multiple=True, help="Retire this judgment; by default the query with all.")
@_judging
def sets_retire(settings: Settings, /, name: str, query_id: str, as_json: bool, **options: Any) -> None:
    """Take judgments, or a whole query, out of a set from its next version on."""
    from eval.datasets.curation import retire_judgments

    documents = list(options["documents"]) or None
    with opened(settings) as home:
        change = retire_judgments(home, name, query_id, documents, actor=options["by"], reason=options["reason"])
    print_change(change, as_json)


@sets.command("synthesise")
@click.argument("name")
@click.option("--count", default=200, show_default=True, type=click.IntRange(1, 10_000), help="Queries at most.")
@click.option("--seed", default=0, show_default=True, type=int, help="Which documents are taken.")
@click.option("--model", is_flag=True, help="Let the model at GROUNDWORK_JUDGE_URL write them; it is sent documents.")
@collection_option
@tenant_option
@_again
@by_option
@as_json
@click.pass_obj
def sets_synthesise(settings: Settings, /, name: str, as_json: bool, **options: Any) -> None:
    """Store the set NAME of queries made of documents of --collection: titles, headings, key sentences, or --model."""
    from eval.datasets.chat_client import endpoint_of
    from eval.datasets.question_writer import QuestionWriter
    from eval.datasets.synthesis import synthesise

    partition = Partition(options["tenant"], options["collection"])
    with opened(settings) as home:
        writer = QuestionWriter(endpoint_of(settings)) if options["model"] else None
        told = {"count": options["count"], "seed": options["seed"], "actor": options["by"], "again": options["again"]}
        print_change(synthesise(home, name, partition, writer=writer, **told), as_json)


@sets.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@_version
@as_json
@click.pass_obj
def sets_export(settings: Settings, as_json: bool, name: str, folder: Path, version: int | None) -> None:
    """Write a set to the empty FOLDER in BEIR's layout. No erasure reaches what is written there."""
    from eval.datasets.export import export_query_set

    with opened(settings) as home:
        files = [str(path) for path in export_query_set(home, name, folder, version=version)]
    if as_json:
        print_json({"files": files})
        return
    for path in files:
        click.echo(path)
    click.echo("an erasure does not reach these files")


def print_change(change: "SetChange", as_json: bool) -> None:
    """What a change of a set did."""
    if as_json:
        print_json(asdict(change))
        return
    click.echo(
        f"{change.name}, version {change.version}: queries +{change.queries_added} ~{change.queries_changed}"
        f" -{change.queries_retired}, judgments +{change.judgments_added} -{change.judgments_retired}"
    )
