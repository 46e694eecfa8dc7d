"""The reserve: room on the disk that is kept back, so that what frees space can be done when no space is left.

Deleting rows from a full disk needs room first: SQLite writes the pages that change to its log. The reserve is a file
of a few megabytes that such an action gives up. Until there is room for it again, every other write is refused, so
that the room stays for more such actions; the next write, the API's next poll or the next opening then makes it again.
"""

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

from indexing.errors import StorageFull
from indexing.storage.atomic_files import is_full
from indexing.storage.permissions import PRIVATE_FILE

logger = logging.getLogger(__name__)
RESERVE_BYTES = 8 << 20
"""Twice what SQLite's log holds before it is written back and used again (1,000 pages of 4 KiB), so that one
deletion and what a person does next both find room. Source: SQLite's default of ``wal_autocheckpoint``."""
ROOM_FACTOR = 2
"""How many times its size must be free for it to be made: afterwards as much is left as was given up, so that making it
takes no room from an action of another process that has just given it up. Source: our choice."""
RESERVE_FILE = "reserve"
_frees_room: ContextVar[bool] = ContextVar("frees_room", default=False)
"""Whether what runs here, in this thread, may write in the room of the reserve."""
_Result = TypeVar("_Result")


class Reserve:
    """The reserve of one home. Safe to share between threads and processes: giving it up twice frees it once."""

    def __init__(self, path: Path, *, is_kept: bool = True) -> None:
        """Keep it in the file ``path``; unless ``is_kept``, another does, and it is neither made nor given up here."""
        self._path = path
        self._is_kept = is_kept
        self._reason = ""

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
        if not self._is_kept:
            return False
        try:
            self._path.unlink()
        except OSError:  # none is there, or it is another user's
            return False
        return True

    def make(self, *, room_factor: int = ROOM_FACTOR) -> bool:
        """Keep room back if none is yet, and so many times its size is free; gives whether this home has a reserve now.

        One look at the file where it is there, so that it may be called often.
        """
        if not self._is_kept or self._is_whole:
            return self._is_kept
        try:
            self._allocate(room_factor)
        except OSError as error:
            self._log(error)
            return False
        return True

    def require(self) -> None:
        """Go on only where a write leaves what frees space its room: with a reserve, or with room to make one now.

        Every write to the catalogue or the artefact store calls it first, at the price of one look at the file. Within
        ``run`` and ``given_up`` it lets all pass, and also where a reserve cannot be made for another reason than room.

        Raises:
            StorageFull: the reserve is given up, and there is no room for another one.
        """
        if _frees_room.get() or self._is_whole:
            return
        try:
            self._allocate(ROOM_FACTOR)
        except OSError as error:
            self._log(error)
            if is_full(error):
                raise StorageFull(
                    "No room to write: the disk is full, and what is left of it is kept for deletions. Delete"
                    " documents, run 'groundwork gc --yes' or free space otherwise, until"
                    f" {ROOM_FACTOR * RESERVE_BYTES:,} bytes are free; then try again."
                ) from error

    @property
    def _is_whole(self) -> bool:
        return self.size_bytes >= RESERVE_BYTES

    def _allocate(self, room_factor: int) -> None:
        """Take its room from the disk, or, where another keeps it, only see that there is as much.

        Raises:
            OSError: there is no room (``ENOSPC``, ``EDQUOT``), or the file cannot be written.
        """
        if self.free_bytes < room_factor * RESERVE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if not self._is_kept:
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, PRIVATE_FILE)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            finally:
                os.close(descriptor)
        except OSError:
            with suppress(OSError):
                self._path.unlink()
            raise
        self._reason = ""

    def _log(self, error: OSError) -> None:
        """Say why there is none, once for each reason: this may be tried several times a second."""
        if str(error) != self._reason:
            self._reason = str(error)
            logger.info("reserve.not_made", extra={"fields": {"path": str(self._path), "reason": self._reason}})

    def run(self, action: Callable[[], _Result]) -> _Result:
        """What ``action`` gives. On a full disk the reserve is given up and the action done once more.

        Args:
            action: Something that frees space, hides a document, or takes a right away, in a few pages; when it fails,
                nothing of it was done, or doing it again finishes it.

        Raises:
            StorageFull: there is no room without the reserve either; free some space by hand.
        """
        with _freeing():
            try:
                return action()
            except StorageFull:
                if self.give_up():  # if another process has just done so, there is room as well
                    logger.warning("reserve.given_up", extra={"fields": {"path": str(self._path)}})
                try:
                    return action()
                finally:
                    self.make()

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Have the room of the reserve for the block, and make it again afterwards if there is enough then.

        For long work that frees space and cannot simply be done again. Where it only looked, all is as it was before.
        """
        self.give_up()
        try:
            with _freeing():
                yield
        finally:
            self.make(room_factor=1)


@contextmanager
def _freeing() -> Iterator[None]:
    token = _frees_room.set(True)
    try:
        yield
    finally:
        _frees_room.reset(token)
