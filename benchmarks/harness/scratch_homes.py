"""Homes to measure: a corpus's scratch home with its default recipe in service, as it is kept or as a copy."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from eval.experiments.targets import Choices, scratch_collection, scratch_path
from indexing.home import Home, default_key, open_home
from indexing.releases.deployments import deploy


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
