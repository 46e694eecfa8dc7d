"""Whether the catalogue's files are still those that were opened: a file that is unlinked or replaced loses writes.

SQLite keeps working on the files that it has open, wherever their names lead since: what is written to an unlinked
write-ahead log is gone when the last process ends that has it open.
"""

import os
from pathlib import Path

Identity = tuple[int, int]
"""Device and inode of a file. No other file can have the pair as long as one process has the file open."""

_LOCKS = Path("/proc/locks")


class CatalogueFiles:
    """The files of one open catalogue: the database and its write-ahead log, by identity.

    It holds only while a connection is open that was open when ``remember`` was called: the last connection to close
    deletes the log, and the next makes another.
    """

    def __init__(self, path: Path) -> None:
        """Watch the files of the database at ``path``; nothing is known of them before ``remember``."""
        self._database = os.fspath(path)
        self._log = f"{self._database}-wal"
        self._index = f"{self._database}-shm"
        self._known: dict[str, Identity | None] = {}

    def remember(self) -> None:
        """Take the files as they are now for those that a connection has just opened."""
        self._known = {name: _identity(name) for name in (self._database, self._log)}

    @property
    def has_database(self) -> bool:
        """Whether the database itself is still the one that was opened."""
        return _identity(self._database) == self._known[self._database]

    def fault(self) -> str | None:
        """Which file is no longer the one that was opened, in words; ``None`` while both are."""
        for name, known in self._known.items():
            found = _identity(name)
            if found != known:
                return f"{os.path.basename(name)} was {'removed' if found is None else 'replaced'} while it was open"
        return None

    def fault_before_opening(self) -> str | None:
        """Why a connection would mix up two logs, in words; ``None`` if it may be opened.

        SQLite makes the log before the index over it and deletes it after that, so an index that is in use without a
        log means that the log was removed under a process that still writes to it. Processes in other containers
        cannot be seen in the kernel's list of locks.
        """
        if _identity(self._log) is not None or (index := _identity(self._index)) is None or not _is_locked(index[1]):
            return None
        return f"{os.path.basename(self._log)} was removed while another process has it open"


def _identity(name: str) -> Identity | None:
    try:
        found = os.stat(name)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _is_locked(inode: int) -> bool:
    """Whether a process has a lock on a file; opening the file to ask would give up the locks that this one has.

    Told by the inode alone: the kernel's list has other device numbers than ``stat`` on some file systems.
    """
    try:
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return True  # no list to look at: rather refuse to open than mix up two logs
    return any(field.endswith(f":{inode}") for line in lines for field in line.split())
