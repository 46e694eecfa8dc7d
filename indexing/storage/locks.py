"""Locks between processes: one build, one registration at a time in a home."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.errors import AlreadyRunning


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file ``path`` for the block; the system frees it even if this process is killed.

    Args:
        path: The lock file; created when missing, its content names the holder's process.
        what: What the holder is doing, for the message.

    Raises:
        AlreadyRunning: another process holds it.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise AlreadyRunning(f"Another {what} of this home is running (process {holder}): wait for it.") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
