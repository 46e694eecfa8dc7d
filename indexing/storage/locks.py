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
        if not _is_taken_by_us(descriptor):
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise AlreadyRunning(f"Another {what} of this home is running (process {holder}): wait for it.")
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def held_file(path: Path, flags: int = os.O_RDWR) -> Iterator[int]:
    """Open a file and hold it for the block, so that others can tell whether its holder is alive; its content stays.

    Args:
        path: The file; a new one is the owner's alone.
        flags: How it is opened, as ``os.open`` takes them.

    Yields:
        Its descriptor.

    Raises:
        AlreadyRunning: another process, or another thread of this one, holds it.
        OSError: it cannot be opened.
    """
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        if not _is_taken_by_us(descriptor):
            raise AlreadyRunning(f"{path.name} is held by another process, which is alive: wait until it has ended.")
        yield descriptor
    finally:
        os.close(descriptor)


def _is_taken_by_us(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int) -> None:
    os.truncate(descriptor, 0)
    try:
        os.write(descriptor, str(os.getpid()).encode())
    except OSError as error:  # what frees space must be able to hold the lock of a full disk, unnamed
        if not is_full(error):
            raise
