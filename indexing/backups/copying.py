"""Copying artefacts and files so that what arrives is what was promised, byte for byte."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexing.backups.manifest import BackedUpFile, StoredArtefact, stored_artefact
from indexing.errors import ArtefactCorrupt, ArtefactMissing, InvalidInput, StorageFull
from indexing.storage.atomic_files import copy_file, is_full
from indexing.storage.store import Storage


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


def store_file(source: Path, path: str, folder: Path, mode: int) -> BackedUpFile:
    """Copy a file of a home to ``folder``, where its name is its sha256."""
    arriving = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        sha256, size_bytes = copy_file(source, arriving, mode=0o600)
        arriving.replace(folder / sha256)
    finally:
        arriving.unlink(missing_ok=True)
    return BackedUpFile(path, sha256, size_bytes, mode)
