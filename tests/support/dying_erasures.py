"""An erasure that ends at a step of choice: what a process that is killed needs of it, which loads little."""

import os
import shutil
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from indexing.catalogue.database import Database
from indexing.home import Home
from indexing.records import Partition
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import ErasureReport, Wait, erase
from indexing.retention.reachability import needed_vectors

OURS = Partition("default", "manual")
ID = "Patient-Quibblethörpe-4711"
STEPS: tuple[tuple[Any, str], ...] = (
    (Path, "rename"),
    (Path, "replace"),
    (Path, "unlink"),
    (shutil, "rmtree"),
    (os, "fsync"),
    (Database, "write"),
    (Database, "compact"),
)
"""What an erasure does on disk."""


def no_wait(seconds: float) -> None:
    """No process runs beside these tests."""


def erase_now(
    home: Home, ids: Set[str] | None = frozenset({ID}), partition: Partition = OURS, wait: Wait = no_wait
) -> ErasureReport:
    """Erase documents as the command does."""
    found = find_documents(home, partition, None if ids is None else frozenset(ids))
    return erase(home, found, partial(needed_vectors, home), wait=wait)


@contextmanager
def dying(after: int, die: Callable[[], None]) -> Iterator[None]:
    """Call ``die`` instead of the step number ``after`` on disk."""
    done = 0

    def wrap(original: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **options: object) -> object:
            nonlocal done
            if done == after:
                die()
            done += 1
            return original(*arguments, **options)

        return step

    originals = [(place, name, getattr(place, name)) for place, name in STEPS]
    for place, name, original in originals:
        setattr(place, name, wrap(original))
    try:
        yield
    finally:
        for place, name, original in originals:
            setattr(place, name, original)
