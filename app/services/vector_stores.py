"""Collections as vector stores, in OpenAI's sense: made, described, and given files in batches."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from app.schemas.openai_vector_stores import StoreAnswer, store_answer
from app.services.documents import hide
from app.services.files import attach, cancel, detach
from app.services.state import Services
from indexing.catalogue.collections import remove_collection
from indexing.catalogue.documents import load_document
from indexing.catalogue.file_readings import (
    Attachment,
    Reading,
    attached_readings,
    count_readings,
    list_readings,
    own_documents,
    usage_bytes,
)
from indexing.catalogue.pages import Page
from indexing.catalogue.vector_stores import (
    FileBatch,
    VectorStore,
    change_vector_store,
    create_batch,
    create_vector_store,
    mark_batch_cancelled,
    read_batch,
    read_vector_store,
    stores_that_may_expire,
)
from indexing.errors import InvalidInput, NotFound
from indexing.records import Json, Partition

_PAGE = 500
"""Readings that are cancelled, or taken out, at a time. Our choice."""


def chunking_of(services: Services) -> dict[str, Json]:
    """How files become passages here, in OpenAI's words; ``other`` while no recipe is in service."""
    found = services.live.chunking()
    if found is None:
        return {"type": "other"}
    return {"type": "static", "static": {"max_chunk_size_tokens": found[0], "chunk_overlap_tokens": found[1]}}


def accept_chunking(services: Services, asked: Mapping[str, Json] | None) -> dict[str, Json]:
    """What a client asked for, as it is kept: ``auto``, or what the recipe does anyway.

    Raises:
        InvalidInput: it is something else: how documents are cut is the recipe's, for all of a home.
    """
    if asked is None or asked.get("type") == "auto":
        return {"type": "auto"}
    ours = chunking_of(services)
    if dict(asked) == ours:
        return ours
    raise InvalidInput(
        f"chunking_strategy {_shown(asked)} is not how this service cuts documents: leave it out, send"
        f" {{'type': 'auto'}}, or send exactly {ours!r}."
    )


def _shown(asked: Mapping[str, Json]) -> str:
    return re.sub(r"\s+", " ", repr(dict(asked)))[:200]


def describe_store(services: Services, tenant: str, store: VectorStore) -> StoreAnswer:
    """A vector store as it goes over the wire, with what is in it."""
    catalogue, partition = services.home.catalogue, Partition(tenant, store.id)
    counts = count_readings(catalogue, partition)
    return store_answer(store, counts, usage_bytes(catalogue, partition), services.now())


def make_store(
    services: Services,
    tenant: str,
    *,
    name: str,
    description: str,
    metadata: Mapping[str, str],
    expires_days: int | None,
    attachments: Sequence[Attachment],
) -> VectorStore:
    """Make a collection as a vector store, and have files read into it, all or nothing; errors as ``attach``."""
    catalogue = services.home.catalogue
    with catalogue.write():
        store = create_vector_store(
            catalogue, tenant, name=name, description=description, metadata=metadata, expires_days=expires_days
        )
        if attachments:
            attach(services, Partition(tenant, store.id), attachments)
    return store


def change_store(
    services: Services, partition: Partition, change: Callable[[VectorStore], Mapping[str, Json]]
) -> VectorStore:
    """Give a store another name, metadata or life; ``change`` gives what is to be other of what it is.

    Raises:
        NotFound: the tenant has no such store.
    """
    catalogue = services.home.catalogue
    with catalogue.write():
        was = read_vector_store(catalogue, partition)
        kept = {
            "name": was.name,
            "description": was.description,
            "metadata": was.metadata,
            "expires_days": was.expires_days,
        }
        return change_vector_store(catalogue, partition, **{**kept, **change(was)})


def delete_store(services: Services, partition: Partition) -> None:
    """Delete a collection with all its documents; files of the tenant stay.

    Raises:
        NotFound: the tenant has no such store.
    """
    home = services.home
    read_vector_store(home.catalogue, partition)
    deleted, _ = home.reserve.run(lambda: remove_collection(home.catalogue, partition))
    hide(services, partition, deleted)


class _UsedAgain(Exception):
    """A store has another life meanwhile."""


def empty_expired_stores(services: Services, *, is_wanted: Callable[[], bool] = lambda: True) -> None:
    """Take files out of every store that has expired, with their documents; the store and the files stay.

    At most ``_PAGE`` of each store, and no more once it is not wanted: a later call goes on. What came to the
    collection another way stays as well, as files do that were brought to it and to no other.
    Source: OpenAI's guide to retrieval, expiration policies.
    """
    catalogue = services.home.catalogue
    for partition in stores_that_may_expire(catalogue):
        with suppress(NotFound, _UsedAgain):  # another process, or its tenant, was faster
            _empty_if_expired(services, partition, is_wanted)


def _empty_if_expired(services: Services, partition: Partition, is_wanted: Callable[[], bool]) -> None:
    catalogue = services.home.catalogue

    def require_expired() -> None:
        if not read_vector_store(catalogue, partition).is_expired(services.now()):
            raise _UsedAgain

    for reading in attached_readings(catalogue, partition, _PAGE):
        if not is_wanted():
            return
        with suppress(NotFound):
            detach(services, partition, reading.file, only_if=require_expired)


def make_batch(services: Services, partition: Partition, attachments: Sequence[Attachment]) -> FileBatch:
    """Have files read into a collection as one batch, all or none; errors as ``attach``."""
    catalogue = services.home.catalogue
    with catalogue.write():
        read_vector_store(catalogue, partition)
        batch = create_batch(catalogue, partition)
        attach(services, partition, attachments, batch=batch)
        made = read_batch(catalogue, partition, batch)
    return made


def cancel_batch(services: Services, partition: Partition, batch_id: str) -> FileBatch:
    """Read no more files of a batch; what is stored stays.

    Raises:
        NotFound: the collection has no such batch.
    """
    catalogue = services.home.catalogue
    read_batch(catalogue, partition, batch_id)
    page = Page(_PAGE, is_ascending=True)
    while found := list_readings(catalogue, partition, page, batch=batch_id).rows:
        for reading in found:
            if reading.state == "in_progress":
                cancel(services, reading)
        page = replace(page, after=found[-1].file)
    mark_batch_cancelled(catalogue, batch_id)
    return read_batch(catalogue, partition, batch_id)


def texts_of(services: Services, reading: Reading) -> list[str]:
    """The texts that were read in a file, as its documents hold them."""
    catalogue = services.home.catalogue
    return [load_document(catalogue, reading.partition, one).text for one in own_documents(catalogue, reading)]
