"""Copying artefacts and files so that what arrives is what was promised, byte for byte."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.backups.manifest import StoredArtefact, StoredFile, stored_artefact
from indexing.errors import ArtefactCorrupt, ArtefactMissing, InvalidInput, StorageFull
from indexing.storage.store import Storage

_CHUNK_BYTES = 1 << 20
"""Read at once while copying: large enough that calls cost nothing, small enough for any machine."""


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn the system's errors while a folder is filled into one sentence each.

    Raises:
        StorageFull: there is no room left.
        InvalidInput: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"No room to write {folder}: free some space and run the command again.") from error
        where = error.filename or folder
        raise InvalidInput(f"{where} cannot be read or written ({error.strerror}): check its permissions.") from error


def copy_artefact(source: Storage, target: Storage, kind: str, name: str) -> StoredArtefact:
    """Publish an artefact of ``source`` in ``target``; one that stands there is replaced.

    Raises:
        ArtefactMissing: ``source`` does not hold it, or not any more.
        ArtefactCorrupt: its bytes are not those that its manifest promises; nothing stays in ``target``.
    """
    artefact = source.describe(kind, name)
    target.delete(kind, name)
    with target.publish(kind, name) as draft:
        draft.info.update(artefact.info)
        for file in artefact.files:
            try:
                shutil.copyfile(artefact.path / file, draft.path / file)
            except FileNotFoundError:
                raise ArtefactMissing(f"{kind}/{name}/{file} was removed while it was copied.") from None
    copied = target.describe(kind, name)  # its sha256 were computed from the copy
    wrong = [file for file, promised in artefact.files.items() if copied.files.get(file) != promised]
    if wrong:
        target.delete(kind, name)
        raise ArtefactCorrupt(f"{kind}/{name}/{wrong[0]} differs from what its manifest promises.")
    return stored_artefact(copied)


def copy_file(source: Path, target: Path, mode: int) -> tuple[str, int]:
    """Write a copy whole or not at all; gives the sha256 of what was read and its size in bytes."""
    digest, size_bytes = hashlib.sha256(), 0
    draft = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with source.open("rb") as reader, os.fdopen(os.open(draft, _NEW, 0o600), "wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += writer.write(chunk)
            writer.flush()
            os.fchmod(writer.fileno(), mode)
            os.fsync(writer.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return digest.hexdigest(), size_bytes


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def write_file(target: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    draft = target.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with os.fdopen(os.open(draft, _NEW, 0o600), "wb") as writer:
            writer.write(content)
            writer.flush()
            os.fsync(writer.fileno())
        draft.replace(target)
        sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def store_file(source: Path, path: str, folder: Path, mode: int) -> StoredFile:
    """Copy a file of a home to ``folder``, where its name is its sha256."""
    arriving = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        sha256, size_bytes = copy_file(source, arriving, 0o600)
        arriving.replace(folder / sha256)
    finally:
        arriving.unlink(missing_ok=True)
    return StoredFile(path, sha256, size_bytes, mode)
