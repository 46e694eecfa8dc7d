"""Files that are written whole or not at all, and what a full disk is called."""

import errno
import hashlib
import os
import uuid
from contextlib import suppress
from pathlib import Path

from indexing.errors import StorageFull

_NEW_FILE = 0o666
"""The mode that a new file without one is asked for with."""
_CHUNK_BYTES = 1 << 20
"""Bytes read at once while copying: calls cost nothing, and any machine has them. Source: our choice."""


def write_atomically(
    path: Path, content: bytes, *, mode: int | None = None, is_durable: bool = True, keeps_first: bool = False
) -> None:
    """Make ``path`` hold ``content``: readers see what was there before or the whole new file, also after a power cut.

    Args:
        path: Where to write; its folder exists.
        content: All bytes of the file.
        mode: The most that the file's mode has, from its first byte on: the process's umask takes from it. ``None``
            for what the umask leaves of reading and writing for all.
        is_durable: Whether it must outlast a power cut; what can be made again need not, and costs no fsync.
        keeps_first: Leave a file that is there already as it is, also one that another process writes at this moment.

    Raises:
        StorageFull: the disk has no room; what was at ``path`` is untouched.
        OSError: the file cannot be written for another reason.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        write_file(draft, content, mode=mode, is_durable=is_durable)
        if keeps_first:
            with suppress(FileExistsError):
                path.hardlink_to(draft)
        else:
            draft.replace(path)
        if is_durable:
            sync_folder(path.parent)
    except OSError as error:
        if is_full(error):
            raise StorageFull(
                f"No room for {len(content):,} bytes at {path}: free some space and try again."
            ) from error
        raise
    finally:
        draft.unlink(missing_ok=True)


def write_file(path: Path, content: bytes, *, mode: int | None = None, is_durable: bool = True) -> None:
    """Write a new file that no reader knows of yet, such as a draft; ``mode`` as in ``write_atomically``."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _NEW_FILE if mode is None else mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if is_durable:
            os.fsync(descriptor)


def copy_file(source: Path, target: Path, *, mode: int) -> tuple[str, int]:
    """Write a copy of a file of any size, whole or not at all; gives the sha256 of what was read and its size in bytes.

    The process's umask takes from ``mode``.

    Raises:
        FileNotFoundError: there is no ``source``.
        OSError: it cannot be read, or the copy cannot be written; what was at ``target`` is untouched.
    """
    digest, size_bytes = hashlib.sha256(), 0
    draft = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += writer.write(chunk)
            writer.flush()
            os.fsync(descriptor)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return digest.hexdigest(), size_bytes


def sync_folder(path: Path) -> None:
    """Make durable what was renamed, linked or made in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_full(error: BaseException) -> bool:
    """Whether an error means that the disk is full; libraries in C++ and Rust say so only in their message."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or "No space left on device" in str(error) or "Disk quota exceeded" in str(error)
