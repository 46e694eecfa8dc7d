"""What SQLite's result codes mean to an operator: each that has advice of its own, as an error of ours."""

import sqlite3
from pathlib import Path

from indexing.errors import (
    ArtefactCorrupt,
    CatalogueBusy,
    CatalogueReplaced,
    CatalogueUnavailable,
    GroundworkError,
    StorageFailed,
    StorageFull,
)

_PRIMARY_BITS = 0xFF
"""The low byte of an extended result code is the primary one. Source: sqlite.org/rescode.html."""
_IS_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_IS_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_IS_UNAVAILABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""A shared-memory file that cannot grow has no room, although SQLite counts that as an I/O error."""


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another connection's lock is all that was in the way."""
    return _primary(error) in _IS_BUSY


def translated(
    error: sqlite3.Error, path: Path, busy_timeout_seconds: float, what: str = "catalogue"
) -> GroundworkError | None:
    """The error of ours that says what to do about an error of SQLite; ``None`` if it is a fault of the program.

    Args:
        error: As SQLite raised it; told apart by its result code and never by its words.
        path: The file. Messages name the file alone, since clients read them.
        busy_timeout_seconds: How long a lock was waited for.
        what: What the file is, in words.
    """
    code, primary, said = getattr(error, "sqlite_errorcode", None), _primary(error), _described(error)
    if code is None:
        return None
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return CatalogueReplaced(
            f"{path.name} was moved or replaced while it was open ({said}): stop every process of the home, put the"
            " file back, or restore a backup, and start again."
        )
    if primary in _IS_BUSY:
        return CatalogueBusy(
            f"The {what} {path.name} stayed locked for {busy_timeout_seconds:g} s by another writer. Try again, or"
            " raise GROUNDWORK_BUSY_TIMEOUT_SECONDS."
        )
    if code in _NO_ROOM or primary in _NO_ROOM:
        return StorageFull(f"No room to write {path.name} ({said}): free some space and try again.")
    if primary in _IS_CORRUPT:
        return ArtefactCorrupt(f"{path.name} is not a readable {what} ({said}): restore it from a backup.")
    if primary in _IS_UNAVAILABLE:
        return CatalogueUnavailable(
            f"{path.name} cannot be opened for reading and writing ({said}): expected a file in a folder that this"
            " user may write, on a disk that is not read-only, and a process below its limit of open files."
        )
    if primary == sqlite3.SQLITE_IOERR:
        return StorageFailed(
            f"The disk failed to read or write {path.name} ({said}), and nothing of this write was stored: look at the"
            " system's log and the disk's health, then try again. Free space does not help."
        )
    return None


def _primary(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY_BITS


def _described(error: sqlite3.Error) -> str:
    return f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
