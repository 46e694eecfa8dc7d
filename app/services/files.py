"""Files as every door handles them: kept, read into collections, changed and taken away."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from app.services.documents import hide, write
from app.services.state import Services
from app.services.store_use import require_usable
from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.document_writes import remove_documents
from indexing.catalogue.documents import find_document, read_document
from indexing.catalogue.file_readings import (
    Attachment,
    Reading,
    attach_files,
    change_attributes,
    detach_file,
    own_documents,
    read_reading,
    readings_of_file,
)
from indexing.catalogue.files import StoredFile, read_file
from indexing.catalogue.reading_turns import cancel_reading
from indexing.catalogue.vector_stores import use_vector_store
from indexing.errors import InvalidInput, Overloaded
from indexing.records import Document, Json, Partition
from indexing.uploads.filenames import safe_filename
from indexing.uploads.reading import is_readable, unreadable_kind
from indexing.uploads.stored_files import delete_file, store_file

logger = logging.getLogger(__name__)
USER_DATA = "user_data"
"""The purpose of files that were brought to a collection. Source: OpenAI's word for any use."""


_TRIES = 5
"""How often a change is tried whose documents others change meanwhile. Source: our choice."""


class _ChangedMeanwhile(Exception):
    """A document is no longer what it was when it was read."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file as a request brought it: what the client calls it, its size, and its bytes."""

    filename: str
    size_bytes: int
    file: BinaryIO


def keep_file(
    services: Services, tenant: str, arrived: Arrived, *, purpose: str, lives_seconds: int | None = None
) -> StoredFile:
    """Keep a file durably for a tenant; errors as ``store_file``."""
    stored = store_file(
        services.home,
        tenant,
        safe_filename(arrived.filename),
        arrived.size_bytes,
        [arrived.file],
        purpose=purpose,
        lives_seconds=lives_seconds,
    )
    _log("files.kept", bytes=stored.size_bytes)
    return stored


def bring_files(
    services: Services,
    partition: Partition,
    files: Sequence[Arrived],
    *,
    metadata: Mapping[str, Json],
    fields: Mapping[str, Json],
) -> list[Reading]:
    """Keep files that are to become documents of a collection, all or none, and ask for them to be read.

    Raises:
        InvalidInput: the ending of a name is none that is read; nothing was kept. Also as ``store_file``.
        QuotaExceeded, StorageFull: as ``store_file``.
    """
    names = [safe_filename(one.filename) for one in files]
    faults = [unreadable_kind(name, is_own=True) for name in names if not is_readable(name, is_own=True)]
    if faults:
        raise InvalidInput(" ".join(faults))
    kept: list[StoredFile] = []
    try:
        for name, one in zip(names, files, strict=True):
            kept.append(
                store_file(
                    services.home,
                    partition.tenant,
                    name,
                    one.size_bytes,
                    [one.file],
                    purpose=USER_DATA,
                    collection=partition.collection,
                )
            )
        attachments = [Attachment(one.id, metadata, {"type": "auto"}, fields) for one in kept]
        readings = attach(services, partition, attachments, makes_collection=True)
    except BaseException:
        for file in kept:
            delete_file(services.home, partition.tenant, file.id, is_seen=False)
        raise
    _log("files.brought", collection=partition.collection, files=len(readings))
    return readings


def attach(
    services: Services,
    partition: Partition,
    attachments: Sequence[Attachment],
    *,
    batch: str | None = None,
    makes_collection: bool = False,
) -> list[Reading]:
    """Ask for files to be read into a collection, all or none; errors as ``attach_files`` and ``require_usable``."""
    catalogue = services.home.catalogue
    with catalogue.write():
        if makes_collection:
            ensure_collection(catalogue, partition)
        require_usable(services, partition)
        readings = attach_files(catalogue, partition, attachments, batch=batch)
        use_vector_store(catalogue, partition)
    return readings


def detach(
    services: Services, partition: Partition, file_id: str, *, only_if: Callable[[], None] = lambda: None
) -> Reading:
    """Take a file out of a collection, with the documents that it gave; a file that was brought to it goes, too.

    ``only_if`` is called in the transaction that does it; what it raises leaves all as it is.

    Raises:
        NotFound: it is not in the collection.
    """
    home = services.home

    def take_out() -> tuple[Reading, int]:
        with home.catalogue.write(grows=False):
            only_if()
            reading = read_reading(home.catalogue, partition, file_id)
            documents = own_documents(home.catalogue, reading)
            detach_file(home.catalogue, partition, file_id)
            return reading, remove_documents(home.catalogue, partition, documents)

    reading, removed = home.reserve.run(take_out)
    if removed:
        hide(services, partition, removed)
    is_elsewhere = bool(readings_of_file(home.catalogue, partition.tenant, file_id))
    if reading.file_collection == partition.collection and not is_elsewhere:
        delete_file(home, partition.tenant, file_id, is_seen=False)
    _log("files.detached", collection=partition.collection, documents=removed)
    return reading


def remove_file_everywhere(services: Services, tenant: str, file_id: str) -> None:
    """Delete a file, and in every collection the documents that it gave.

    Raises:
        NotFound: the tenant has no such file.
    """
    read_file(services.home.catalogue, tenant, file_id)
    for reading in readings_of_file(services.home.catalogue, tenant, file_id):
        detach(services, reading.partition, file_id)
    delete_file(services.home, tenant, file_id, is_seen=False)
    _log("files.deleted")


def cancel(services: Services, reading: Reading) -> bool:
    """Read a file no more, unless its documents are stored already; gives whether it was cancelled."""
    return services.home.reserve.run(lambda: cancel_reading(services.home.catalogue, reading))


def update_attributes(
    services: Services, partition: Partition, file_id: str, attributes: Mapping[str, Json]
) -> Reading:
    """Give a file in a collection other attributes, and its documents the same metadata.

    Raises:
        NotFound: it is not in the collection.
        QuotaExceeded, StorageFull: as a write of the documents.
        Overloaded: others go on writing its documents.
    """
    for _ in range(_TRIES):
        try:
            return _change(services, read_reading(services.home.catalogue, partition, file_id), attributes)
        except _ChangedMeanwhile:
            continue
    raise Overloaded(f"Documents of file {file_id!r} are written by others at this moment: try again in a second.")


def _change(services: Services, reading: Reading, attributes: Mapping[str, Json]) -> Reading:
    """Change a reading and the documents that are its own, as they are now."""
    catalogue, partition = services.home.catalogue, reading.partition
    stored = [read_document(catalogue, partition, one) for one in own_documents(catalogue, reading)]

    def note() -> None:
        for one in stored:
            now = find_document(catalogue, partition, one.document.id)
            if now is None or now.seq != one.seq:
                raise _ChangedMeanwhile(one.document.id)
        change_attributes(catalogue, reading, attributes)

    if stored:
        write(
            services, partition, [_with_attributes(one.document, reading, attributes) for one in stored], with_them=note
        )
    else:
        change_attributes(catalogue, reading, attributes)
    return read_reading(catalogue, partition, reading.file)


def _with_attributes(document: Document, reading: Reading, attributes: Mapping[str, Json]) -> Document:
    """A document with other attributes in its metadata, which may hold more than these."""
    own = {name: value for name, value in document.metadata.items() if name not in reading.attributes}
    return replace(document, metadata={**own, **attributes})


def _log(event: str, **fields: Json) -> None:
    logger.info(event, extra={"fields": fields})
