"""Homes to measure: a corpus's scratch home with its default recipe in service, and what others are made with."""

import contextlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from eval.experiments.targets import Choices, scratch_collection, scratch_path
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.features.views import PASSAGE_VIEWS
from indexing.home import Home, default_key, open_home
from indexing.models.compiler import DEFAULT_MODEL, register_model
from indexing.releases.deployments import deploy
from indexing.releases.recipe_choices import recipe_in_service
from indexing.settings import Settings


@dataclass(frozen=True, slots=True)
class ServedHome:
    """A home with a release in service, and what a client needs."""

    path: Path
    key: str
    collection: str
    recipe: int
    passages: int


def corpus_folder(data: Path, name: str) -> Path:
    """Where a collection is: with the project, else in ``data``."""
    own = Path("corpora") / name
    return own if own.is_dir() else data / name


def served_scratch(home: Home, folder: Path, *, copy: Path | None = None) -> ServedHome:
    """Build a corpus's scratch home and put its default recipe in service.

    Args:
        home: The home below which scratch homes are kept.
        folder: The corpus.
        copy: Where to put a copy that may be changed; ``None`` serves the one that is kept.
    """
    with scratch_collection(home, folder, Choices(), on_progress=lambda *_: None) as (serving, partition):
        recipe, passages = serving.release.recipe, serving.snapshot.manifest.rows
    path = scratch_path(home, folder)
    if copy is not None:
        path = Path(shutil.copytree(path, copy))
    scratch = open_home(home.settings, path)
    deploy(scratch.catalogue, recipe, reason="measured", actor="benchmark")
    key = default_key(scratch)
    scratch.close()
    return ServedHome(path, key, partition.collection, recipe, passages)


def take_models(home: Home, models: Path | None) -> None:
    """Give a home the models of another, or the default one."""
    if models is None:
        register_model(home.models, home.storage, DEFAULT_MODEL)
    else:
        with contextlib.closing(open_home(Settings(home=models), create=False)) as other:
            home.models.copy_from(other.models)


def build_other_recipe(path: Path) -> int:
    """Build a recipe that cuts other passages and weighs the legs otherwise beside the one in service; its number."""
    with contextlib.closing(open_home(Settings(home=path))) as home:
        now = recipe_in_service(home)
        view = next(view for view in PASSAGE_VIEWS.values() if view.name != now.passage.name)
        other = replace(now, passage=view, retrieval=replace(now.retrieval, dense_weight=0.4), number=0)
        return build(prepare_build(home, other)).release.recipe
