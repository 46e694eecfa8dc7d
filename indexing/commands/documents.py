"""The commands about single documents: ``groundwork documents``."""

from typing import TYPE_CHECKING, Any

import click

from indexing.commands.terminal import as_json, collection_option, opened, print_json, tenant_option
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.documents import StoredDocument


@click.group()
def documents() -> None:
    """List, look at, count and delete documents."""


@documents.command("get")
@click.argument("document_id")
@collection_option
@tenant_option
@as_json
@click.pass_obj
def documents_get(settings: Settings, document_id: str, collection: str, tenant: str, as_json: bool) -> None:
    """Show a document as it was written last, and where the text of its file went when it was read."""
    from indexing.catalogue.collections import require_collection
    from indexing.catalogue.document_readings import account_json, read_account
    from indexing.catalogue.documents import read_document
    from indexing.records import Partition

    partition = Partition(tenant, collection)
    with opened(settings) as home:
        require_collection(home.catalogue, partition)
        stored = read_document(home.catalogue, partition, document_id)
        account = read_account(home.catalogue, partition, document_id)
    told_account = None if account is None else account_json(account)
    value = document_json(stored) | {"account": told_account, "text": stored.document.text}
    if as_json:
        print_json(value)
        return
    text, told = value.pop("text"), value.pop("account")
    for name, field in value.items():
        click.echo(f"{name}: {'every caller of the tenant' if name == 'allow' and field is None else field}")
    for name, field in (told or {"account": "none; it was not read from a file, or by an older version"}).items():
        click.echo(f"{name}: {field}")
    click.echo(f"\n{text}")


def document_json(stored: "StoredDocument") -> dict[str, Any]:
    """A document without its text, for a program."""
    document = stored.document
    return {
        "id": document.id,
        "title": document.title,
        "url": document.url,
        "content_type": document.content_type,
        "allow": None if document.allow is None else list(document.allow),
        "metadata": dict(document.metadata),
        "updated_at": stored.updated_at,
    }
