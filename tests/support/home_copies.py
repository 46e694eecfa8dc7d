"""Copies of a home that was filled once: each test changes one of its own."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.models.registry import KIND as MODELS
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.shard import KIND as SHARDS
from tests.support.fresh_home import FreshHome


def link_home(source: Path, target: Path) -> None:
    """Copy a home. What is published is never written again: links to it do, and are known as verified already.

    A test that damages published files needs a real copy.
    """
    published = {str(source / kind) for kind in (SHARDS, SNAPSHOTS, "features", MODELS)}

    def take(file: str, place: str) -> None:
        if any(file.startswith(f"{folder}{os.sep}") for folder in published):
            os.link(file, place)
        else:
            shutil.copy2(file, place)

    shutil.copytree(source, target, copy_function=take)


def built_once(path: Path, fill: Callable[[FreshHome], object]) -> Path:
    """The folder of a home at ``path``, closed, after ``fill`` has written and built what it is to hold."""
    made = FreshHome(path)
    try:
        fill(made)
    finally:
        made.close()
    return path


@contextmanager
def fresh_copy(built: Path, path: Path) -> Iterator[FreshHome]:
    """A copy at ``path`` of such a home, closed afterwards; opening it and building it takes 5 ms of CPU, not 100."""
    link_home(built, path)
    opened = FreshHome(path)
    try:
        yield opened
    finally:
        opened.close()
