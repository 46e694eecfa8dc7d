"""The commands about snapshots: list, show, diff, verify."""

import sys

import click

from indexing.commands.terminal import as_json, opened, print_json, print_table
from indexing.errors import GroundworkError, NotFound
from indexing.settings import Settings


@click.group()
def snapshots() -> None:
    """List, show and verify snapshots."""


@snapshots.command("list")
@as_json
@click.pass_obj
def snapshots_list(settings: Settings, as_json: bool) -> None:
    """All snapshots."""
    from indexing.releases.release import list_releases
    from indexing.snapshots.manifest import KIND, read_snapshot

    with opened(settings) as home:
        used: dict[str, list[str]] = {}
        for release in list_releases(home.catalogue):
            used.setdefault(release.snapshot, []).append(release.number)
        manifests, broken = [], {}
        for name in home.storage.list(KIND):
            try:
                manifests.append(read_snapshot(home.storage, name))
            except GroundworkError as error:
                broken[name] = str(error)
    rows = [
        {
            "id": manifest.id,
            "releases": used.get(manifest.id, []),
            "passages": manifest.rows,
            "shards": len(manifest.shards),
            "size_bytes": manifest.size_bytes,
            "model": manifest.model,
        }
        for manifest in manifests
    ]
    for reason in broken.values():
        click.echo(reason, err=True)
    if as_json:
        print_json(rows)
    else:
        print_table(
            "snapshots", ["id", "releases", "passages", "shards", "bytes", "model"], [list(r.values()) for r in rows]
        )


@snapshots.command("show")
@click.argument("snapshot")
@click.pass_obj
def snapshots_show(settings: Settings, snapshot: str) -> None:
    """The manifest of SNAPSHOT, as JSON, and what its leg check warns of."""
    from indexing.releases.leg_rule import leg_warnings
    from indexing.snapshots.manifest import read_snapshot

    with opened(settings) as home:
        manifest = read_snapshot(home.storage, snapshot)
    warnings = leg_warnings(manifest.model, manifest.legs)
    print_json({"id": manifest.id, **manifest.to_json(), "leg_warnings": warnings})


@snapshots.command("diff")
@click.argument("before")
@click.argument("after")
@as_json
@click.pass_obj
def snapshots_diff(settings: Settings, before: str, after: str, as_json: bool) -> None:
    """Which documents and shards snapshot AFTER adds, removes and changes against BEFORE."""
    from dataclasses import asdict

    from indexing.snapshots.manifest import read_snapshot
    from indexing.snapshots.snapshot_diff import diff_snapshots

    with opened(settings) as home:
        found = diff_snapshots(home.storage, read_snapshot(home.storage, before), read_snapshot(home.storage, after))
    if as_json:
        print_json(asdict(found))
        return
    for mark, keys in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for key in keys:
            click.echo(f"{mark} {key}")
    click.echo(
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed; shards:"
        f" {len(found.shards_added)} new, {len(found.shards_removed)} gone, {found.shards_shared} shared"
    )


@snapshots.command("verify")
@click.argument("snapshot", required=False)
@as_json
@click.pass_obj
def snapshots_verify(settings: Settings, snapshot: str | None, as_json: bool) -> None:
    """Check the sha256 of every file of SNAPSHOT (by default of all): names what is corrupt, exit status 1."""
    from indexing.snapshots.manifest import KIND, read_snapshot, verify_snapshot

    broken: dict[str, str] = {}
    with opened(settings) as home:
        names = [snapshot] if snapshot else home.storage.list(KIND)
        for name in names:
            try:
                manifest = read_snapshot(home.storage, name)
                home.storage.verify(KIND, name)
                broken |= verify_snapshot(home.storage, manifest)
            except NotFound:
                raise
            except GroundworkError as error:
                broken[name] = str(error)
    if as_json:
        print_json({"snapshots": names, "broken": broken})
    else:
        click.echo("\n".join(broken.values()) or f"{len(names)} snapshot(s) intact")
    if broken:
        sys.exit(1)
