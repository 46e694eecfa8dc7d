"""Homes with a part of a real corpus, of which the streams of questions that drift are asked."""

import contextlib
import json
import sys
import tempfile
import time
from hashlib import blake2b
from pathlib import Path

from benchmarks.harness.scratch_homes import take_models
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from indexing.settings import Settings

MOST_DOCUMENTS = 700
"""Of MTRAG's 13,408, and of Ray's sections of each date: encoding all would take ten minutes. Chosen by hash of id."""
QUESTIONS = 200
"""Of the phase before that a phase is compared with, at most."""
STEP = 20
"""Questions between two looks."""


def tell(what: str) -> None:
    """Say on standard error how far it is, with the seconds of CPU that it took."""
    print(f"{time.process_time():7.1f} s: {what}", file=sys.stderr, flush=True)


def some(ids, most: int) -> set[str]:
    """At most so many of the ids, by their hashes, so that a later date of a corpus has the same ones."""
    return set(sorted(ids, key=lambda one: blake2b(one.encode(), digest_size=8).digest())[:most])


def documents_of(path: Path, most: int, wanted=frozenset()) -> list[Document]:
    entries = {entry["_id"]: entry for entry in map(json.loads, path.read_text().splitlines())}
    chosen = wanted & entries.keys()
    chosen |= some(entries.keys() - chosen, most - len(chosen))
    return [Document(one, entries[one].get("title", ""), entries[one]["text"]) for one in sorted(chosen)]


@contextlib.contextmanager
def made_home(models: Path, name: str):
    """A new home with a model, and a partition of it."""
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Settings(home=Path(folder), log_queries=True, sessions=1))
        take_models(home, models)
        partition = Partition("default", name)
        yield home, partition
        home.close()


def built(home, recipe=None):
    return build(prepare_build(home, recipe or default_recipe(home))).release
