"""The commands about releases: list, promote, roll back, and which tenants are pinned."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from indexing.commands.decisions import (
    anyway_back_option,
    anyway_behind_option,
    decision,
    override_option,
    reason_option,
    standby_option,
)
from indexing.commands.terminal import as_json as json_option
from indexing.commands.terminal import opened, print_json, print_table, short_time
from indexing.settings import Settings

if TYPE_CHECKING:
    from indexing.catalogue.database import Database
    from indexing.home import Home
    from indexing.releases.pins import PinChange
    from indexing.releases.rollouts import Rollout

_HELP = """List releases, put one in service, take it back, pin tenants.

\b
In trouble:  groundwork releases rollback     takes back what was done last, at once
Look:        groundwork releases list         what is in service, on trial and on standby
             groundwork releases show 13      whether a recipe may go in service, and what gates said of it
"""


@click.group(help=_HELP)
def releases() -> None:
    """List releases, put one in service, take it back, pin tenants."""


@releases.command("list")
@json_option
@click.pass_obj
def releases_list(settings: Settings, as_json: bool) -> None:
    """All releases: which is in service, which others are open and why, and how many documents each of them lacks."""
    from indexing.catalogue.database import utc_now
    from indexing.catalogue.erasures import list_rewrites
    from indexing.releases.overview import standings

    with opened(settings) as home:
        found = standings(home.catalogue, utc_now())
        rewrites = list(list_rewrites(home.catalogue))
        parts = {one.recipe: _model_and_views(home.catalogue, one.recipe) for one in found}
    rows: list[dict[str, Any]] = [
        {
            "release": one.number,
            "in_service": one.is_in_service,
            "state": one.state,
            "arm": one.arm,
            "documents_behind": one.documents_behind,
            "snapshot": one.snapshot,
            "model": parts[one.recipe][0],
            "views": parts[one.recipe][1],
            "created_at": one.created_at,
            "created_by": one.created_by,
            "erasures": [rewrite.erasure for rewrite in rewrites if rewrite.release == one.number],
        }
        for one in found
    ]
    if as_json:
        print_json(rows)
        return
    shown: list[list[object]] = [
        [
            f"{row['release']} *" if row["in_service"] else row["release"],
            row["state"],
            "" if row["documents_behind"] is None else row["documents_behind"],
            row["model"],
            row["views"],
            short_time(str(row["created_at"])),
            ", ".join(map(str, row["erasures"])),
        ]
        for row in rows
    ]
    columns = ["release", "state", "behind", "model", "views", "created", "erasures"]
    print_table("releases (* in service)", columns, shown)


def _model_and_views(catalogue: "Database", number: int) -> tuple[str, str]:
    """What a recipe is made of, in two words; one that was tampered with is told and keeps no other from the list."""
    from indexing.errors import ArtefactCorrupt
    from indexing.releases.recipes import read_recipe

    try:
        recipe = read_recipe(catalogue, number)
    except ArtefactCorrupt as error:
        click.echo(str(error), err=True)
        return "tampered with", ""
    return recipe.model, f"{recipe.passage.name} {recipe.embedding.name} {recipe.lexical.name}"


@releases.command("promote")
@click.argument("release")
@standby_option
@click.option("--anyway", is_flag=True, help="Also a recipe that was just taken back or lacks documents.")
@override_option
@reason_option
@click.pass_obj
def releases_promote(
    settings: Settings, release: str, standby: float, anyway: bool, override: str | None, reason: str
) -> None:
    """Put the recipe of RELEASE (13 or 13.2) in service for everyone; its newest build answers.

    It needs the verdict PROMOTE of 'groundwork eval gate' against the recipe in service. The recipe before stays open
    for --standby and takes every write, so that 'releases rollback' takes a second.
    """
    _promote(settings, release, standby, anyway, override, reason)


@releases.command("deploy")
@click.argument("release")
@standby_option
@click.option("--anyway", is_flag=True, help="Also a recipe that was just taken back or lacks documents.")
@override_option
@reason_option
@click.pass_obj
def releases_deploy(
    settings: Settings, release: str, standby: float, anyway: bool, override: str | None, reason: str
) -> None:
    """The name that 'releases promote' had before; the same in every respect."""
    _promote(settings, release, standby, anyway, override, reason)


@releases.command("rollback")
@click.option("--to", help="Put the recipe of this release in service, however long ago it was.")
@anyway_back_option
@reason_option
@click.pass_obj
def releases_rollback(settings: Settings, to: str | None, anyway: bool, reason: str) -> None:
    """Take back what was done last, at once and for every API process.

    With an open canary or A/B test, its candidate gets nothing more. Else the recipe that was in service before is put
    back. The content is never rolled back: no document that was deleted comes back, no new one is lost. If the last
    change was a roll-back already, it says by whom, and goes further back only with --to.
    """
    run_rollback(settings, reason, to=to, anyway=anyway)


@releases.command("pin")
@click.argument("tenant")
@click.argument("release", required=False)
@click.option("--hold-back", is_flag=True, help="Always what is in service, never a candidate.")
@click.option("--first", is_flag=True, help="Each canary's candidate, whatever its share.")
@anyway_behind_option
@override_option
@reason_option
@click.pass_obj
def releases_pin(
    settings: Settings,
    tenant: str,
    release: str | None,
    hold_back: bool,
    first: bool,
    anyway: bool,
    override: str | None,
    reason: str,
) -> None:
    """Take TENANT out of shares and tests: the recipe of RELEASE for good, or --hold-back, or --first."""
    from indexing.errors import InvalidInput
    from indexing.releases import pins
    from indexing.releases.release import find_release

    if (release is not None) + hold_back + first != 1:
        raise InvalidInput("Give one of RELEASE, --hold-back and --first.")
    with opened(settings) as home:
        by = decision(reason)
        if release is not None:
            recipe = find_release(home.catalogue, release).recipe
            most = settings.max_recipes
            pins.pin(home.catalogue, tenant, recipe, by, max_recipes=most, anyway=anyway, override=override)
            click.echo(f"tenant {tenant} is answered by recipe {recipe} until it is unpinned")
        elif hold_back:
            pins.hold_back(home.catalogue, tenant, by)
            click.echo(f"tenant {tenant} is answered by what is in service, never by a candidate")
        else:
            pins.choose_first(home.catalogue, tenant, by)
            click.echo(f"tenant {tenant} gets each canary's candidate")


@releases.command("unpin")
@click.argument("tenant")
@reason_option
@click.pass_obj
def releases_unpin(settings: Settings, tenant: str, reason: str) -> None:
    """Let shares and tests decide about TENANT again."""
    from indexing.releases.pins import unpin

    with opened(settings) as home:
        unpin(home.catalogue, tenant, decision(reason))
    click.echo(f"tenant {tenant} follows shares and tests again")


@releases.command("pins")
@click.option("--history", is_flag=True, help="Every pin that was made or taken away, oldest first.")
@json_option
@click.pass_obj
def releases_pins(settings: Settings, history: bool, as_json: bool) -> None:
    """Which tenants are pinned, held back or chosen to be first."""
    from indexing.releases.pins import list_pins, pin_history

    with opened(settings) as home:
        if history:
            _print_pin_history(pin_history(home.catalogue), as_json)
            return
        found = list_pins(home.catalogue)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    rows: list[list[object]] = [
        [one.tenant, one.kind.replace("_", " "), one.recipe or "", one.actor, one.reason, short_time(one.created_at)]
        for one in found
    ]
    print_table("pins", ["tenant", "kind", "recipe", "by", "why", "since"], rows)


def _print_pin_history(changes: "list[PinChange]", as_json: bool) -> None:
    if as_json:
        print_json([asdict(one) for one in changes])
        return
    rows: list[list[object]] = [
        [short_time(one.at), one.tenant, one.kind.replace("_", " "), one.recipe or "", one.actor, one.reason]
        for one in changes
    ]
    print_table("pins made and taken away", ["when", "tenant", "kind", "recipe", "by", "why"], rows)


def run_rollback(
    settings: Settings, reason: str, *, rollout: int | None = None, to: str | None = None, anyway: bool = False
) -> None:
    """Roll back and say what answers from now on; ``rollout`` and ``to`` as in ``roll_back``."""
    from indexing.releases.promotion import roll_back
    from indexing.releases.release import find_release
    from indexing.releases.rollouts import find_rollout

    with opened(settings) as home:
        seen = None if rollout is None else find_rollout(home.catalogue, rollout)
        recipe = None if to is None else find_release(home.catalogue, to).recipe
        # Rolling back is a row or two, and must not wait for room.
        done = home.reserve.run(
            lambda: roll_back(home.catalogue, decision(reason), rollout=seen, to=recipe, anyway=anyway)
        )
    click.echo(f"recipe {done.from_recipe} gets nothing more; release {done.release.number} is in service")
    if done.documents_behind:
        click.echo(
            f"{done.documents_behind} documents are missing until recipe {done.release.recipe} is built:"
            " run 'groundwork build'.",
            err=True,
        )


def run_promotion(
    home: "Home",
    recipe: int,
    standby: float,
    reason: str,
    *,
    seen: "Rollout | None" = None,
    anyway: bool = False,
    override: str | None = None,
) -> None:
    """Put a recipe in service and say what answers from now on; what is optional is as in ``promote``."""
    from indexing.releases.promotion import promote
    from indexing.releases.soundness import require_promotable

    require_promotable(home, recipe, is_overridden=override is not None)
    found = home.reserve.run(
        lambda: promote(
            home.catalogue,
            recipe,
            decision(reason),
            max_recipes=home.settings.max_recipes,
            standby_seconds=standby,
            seen=seen,
            anyway=anyway,
            override=override,
        )
    )
    click.echo(f"release {found.number} is in service")


def _promote(settings: Settings, release: str, standby: float, anyway: bool, override: str | None, reason: str) -> None:
    from indexing.releases.release import find_release

    with opened(settings) as home:
        recipe = find_release(home.catalogue, release).recipe
        run_promotion(home, recipe, standby, reason, anyway=anyway, override=override)
