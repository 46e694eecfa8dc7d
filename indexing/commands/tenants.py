"""The commands about access: ``groundwork tenants`` and ``groundwork keys``."""

from dataclasses import asdict
from typing import Any

import click

from indexing.catalogue.api_keys import OPERATOR, SCOPES, Key
from indexing.catalogue.tenants import DEFAULT_TENANT, MOST, PAGE, Limits, Tenant
from indexing.commands.terminal import as_json, opened, print_json, print_table, screen
from indexing.settings import Settings

NO_LIMIT = "none"


class _Limit(click.ParamType):  # type: ignore[type-arg] # only newer versions of click know a type here
    """A number, or the word that takes a limit away."""

    name = f"N|{NO_LIMIT}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; the word stays, since click takes ``None`` for an option that was not given."""
        if value == NO_LIMIT:
            return value
        try:
            return click.IntRange(0, MOST).convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a limit: expected 0 to {MOST:,}, or {NO_LIMIT}.", param, ctx)


def _limit_options(command: Any) -> Any:
    for option, text in (
        ("--requests-per-minute", "How many requests a minute it may send."),
        ("--max-passages", "How many passages it may hold, as counted by builds."),
        ("--max-documents", "How many documents it may hold."),
    ):
        command = click.option(option, type=_Limit(), help=text)(command)
    text = "Whether its queries' texts may stand in the log (with GROUNDWORK_LOG_QUERIES)."
    return click.option("--log-queries/--no-log-queries", default=None, help=text)(command)


def _given(limits: dict[str, Any]) -> dict[str, Any]:
    return {name: None if value == NO_LIMIT else value for name, value in limits.items() if value is not None}


page_options = (
    click.option("--after", default="", help="Start after this entry, the last of the previous page."),
    click.option("--limit", default=PAGE, show_default=True, type=click.IntRange(1, 10_000), help="How many at most."),
)


def _paged(command: Any) -> Any:
    for option in page_options:
        command = option(command)
    return command


def _say_more(rows: list[Any], limit: int, last: str) -> None:
    if len(rows) == limit:
        screen.print(f"There may be more: --after {last}", markup=False, highlight=False, soft_wrap=True)


@click.group()
def tenants() -> None:
    """Create, list, limit and revoke tenants."""


def tenant_json(tenant: Tenant) -> dict[str, Any]:
    """A tenant as one flat JSON object."""
    value = asdict(tenant)
    limits = value.pop("limits")
    return {**value, **limits}


def _show_tenant(tenant: Tenant, as_json: bool) -> None:
    if as_json:
        print_json(tenant_json(tenant))
        return
    limits = ", ".join(f"{name} {'none' if value is None else value}" for name, value in asdict(tenant.limits).items())
    state = "revoked" if tenant.revoked_at else f"{tenant.documents} documents"
    click.echo(f"tenant {tenant.name}: {state}; {limits}")


@tenants.command("create")
@click.argument("name")
@_limit_options
@as_json
@click.pass_obj
def tenants_create(settings: Settings, /, name: str, as_json: bool, **limits: Any) -> None:
    """Make a tenant. It has no key yet: see 'groundwork keys create'."""
    from indexing.catalogue.tenants import create_tenant

    with opened(settings) as home:
        tenant = create_tenant(home.catalogue, name, Limits(**_given(limits)))
    _show_tenant(tenant, as_json)


@tenants.command("list")
@_paged
@as_json
@click.pass_obj
def tenants_list(settings: Settings, limit: int, after: str, as_json: bool) -> None:
    """Tenants by name, with their limits and what they hold; passages are those of the newest build."""
    from indexing.catalogue.tenants import list_tenants

    with opened(settings) as home:
        rows = [tenant_json(tenant) for tenant in list_tenants(home.catalogue, after=after, limit=limit)]
    if as_json:
        print_json(rows)
    else:
        shown: list[list[object]] = [["" if cell is None else cell for cell in row.values()] for row in rows]
        print_table("tenants", list(rows[0]) if rows else ["name"], shown)
        _say_more(rows, limit, rows[-1]["name"] if rows else "")


@tenants.command("limit")
@click.argument("name")
@_limit_options
@as_json
@click.pass_obj
def tenants_limit(settings: Settings, /, name: str, as_json: bool, **limits: Any) -> None:
    """Change limits of a tenant: a number, or 'none'. What it holds already stays; an API follows at once."""
    from indexing.catalogue.tenants import change_limits

    changes = _given(limits)
    if not changes:
        raise click.UsageError("Give at least one limit.")
    with opened(settings) as home:
        tenant = change_limits(home.catalogue, name, changes)
    _show_tenant(tenant, as_json)


@tenants.command("revoke")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it; without this it only says what it would do.")
@as_json
@click.pass_obj
def tenants_revoke(settings: Settings, name: str, yes: bool, as_json: bool) -> None:
    """Refuse all keys of a tenant from now on. Its documents stay until they are erased."""
    from indexing.catalogue.tenants import read_tenant, revoke_tenant

    with opened(settings) as home:
        act = revoke_tenant if yes else read_tenant
        tenant = home.reserve.run(lambda: act(home.catalogue, name))
    if as_json:
        print_json({"revoked": yes, **tenant_json(tenant)})
        return
    verb = "revoked" if yes else "would revoke (do it with --yes)"
    click.echo(f"{verb}: tenant {name}, which keeps {tenant.documents} documents in {tenant.collections} collections")


@tenants.command("restore")
@click.argument("name")
@as_json
@click.pass_obj
def tenants_restore(settings: Settings, name: str, as_json: bool) -> None:
    """Accept the keys of a revoked tenant again, except those that were revoked one by one."""
    from indexing.catalogue.tenants import restore_tenant

    with opened(settings) as home:
        tenant = restore_tenant(home.catalogue, name)
    _show_tenant(tenant, as_json)


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


def _key_row(key: Key) -> list[object]:
    scopes, bound = " ".join(key.scopes), " ".join((*(key.collections or ()), *(key.principals or ())))
    return [key.id, key.tenant, key.name, scopes, bound, key.created_at, key.expires_at or "", key.revoked_at or ""]


@keys.command("create")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="The tenant whose key it is.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([*SCOPES, OPERATOR]),
    default=[SCOPES[0]],
    show_default=True,
    help="What the key may do; may be repeated. 'operator' administers all tenants.",
)
@click.option(
    "--expires",
    metavar="WHEN",
    help="A duration such as 30d (or m, h, w), or a date such as 2026-12-31 (00:00 UTC); by default never.",
)
@click.option("--name", default="", help="A note on what the key is for.")
@click.option(
    "--collection",
    "collections",
    multiple=True,
    help="Bind the key to this collection; may be repeated.",
)
@click.option(
    "--principal",
    "principals",
    multiple=True,
    help="Let its searches ask for this user, group or role, and for no one else; may be repeated.",
)
@as_json
@click.pass_obj
def keys_create(
    settings: Settings,
    /,
    tenant: str,
    scopes: tuple[str, ...],
    expires: str | None,
    name: str,
    collections: tuple[str, ...],
    principals: tuple[str, ...],
    as_json: bool,
) -> None:
    """Create a key of a tenant and print it. This is the only time: just its hash is stored."""
    from indexing.catalogue.api_keys import Bounds, create_key, parse_expiry

    bounds = Bounds(collections or None, principals or None)
    expires_at = None if expires is None else parse_expiry(expires)
    with opened(settings) as home:
        key, secret = create_key(home.catalogue, tenant, scopes=scopes, name=name, expires_at=expires_at, bounds=bounds)
    if as_json:
        print_json({**asdict(key), "key": secret})
    else:
        click.echo(secret)
    until = f"expires {key.expires_at}" if key.expires_at else "never expires"
    click.echo(
        f"Key {key.id} of tenant {tenant} ({', '.join(key.scopes)}; {until}). Keep it now: it is not shown again.",
        err=True,
    )


@keys.command("list")
@click.option("--tenant", help="List the keys of this tenant only.")
@_paged
@as_json
@click.pass_obj
def keys_list(settings: Settings, tenant: str | None, limit: int, after: str, as_json: bool) -> None:
    """List keys, oldest first, with all that is known of them; --after takes the id of a key."""
    from indexing.catalogue.api_keys import list_keys
    from indexing.catalogue.tenants import read_tenant

    with opened(settings) as home:
        if tenant is not None:
            read_tenant(home.catalogue, tenant)
        found = list_keys(home.catalogue, tenant, after=after, limit=limit)
    if as_json:
        print_json([asdict(key) for key in found])
    else:
        columns = ["id", "tenant", "name", "scopes", "bound to", "created", "expires", "revoked"]
        print_table("keys", columns, [_key_row(key) for key in found])
        _say_more(found, limit, found[-1].id if found else "")


@keys.command("revoke")
@click.argument("key_id")
@as_json
@click.pass_obj
def keys_revoke(settings: Settings, key_id: str, as_json: bool) -> None:
    """Revoke a key for good. A running API refuses it from the next request on."""
    from indexing.catalogue.api_keys import revoke_key

    with opened(settings) as home:
        key = home.reserve.run(lambda: revoke_key(home.catalogue, key_id))
    if as_json:
        print_json(asdict(key))
    else:
        click.echo(f"revoked: key {key.id} of tenant {key.tenant}")
