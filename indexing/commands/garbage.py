"""The commands about what a home holds: ``groundwork gc`` and ``groundwork disk``."""

from dataclasses import asdict

import click
from rich.filesize import decimal

from indexing.commands.numbers import POSITIVE, FiniteRange
from indexing.commands.terminal import as_json, opened, print_json, print_table, screen
from indexing.settings import Settings


@click.command()
@click.option("--keep", default=3, show_default=True, type=POSITIVE, help="Builds a recipe, and recipes, to keep.")
@click.option(
    "--days",
    default=0.0,
    show_default=True,
    type=FiniteRange(0, 100_000),
    help="Also keep each build younger than this.",
)
@click.option("--yes", is_flag=True, help="Do it; without this it only says what it would free.")
@as_json
@click.pass_obj
def gc(settings: Settings, keep: int, days: float, yes: bool, as_json: bool) -> None:
    """Free models, vectors, shards and snapshots that no retained release reaches, and old days of the ledger.

    Retained are the newest builds of the recipes deployed last, of every recipe newer than the one in service, and of
    those that are pinned, on standby or in a rollout.
    Readers are not disturbed; while a build, a registration or a backup runs, it refuses.
    """
    from contextlib import ExitStack
    from datetime import UTC, datetime

    from indexing.backups.backup import files_kept
    from indexing.catalogue.document_versions import forget_versions_older_than
    from indexing.catalogue.judgment_candidates import forget_candidates_older_than
    from indexing.ledger.retention import days_to_remove, enforce_retention
    from indexing.records import moment_text
    from indexing.retention.garbage import collect, find_garbage, oldest_seq, retained_releases
    from indexing.retention.reachability import needed_keys, retained_recipes
    from indexing.storage.store import BUILD_LOCK
    from indexing.uploads.stored_files import sweep_files

    with ExitStack() as stack, screen.status("looking"):
        home = stack.enter_context(opened(settings))
        stack.enter_context(home.storage.lock(BUILD_LOCK))
        stack.enter_context(home.models.registering())
        if yes:
            stack.enter_context(files_kept(home))
        stack.enter_context(home.reserve.given_up())
        kept = retained_releases(home.catalogue, keep=keep, days=days)
        newest = {model.name: model.id for model in home.models.list()}
        recipes = retained_recipes(home, kept)
        needed = needed_keys(home, since=oldest_seq(kept, home.catalogue))
        garbage = list(find_garbage(home.storage, kept, recipes, set(newest.values()), needed))
        remove = enforce_retention if yes else days_to_remove
        folder, now = home.ledger.folder, datetime.now(UTC)
        old_days = remove(folder, days=settings.ledger_days, max_mb=settings.ledger_max_mb, now=now)
        if yes:
            forget_versions_older_than(home.catalogue, settings.ledger_days, moment_text(now))
            forget_candidates_older_than(home.catalogue, settings.ledger_days, moment_text(now))
            collect(home.catalogue, home.storage, kept, garbage)
            sweep_files(home)
    size_bytes = sum(one.size_bytes for one in garbage) + sum(day.size_bytes for day in old_days)
    if as_json:
        names = [release.number for release in kept]
        found = {"garbage": [asdict(one) for one in garbage], "ledger_days": [asdict(one) for one in old_days]}
        print_json({"freed": yes, "kept": names, "size_bytes": size_bytes, **found})
        return
    for day in old_days:
        click.echo(f"ledger/{day.day}  {decimal(day.size_bytes)}  {day.reason}")
    for one in garbage:
        click.echo(f"{one.kind}/{one.name}  {decimal(one.size_bytes)}")
    verb = "freed" if yes else "would free (do it with --yes)"
    counted = f"{len(garbage)} artefacts and {len(old_days)} days of the ledger, {decimal(size_bytes)}"
    click.echo(f"{verb}: {counted}; keeps {len(kept)} releases")


@click.command()
@as_json
@click.pass_obj
def disk(settings: Settings, as_json: bool) -> None:
    """How much disk each release takes, how much of it no other release shares, and what is kept in reserve."""
    from indexing.releases.release import list_releases
    from indexing.retention.garbage import disk_use

    with opened(settings) as home:
        rows = disk_use(home.storage, list_releases(home.catalogue))
        reserve_bytes, free_bytes = home.reserve.size_bytes, home.reserve.free_bytes
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        shown: list[list[object]] = [[row.release, decimal(row.size_bytes), decimal(row.own_bytes)] for row in rows]
        print_table("disk", ["release", "shards", "its own"], shown)
        kept = f"{decimal(reserve_bytes)}, given up first when the disk is full" if reserve_bytes else "none is left"
        click.echo(f"reserve: {kept}; free: {decimal(free_bytes)}")
