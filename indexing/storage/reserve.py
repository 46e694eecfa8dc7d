"""The reserve: room on the disk that is kept back, so that what frees space can be done when no space is left.

Deleting rows from a full disk needs room first: SQLite writes the pages that change to its log. The reserve is a file
of a few megabytes that such an action gives up, and that is made again as soon as there is room for it.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from indexing.errors import StorageFull
from indexing.storage.permissions import PRIVATE_FILE

logger = logging.getLogger(__name__)
RESERVE_BYTES = 8 << 20
"""Twice what SQLite's log holds before it is written back and used again (1,000 pages of 4 KiB), so that one
deletion and what a person does next both find room. Source: SQLite's default of ``wal_autocheckpoint``."""
ROOM_FACTOR = 4
"""How many times its size must be free for a first reserve: a disk that is almost full is left to the data."""
RESERVE_FILE = "reserve"
_Result = TypeVar("_Result")


class Reserve:
    """The reserve of one home. Safe to share between threads and processes: giving it up twice frees it once."""

    def __init__(self, path: Path, *, is_kept: bool = True) -> None:
        """Keep it in the file ``path``; unless ``is_kept``, there is none and none is made."""
        self._path = path
        self._is_kept = is_kept

    @property
    def size_bytes(self) -> int:
        """How many bytes are kept back now; 0 when it was given up or never made."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    @property
    def free_bytes(self) -> int:
        """How many bytes of the disk this process may still write, without the reserve."""
        return shutil.disk_usage(self._path.parent).free

    def give_up(self) -> bool:
        """Free its room; gives whether there was any."""
        try:
            self._path.unlink()
        except OSError:  # none is there, or it is another user's
            return False
        return True

    def make(self, *, room_factor: int = ROOM_FACTOR) -> bool:
        """Keep room back if none is yet, and so many times its size is free; gives whether there is a reserve now."""
        if not self._is_kept or self.size_bytes >= RESERVE_BYTES:
            return self._is_kept
        try:
            if self.free_bytes < room_factor * RESERVE_BYTES:
                return False
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            finally:
                os.close(descriptor)
        except OSError as error:  # a quota, another user's home, a read-only disk: everything works without it
            logger.info("reserve.not_made", extra={"fields": {"path": str(self._path), "reason": str(error)}})
            with suppress(OSError):
                self._path.unlink()
            return False
        return True

    def run(self, action: Callable[[], _Result]) -> _Result:
        """What ``action`` gives. On a full disk the reserve is given up and the action done once more.

        Args:
            action: Something that frees space or hides a document; when it fails, nothing of it was done, or doing it
                again finishes it.

        Raises:
            StorageFull: there is no room without the reserve either; free some space by hand.
        """
        try:
            return action()
        except StorageFull:
            logger.warning("reserve.given_up", extra={"fields": {"path": str(self._path)}})
            self.give_up()  # if another process has just done so, there is room as well
            try:
                return action()
            finally:
                self.make(room_factor=1)

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Have the room of the reserve for the block, and make it again afterwards if there is enough then.

        For long work that frees space and cannot simply be done again.
        """
        self.give_up()
        try:
            yield
        finally:
            self.make(room_factor=1)
