"""Copying artefacts and files so that what arrives is what was promised, byte for byte."""

import hashlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.backups.manifest import BackedUpFile, StoredArtefact, stored_artefact
from indexing.errors import ArtefactCorrupt, ArtefactMissing, InvalidInput, StorageFull
from indexing.storage.atomic_files import copy_file, is_full
from indexing.storage.store import Artefact, Draft, Storage

LOST_AND_FOUND = "lost+found"
"""The folder that ext file systems have at their root. Source: mklost+found(8)."""


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
        if is_full(error):
            raise StorageFull(f"No room to write {folder}: free some space and run the command again.") from error
        where = error.filename or folder
        raise InvalidInput(f"{where} cannot be read or written ({error.strerror}): check its permissions.") from error


def entries_of(folder: Path) -> list[Path]:
    """What stands in a folder, without an empty ``lost+found``: so a new file system counts as an empty folder."""
    return [path for path in folder.iterdir() if not _is_file_systems(path)]


def _is_file_systems(path: Path) -> bool:
    if path.name != LOST_AND_FOUND or path.is_symlink() or not path.is_dir():
        return False
    try:
        return not any(path.iterdir())
    except PermissionError:  # the superuser's, as a new file system has it
        return True


def copy_artefact(source: Storage, target: Storage, kind: str, name: str) -> StoredArtefact:
    """Publish an artefact of ``source`` in ``target``; one that stands there gives way to a whole one only.

    Raises:
        ArtefactMissing: ``source`` does not hold it, or not any more.
        ArtefactCorrupt: its bytes are not those that its manifest promises; ``target`` is as it was.
    """
    artefact = source.describe(kind, name)
    with target.publish(kind, name) as draft:
        draft.info.update(artefact.info)
        for file in artefact.files:
            try:
                shutil.copyfile(artefact.path / file, draft.path / file)
            except FileNotFoundError:
                raise ArtefactMissing(f"{kind}/{name}/{file} was removed while it was copied.") from None
        if target.exists(kind, name):
            _require_whole(artefact, draft)
            target.delete(kind, name)
    copied = target.describe(kind, name)  # its sha256 were computed from the copy
    wrong = [file for file, promised in artefact.files.items() if copied.files.get(file) != promised]
    if wrong:
        target.delete(kind, name)
        raise _corrupt(artefact, wrong[0])
    return stored_artefact(copied)


def _require_whole(artefact: Artefact, draft: Draft) -> None:
    """Let a copy on whose files are those that the manifest promises."""
    for file, promised in artefact.files.items():
        with (draft.path / file).open("rb") as copied:
            if hashlib.file_digest(copied, "sha256").hexdigest() != promised["sha256"]:
                raise _corrupt(artefact, file)


def _corrupt(artefact: Artefact, file: str) -> ArtefactCorrupt:
    return ArtefactCorrupt(f"{artefact.kind}/{artefact.name}/{file} differs from what its manifest promises.")


def store_file(source: Path, path: str, folder: Path, mode: int) -> BackedUpFile:
    """Copy a file of a home to ``folder``, where its name is its sha256."""
    arriving = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        sha256, size_bytes = copy_file(source, arriving, mode=0o600)
        arriving.replace(folder / sha256)
    finally:
        arriving.unlink(missing_ok=True)
    return BackedUpFile(path, sha256, size_bytes, mode)
