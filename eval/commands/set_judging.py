"""``groundwork eval sets add``, ``edit`` and ``retire``: a person judges, by name and with a reason."""

from collections.abc import Callable
from typing import Any

import click

from eval.commands.sets import by_option, print_change, reason_option, sets, slices_given
from indexing.commands.numbers import GRADE
from indexing.commands.terminal import as_json, collection_option, opened, tenant_option
from indexing.records import Partition
from indexing.settings import Settings


def _judging(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that a person judges by."""
    for decorate in (click.pass_obj, as_json, reason_option, by_option):
        command = decorate(command)
    return command


@sets.command("add")
@click.argument("name")
@click.argument("query")
@click.option("--document", "documents", multiple=True, required=True, help="The judged document (may be repeated).")
@click.option(
    "--grade", default=1, show_default=True, type=GRADE, help="Above 0 is relevant, 0 is judged not relevant."
)
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
    told = {"actor": options["by"], "reason": options["reason"], "slices": slices_given(options["slices"])}
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
    "--grade", required=True, type=GRADE, help="The new grade; the old one confirms it for the document of now."
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
