"""Locks between the processes that share one local store: files that the system unlocks however their holder ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.errors import AlreadyRunning
from indexing.storage.atomic_files import is_full
from indexing.storage.permissions import PRIVATE_FILE


@contextmanager
def file_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for the block; the system frees it even if this process is killed.

    Args:
        path: The lock file; created when missing, its content names the holder's process if there is room for that.
        what: What the holder is doing, for the message.

    Raises:
        AlreadyRunning: another process, or another thread of this one, holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyRunning(f"Another {what} of this home is running (process {holder}): wait for it.") from None
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    os.truncate(descriptor, 0)
    try:
        os.write(descriptor, str(os.getpid()).encode())
    except OSError as error:  # what frees space must be able to hold the lock of a full disk, unnamed
        if not is_full(error):
            raise
