"""Files that come in parts, as every door handles them: parts are kept until the file is whole or given up."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from app.services.files import Arrived
from app.services.state import Services
from indexing.catalogue.database import Database
from indexing.catalogue.file_uploads import (
    FileUpload,
    UploadPart,
    create_upload,
    end_upload,
    read_parts,
    read_upload,
    require_pending,
)
from indexing.catalogue.files import StoredFile
from indexing.errors import InvalidInput, NotFound
from indexing.uploads.filenames import safe_filename
from indexing.uploads.stored_files import PARTS, delete_file, part_path, store_file, store_part

_CHUNK_BYTES = 1 << 20
"""Bytes of a part that are hashed at once. Source: our choice."""


def begin_upload(
    services: Services, tenant: str, filename: str, size_bytes: int, purpose: str, *, lives_seconds: int | None
) -> FileUpload:
    """Begin a file of ``size_bytes`` that comes in parts; ``lives_seconds`` is how long the file is to live."""
    catalogue = services.home.catalogue
    return create_upload(catalogue, tenant, safe_filename(filename), size_bytes, purpose, file_seconds=lives_seconds)


def add_part(services: Services, tenant: str, upload_id: str, arrived: Arrived) -> UploadPart:
    """Keep a part of a file durably; errors as ``store_part``."""
    return store_part(services.home, tenant, upload_id, arrived.size_bytes, arrived.file)


def complete_upload(
    services: Services, tenant: str, upload_id: str, part_ids: Sequence[str], md5: str | None
) -> tuple[FileUpload, StoredFile]:
    """Make a file of parts, in the order that is given.

    Raises:
        NotFound: the tenant has no such upload.
        InvalidInput: it is not pending, a part is not its own, or bytes or checksum are others than was said.
    """
    home = services.home
    upload = require_pending(home.catalogue, tenant, upload_id)
    paths = [part_path(home, one) for one in _checked(home.catalogue, upload, part_ids)]
    if md5 is not None and (found := _md5(paths)) != md5.lower():
        raise InvalidInput(f"md5 of the parts is {found}, and {md5[:40]!r} was given: send them again.")
    stored = store_file(
        home,
        tenant,
        upload.filename,
        upload.size_bytes,
        _opened(paths),
        purpose=upload.purpose,
        lives_seconds=upload.file_seconds,
    )
    try:
        parts = end_upload(home.catalogue, tenant, upload_id, "completed", file=stored.id)
    except (InvalidInput, NotFound):  # another request completed or cancelled it
        delete_file(home, tenant, stored.id, is_seen=False)
        raise
    for part in parts:
        home.storage.delete(PARTS, part)
    return read_upload(home.catalogue, tenant, upload_id), stored


def cancel_upload(services: Services, tenant: str, upload_id: str) -> FileUpload:
    """Give up a file that came in parts; errors as ``end_upload``."""
    home = services.home
    for part in home.reserve.run(lambda: end_upload(home.catalogue, tenant, upload_id, "cancelled")):
        home.storage.delete(PARTS, part)
    return read_upload(home.catalogue, tenant, upload_id)


def _checked(catalogue: Database, upload: FileUpload, part_ids: Sequence[str]) -> Sequence[str]:
    """The parts of a file in their order, which are its own and all of it."""
    known = {one.id: one for one in read_parts(catalogue, upload.id)}
    strange = next((one for one in part_ids if one not in known), None)
    if strange is not None:
        raise InvalidInput(f"part_ids names {strange[:100]!r}, which is not a part of upload {upload.id!r}.")
    if len(set(part_ids)) != len(part_ids):
        raise InvalidInput("part_ids names a part twice: give each once, in the order of the file.")
    size_bytes = sum(known[one].size_bytes for one in part_ids)
    if size_bytes != upload.size_bytes:
        raise InvalidInput(
            f"The parts have {size_bytes:,} bytes, and 'bytes' said {upload.size_bytes:,}: add the rest, or begin anew."
        )
    return part_ids


def _md5(paths: Sequence[Path]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for file in _opened(paths):
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _opened(paths: Sequence[Path]) -> Iterator[BinaryIO]:
    for path in paths:
        with path.open("rb") as file:
            yield file
