"""What is dear to make and only read: one process of a run makes it, and all share it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once_a_run(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The path at which ``make(path)`` put it, in the first process of this run that asked. Leave it be."""
    # The processes of pytest-xdist have their folders in one that they share.
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = factory.getbasetemp() if is_alone else factory.getbasetemp().parent
    path, done = shared / name, shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(path)
            done.touch()
    return path
