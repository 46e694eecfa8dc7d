"""The commands that list, count and delete documents: ``groundwork documents list|count|delete``."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from app.commands.filter_option import filter_option
from indexing.commands.documents import document_json, documents
from indexing.commands.numbers import POSITIVE
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import collection_option, opened, print_json, print_table, short_time, tenant_option
from indexing.errors import InvalidInput
from indexing.home import Home
from indexing.records import Partition
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.documents import StoredDocument

PAGE = 100
"""Documents that are listed by default. Our choice: as many as the API gives at once."""
__all__ = ["documents"]


@documents.command("list")
@collection_option
@tenant_option
@filter_option
@click.option("--limit", default=PAGE, show_default=True, type=POSITIVE, help="How many at most.")
@click.option("--after", default="", metavar="ID", help="Begin behind this document.")
@json_option
@click.pass_obj
def documents_list(
    settings: Settings,
    collection: str,
    tenant: str,
    filters: tuple[str, ...],
    limit: int,
    after: str,
    as_json: bool,
) -> None:
    """List documents by id as they were written last, also those with an allow list, without their texts."""
    with opened(settings) as home:
        found = list(islice(_matching(home, Partition(tenant, collection), filters, after), limit + 1))
    rows = [document_json(stored) for stored in found[:limit]]
    if as_json:
        print_json(rows)
    else:
        cells = [[row["id"], row["title"], row["url"], short_time(row["updated_at"])] for row in rows]
        print_table("documents", ["id", "title", "url", "updated"], cells)
    if len(found) > limit:
        click.echo(f"There are more: go on with --after {rows[-1]['id']!r}.", err=True)


@documents.command("count")
@collection_option
@tenant_option
@filter_option
@json_option
@click.pass_obj
def documents_count(settings: Settings, collection: str, tenant: str, filters: tuple[str, ...], as_json: bool) -> None:
    """Count documents as they were written last, also those with an allow list."""
    with opened(settings) as home:
        number = sum(1 for _ in _matching(home, Partition(tenant, collection), filters))
    if as_json:
        print_json({"collection": collection, "documents": number})
    else:
        click.echo(number)


@documents.command("delete")
@click.argument("ids", nargs=-1)
@collection_option
@tenant_option
@filter_option
@click.option("--yes", is_flag=True, help="Do it; without this it only says what it would do.")
@json_option
@click.pass_obj
def documents_delete(
    settings: Settings,
    ids: tuple[str, ...],
    collection: str,
    tenant: str,
    filters: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Delete documents by id or by --filter: every API process finds them no more within seconds.

    What is retained on disk still holds them, until 'groundwork erase'.
    """
    from indexing.catalogue.document_writes import remove_unchanged
    from indexing.catalogue.documents import read_document

    if bool(ids) == bool(filters):
        raise InvalidInput("Say which documents to delete: give ids, or --filter, and not both.")
    partition = Partition(tenant, collection)
    with opened(settings) as home:
        if ids:
            seqs = {name: read_document(home.catalogue, partition, name).seq for name in ids}
        else:
            seqs = {stored.document.id: stored.seq for stored in _matching(home, partition, filters)}
        deleted = home.reserve.run(lambda: remove_unchanged(home.catalogue, partition, seqs)[0]) if yes and seqs else 0
    if as_json:
        print_json({"matched": len(seqs), "deleted": deleted, "documents": list(seqs)})
        return
    said = f"deleted {deleted} of {len(seqs)}" if yes else f"would delete (do it with --yes) {len(seqs)}"
    click.echo(f"{said} documents of {partition}")


def _matching(home: Home, partition: Partition, filters: Sequence[str], after: str = "") -> Iterator["StoredDocument"]:
    """The documents that fit all filters; all, where none is given.

    Raises:
        InvalidInput: a filter is not as it must be.
        NotFound: there is no such collection.
    """
    from app.retrieval.filters import matching
    from app.schemas.filter_texts import filter_from
    from app.services.matching_documents import matching_documents
    from indexing.catalogue.collections import require_collection

    require_collection(home.catalogue, partition)
    picks = matching(filter_from(filters) if filters else None, ())
    return matching_documents(home.catalogue, partition, picks, sees_all=True, after=after)
