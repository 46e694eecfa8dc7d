"""``groundwork eval sets import``, ``synthesise`` and ``export``: sets from files and documents, and to files."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from eval.commands.sets import by_option, print_change, sets, slices_given, version_option
from indexing.commands.numbers import WHOLE
from indexing.commands.terminal import as_json, collection_option, opened, print_json, tenant_option
from indexing.records import Partition
from indexing.settings import Settings

_again = click.option("--again", is_flag=True, help="A set of that name becomes this one, as a new version.")


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

    fields = slices_given(options["slices"])
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


@sets.command("synthesise")
@click.argument("name")
@click.option("--count", default=200, show_default=True, type=click.IntRange(1, 2_000), help="Queries at most.")
@click.option("--seed", default=0, show_default=True, type=WHOLE, help="Which documents are taken.")
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
    from eval.datasets.model_calls import ModelCalls
    from eval.datasets.question_writer import PURPOSE, QuestionWriter
    from eval.datasets.synthesis import synthesise

    partition = Partition(options["tenant"], options["collection"])
    with opened(settings) as home:
        told = {"count": options["count"], "seed": options["seed"], "actor": options["by"], "again": options["again"]}
        if not options["model"]:
            print_change(synthesise(home, name, partition, **told), as_json)
            return
        endpoint = endpoint_of(settings)
        with ModelCalls(home, PURPOSE, endpoint.model) as calls:
            writer = QuestionWriter(endpoint, told=partial(calls.record, partition=partition))
            change = synthesise(home, name, partition, writer=writer, **told)
        print_change(change, as_json)


@sets.command("export")
@click.argument("name")
@click.argument("folder", type=click.Path(path_type=Path))
@version_option
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
