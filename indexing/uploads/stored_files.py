"""The bytes of files that clients bring, and of their parts: artefacts that are durable before a file is seen."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from indexing.catalogue.file_uploads import UploadPart, begin_part, finish_part
from indexing.catalogue.files import StoredFile, begin_file, finish_file, known_files, remove_file
from indexing.errors import InvalidInput, NotFound
from indexing.home import Home
from indexing.records import moment_text
from indexing.storage.store import ArtefactKind, Storage

FILES = ArtefactKind("uploads", remedy="Upload the file again, or restore it from a backup.")
"""Files that clients brought, by id."""
PARTS = ArtefactKind("upload-parts", remedy="Begin the upload again.")
"""Parts of files that come one by one, by id; they go once the file is whole, or is not to be."""
CONTENT = "content"
"""The one file of such an artefact; what the client calls it stands in the catalogue alone."""
BROKEN_OFF_SECONDS = 3600.0
"""After how long what a process left half written is removed: none takes as long to write it. Our choice."""
_CHUNK_BYTES = 1 << 20
"""Bytes that are copied at once. Source: our choice."""


def store_file(
    home: Home,
    tenant: str,
    filename: str,
    size_bytes: int,
    pieces: Iterable[BinaryIO],
    *,
    purpose: str,
    collection: str | None = None,
    lives_seconds: int | None = None,
) -> StoredFile:
    """Keep a file durably, and let it be seen.

    Args:
        home: Where.
        tenant: Whose it is.
        filename: What it is called.
        size_bytes: How large it is.
        pieces: Its bytes, one after another.
        purpose: What for, in OpenAI's words.
        collection: The one that it was brought to, if any.
        lives_seconds: After how long it goes by itself; ``None`` for never.

    Raises:
        QuotaExceeded: the tenant may not hold as much.
        StorageFull: there is no room; nothing was kept.
        InvalidInput: there were more or fewer bytes.
    """
    expires_at = None if lives_seconds is None else moment_text(datetime.now(UTC) + timedelta(seconds=lives_seconds))
    most_bytes = home.settings.max_files_mb * 1_000_000
    file_id = begin_file(
        home.catalogue,
        tenant,
        filename,
        size_bytes,
        purpose,
        most_bytes=most_bytes,
        collection=collection,
        expires_at=expires_at,
    )
    try:
        sha256 = _publish(home.storage, FILES, file_id, size_bytes, pieces)
        return finish_file(home.catalogue, tenant, file_id, sha256)
    except BaseException:
        delete_file(home, tenant, file_id, is_seen=False)
        raise


def store_part(home: Home, tenant: str, upload_id: str, size_bytes: int, piece: BinaryIO) -> UploadPart:
    """Keep a part of a file durably. Errors as ``store_file``, and ``NotFound`` without the upload."""
    most_bytes = home.settings.max_files_mb * 1_000_000
    part_id = begin_part(home.catalogue, tenant, upload_id, size_bytes, most_bytes=most_bytes)
    _publish(home.storage, PARTS, part_id, size_bytes, [piece])
    return finish_part(home.catalogue, part_id)


def _publish(storage: Storage, kind: ArtefactKind, name: str, size_bytes: int, pieces: Iterable[BinaryIO]) -> str:
    digest = hashlib.sha256()
    with storage.publish(kind, name) as draft, (draft.path / CONTENT).open("xb") as file:
        for piece in pieces:
            while chunk := piece.read(_CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
        if file.tell() != size_bytes:
            raise InvalidInput(f"The file has {file.tell():,} bytes and was to have {size_bytes:,}: send it again.")
    return digest.hexdigest()


def content_path(home: Home, file_id: str) -> Path:
    """Where the bytes of a file are, its sha256 checked the first time that this machine sees them.

    Raises:
        ArtefactMissing, ArtefactCorrupt: they are not there, or are others.
    """
    return home.storage.open(FILES, file_id).path / CONTENT


def part_path(home: Home, part_id: str) -> Path:
    """Where the bytes of a part are; as ``content_path``."""
    return home.storage.open(PARTS, part_id).path / CONTENT


def delete_file(home: Home, tenant: str, file_id: str, *, is_seen: bool = True) -> None:
    """Forget a file and remove its bytes, on a full disk, too; its documents stay.

    Raises:
        NotFound: the tenant has no such file, and one ``is_seen``.
    """
    try:
        home.reserve.run(lambda: remove_file(home.catalogue, tenant, file_id))
    except NotFound:
        if is_seen:
            raise
    home.storage.delete(FILES, file_id)


def sweep_files(home: Home) -> int:
    """Remove the bytes of files and parts that the catalogue does not know, and what was broken off long ago.

    Files are entered before their bytes are written, so that none that is just arriving is taken. Gives how many.
    """
    storage = home.storage
    stored = [(kind, name) for kind in (FILES, PARTS) for name in storage.list(kind)]
    known = known_files(home.catalogue)  # after the bytes were listed
    unknown = [(kind, name) for kind, name in stored if name not in known]
    for kind, name in unknown:
        storage.delete(kind, name)
    return len(unknown) + storage.sweep((FILES, PARTS), older_than_seconds=BROKEN_OFF_SECONDS)
