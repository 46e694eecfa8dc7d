"""Counts of one process's ledger rows in a small mapped file, which outlives a kill: so a lost tail is known.

What was handed in and neither written nor dropped when the process was killed is lost. A process holds its file as long
as it lives; a process that can take hold of another's file knows that the other is dead, and settles its counts.
"""

import logging
import mmap
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from indexing.errors import AlreadyRunning
from indexing.storage.locks import held_file

logger = logging.getLogger(__name__)
COUNTS_SUFFIX = ".counts"
_NEW_SUFFIX = ".new"
"""Of a file that its process does not hold yet."""
_SIZE_BYTES = 4096
"""One page; it is written in full at once, since a page without room on the disk would kill the process later.
Our choice."""
_NUMBER: Final = "Q"
"""Unsigned, 64 bits, aligned: each is written by one instruction, so that a kill leaves the old or the new one."""
_NUMBER_BYTES = 8
"""Of one such number. Our choice."""
_FORMAT, _ACCEPTED, _WRITTEN, _DROPPED, _ID_HIGH, _ID_LOW, _WRITING = _FIELDS = range(7)
_HALF = 64
"""Bits of an id in one number. Our choice."""
_PRIVATE_FOLDER = 0o700
"""As the ledger makes its folder itself."""
_FORMAT_1 = 0x3153544E554F4347
"""The first number of a file: the letters GCOUNTS1."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows a process was handed, how many of them the ledger has, and how many it knows were dropped.

    A process that was killed in the middle of a batch may have counted it or not: if the ledger has the row ``last_id``
    it has that whole batch, and ``writing`` rows in all.
    """

    process: str
    accepted: int
    written: int
    dropped: int
    writing: int = 0
    last_id: UUID | None = None

    @property
    def lost(self) -> int:
        """Of a process that has ended: what it was handed and no one has, the tail that a kill cut off."""
        return max(0, self.accepted - self.written - self.dropped)


class ProcessCounts:
    """The counts of this process. Safe to share between threads."""

    def __init__(self, folder: Path, process: str) -> None:
        """Count for ``process``, an id that no other start has, in ``folder``; in memory alone where that fails."""
        self.process = process
        self._lock = threading.Lock()
        self._held = ExitStack()
        self._path: Path | None = folder / f"{process}{COUNTS_SUFFIX}"
        self._map = self._mapped(self._path)
        self._numbers = memoryview(self._map).cast(_NUMBER)
        self._numbers[_FORMAT] = _FORMAT_1

    def _mapped(self, path: Path) -> mmap.mmap:
        try:
            path.parent.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
            made = path.with_suffix(_NEW_SUFFIX)
            descriptor = self._held.enter_context(held_file(made, os.O_RDWR | os.O_CREAT | os.O_EXCL))
            os.write(descriptor, bytes(_SIZE_BYTES))
            mapped = mmap.mmap(descriptor, _SIZE_BYTES)
            made.rename(path)  # no other process sees it under this name before it is held
            return mapped
        except (OSError, ValueError) as error:  # ValueError: the file is shorter, since the disk is full
            logger.warning("ledger.counts_in_memory", extra={"fields": {"reason": str(error)}})
            self._path = None
            return mmap.mmap(-1, _SIZE_BYTES)

    def accept(self) -> int:
        """Count a row that was handed in; gives its number in this process, from 1."""
        with self._lock:
            number = self._numbers[_ACCEPTED] = self._numbers[_ACCEPTED] + 1
            return number

    def begin_batch(self, rows: int, last_id: UUID) -> None:
        """Say that so many rows are about to be written, the last of them with that id."""
        with self._lock:
            self._numbers[_ID_HIGH], self._numbers[_ID_LOW] = divmod(last_id.int, 1 << _HALF)
            self._numbers[_WRITING] = self._numbers[_WRITTEN] + rows

    def wrote(self, rows: int) -> None:
        """Count rows that the ledger has."""
        with self._lock:
            self._numbers[_WRITTEN] += rows

    def drop(self, rows: int) -> None:
        """Count rows that the ledger will not have."""
        with self._lock:
            self._numbers[_DROPPED] += rows

    def now(self) -> Counts:
        """The counts of this moment."""
        return _counts(self.process, self._numbers)

    def close(self, *, is_settled: bool) -> None:
        """Let the file go; one whose counts the ledger has is removed, another is left for the next start.

        What is counted afterwards is in memory alone.
        """
        with self._lock:
            mapped, self._numbers = self._numbers, memoryview(bytearray(self._numbers.tobytes())).cast(_NUMBER)
            mapped.release()
            self._map.close()
        if is_settled and self._path is not None:
            _remove(self._path)
        self._held.close()


def settle_dead(folder: Path, settle: Callable[[Counts], None]) -> None:
    """Hand the counts of every process that has ended to ``settle``, once each, and remove their files.

    A file that cannot be read, or whose counts ``settle`` raises for, stays for the next time; that is logged.
    """
    for path in sorted(folder.glob(f"*{COUNTS_SUFFIX}")):
        try:
            with held_file(path):
                _settle(path, settle)
        except FileNotFoundError:
            continue  # another process was faster
        except AlreadyRunning:
            continue  # it lives, or another process settles it
        except Exception as error:  # one file that cannot be settled must keep no process from starting
            logger.warning("ledger.counts_not_settled", extra={"fields": {"file": path.name, "reason": str(error)}})


def _settle(path: Path, settle: Callable[[Counts], None]) -> None:
    if path.is_file():  # else another process was faster
        settle(read_counts(path))
    _remove(path)


def _remove(path: Path) -> None:
    """Remove a file that is held; one that cannot be removed is settled to the same counts again."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("ledger.counts_not_removed", extra={"fields": {"file": path.name, "reason": str(error)}})


def read_counts(path: Path) -> Counts:
    """The counts in a process's file; one that was cut off before its first number counts nothing.

    Raises:
        ValueError: the file is something else.
    """
    size_bytes = _NUMBER_BYTES * len(_FIELDS)
    data = path.read_bytes()[:size_bytes].ljust(size_bytes, b"\0")
    numbers = memoryview(data).cast(_NUMBER)
    if numbers[_FORMAT] not in (0, _FORMAT_1):
        raise ValueError(f"{path.name} holds no counts of the ledger: expected them as this version writes them.")
    return _counts(path.stem, numbers)


def _counts(process: str, numbers: memoryview) -> Counts:
    last_id = numbers[_ID_HIGH] << _HALF | numbers[_ID_LOW]
    return Counts(
        process,
        accepted=numbers[_ACCEPTED],
        written=numbers[_WRITTEN],
        dropped=numbers[_DROPPED],
        writing=numbers[_WRITING],
        last_id=UUID(int=last_id) if last_id else None,
    )
