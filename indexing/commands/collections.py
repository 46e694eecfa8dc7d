"""The commands about collections: ``groundwork collections``."""

import click

from indexing.commands.terminal import as_json, opened, print_json, print_table, tenant_option
from indexing.records import Partition
from indexing.settings import Settings


@click.group()
def collections() -> None:
    """List, create and delete collections."""


@collections.command("list")
@tenant_option
@as_json
@click.pass_obj
def collections_list(settings: Settings, tenant: str, as_json: bool) -> None:
    """The collections of a tenant by name, with how many documents were written to each."""
    from indexing.catalogue.collections import collection_sizes
    from indexing.catalogue.tenants import read_tenant

    with opened(settings) as home:
        read_tenant(home.catalogue, tenant)
        sizes = collection_sizes(home.catalogue, tenant)
    if as_json:
        print_json([{"name": name, "documents": size} for name, size in sizes.items()])
    else:
        print_table("collections", ["name", "documents"], [[name, f"{size:,}"] for name, size in sizes.items()])


@collections.command("create")
@click.argument("name")
@tenant_option
@as_json
@click.pass_obj
def collections_create(settings: Settings, name: str, tenant: str, as_json: bool) -> None:
    """Make an empty collection, unless it is there. Writing a document makes its collection, too."""
    from indexing.catalogue.collections import create_collection

    with opened(settings) as home:
        size, is_new = create_collection(home.catalogue, Partition(tenant, name))
    if as_json:
        print_json({"name": name, "documents": size, "created": is_new})
    else:
        click.echo(f"made collection {name}" if is_new else f"collection {name} is there already: {size:,} documents")


@collections.command("delete")
@click.argument("name")
@tenant_option
@click.option("--yes", is_flag=True, help="Do it; without this it only says what it would do.")
@as_json
@click.pass_obj
def collections_delete(settings: Settings, name: str, tenant: str, yes: bool, as_json: bool) -> None:
    """Delete a collection with all its documents: every API process finds them no more within seconds.

    What is retained on disk still holds them, until 'groundwork erase'.
    """
    from indexing.catalogue.collections import collection_sizes, remove_collection, require_collection

    partition = Partition(tenant, name)
    with opened(settings) as home:
        require_collection(home.catalogue, partition)
        size = collection_sizes(home.catalogue, tenant)[name]
        if yes:
            size, _ = home.reserve.run(lambda: remove_collection(home.catalogue, partition))
    if as_json:
        print_json({"name": name, "documents": size, "deleted": yes})
        return
    verb = "deleted" if yes else "would delete (do it with --yes)"
    click.echo(f"{verb}: collection {name} of tenant {tenant} with {size:,} documents")
