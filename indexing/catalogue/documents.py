"""Documents one by one: writing a few with what became of each, reading, paging, deleting, and what changed since."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from indexing.catalogue.database import Catalogue, Row
from indexing.errors import NotFound
from indexing.records import Document, Partition

Outcome: TypeAlias = Literal["created", "updated", "unchanged"]
_COLUMNS = "id, title, url, metadata, content_type, allow, seq, updated_at, live"
_OF = "tenant = ? AND collection = ?"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as the catalogue holds it; ``is_live`` says that it need not wait for a build to be found."""

    document: Document
    seq: int
    updated_at: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one document of a write. ``seq`` is that of its last change."""

    id: str
    seq: int
    outcome: Outcome
    is_live: bool


def write_documents(
    catalogue: Catalogue, partition: Partition, documents: Sequence[Document], *, live: bool
) -> list[Written]:
    """Insert or replace documents, all or none, durably; in their order what became of each.

    Raises:
        InvalidInput: the collection's name is none.
        QuotaExceeded: the tenant would hold more than it may; nothing was stored.
    """
    with catalogue.write():
        before = {document.id: _row(catalogue, partition, document.id) for document in documents}
        catalogue.put_documents(partition, documents, live=live)
        written = []
        for document in documents:
            old, new = before[document.id], _row(catalogue, partition, document.id)
            assert new is not None  # noqa: S101 (it was just written, in this transaction)
            outcome: Outcome = "created" if old is None else "unchanged" if old["seq"] == new["seq"] else "updated"
            written.append(Written(document.id, int(new["seq"]), outcome, bool(new["live"])))
    return written


def _row(catalogue: Catalogue, partition: Partition, document_id: str, columns: str = "seq, live") -> Row | None:
    sql = f"SELECT {columns} FROM documents WHERE {_OF} AND id = ?"
    return catalogue.row(sql, (partition.tenant, partition.collection, document_id))


def _stored(row: Row) -> StoredDocument:
    return StoredDocument(document_of({"text": "", **row}), int(row["seq"]), row["updated_at"], bool(row["live"]))


def read_document(catalogue: Catalogue, partition: Partition, document_id: str) -> StoredDocument:
    """One document with its text.

    Raises:
        NotFound: the collection holds no such document, or there is no such collection.
    """
    row = _row(catalogue, partition, document_id, f"text, {_COLUMNS}")
    if row is None:
        raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
    return _stored(row)


def read_content(catalogue: Catalogue, partition: Partition, document_id: str) -> tuple[str, int, bool] | None:
    """The ``content_sha256`` of a document, its sequence number and whether it is live; ``None`` if it is not there."""
    row = _row(catalogue, partition, document_id, "content_sha256, seq, live")
    return None if row is None else (row["content_sha256"], int(row["seq"]), bool(row["live"]))


def iterate_documents(
    catalogue: Catalogue, partition: Partition, *, after: str = "", batch: int = 500
) -> Iterator[StoredDocument]:
    """Documents by id, from the first behind ``after``, with an empty ``text``. Writes meanwhile disturb nothing."""
    sql = f"SELECT {_COLUMNS} FROM documents WHERE {_OF} AND id > ? ORDER BY id LIMIT ?"
    while True:
        rows = list(catalogue.rows(sql, (partition.tenant, partition.collection, after, batch)))
        yield from map(_stored, rows)
        if len(rows) < batch:
            return
        after = rows[-1]["id"]


def remove_document(catalogue: Catalogue, partition: Partition, document_id: str) -> int:
    """Delete one document; the sequence number of that.

    Raises:
        NotFound: the collection holds no such document.
    """
    with catalogue.write():
        if not catalogue.remove_documents(partition, [document_id]):
            raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
        return catalogue.sequence()


def remove_unchanged(catalogue: Catalogue, partition: Partition, seqs: Mapping[str, int]) -> tuple[int, int]:
    """Delete documents by id unless they changed since they had that sequence number.

    Returns:
        How many were deleted, and the catalogue's sequence number after it.
    """
    with catalogue.write():
        rows = ((name, _row(catalogue, partition, name)) for name in seqs)
        same = [name for name, row in rows if row is not None and row["seq"] == seqs[name]]
        return catalogue.remove_documents(partition, same), catalogue.sequence()


_KEY = "tenant = ? AND collection = ? AND id = ?"


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a batch of writes did; ``seq`` is the catalogue's sequence number after it."""

    added: int
    changed: int
    unchanged: int
    seq: int


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """A document without its text: enough to place it and to name the shard that will hold it."""

    partition: Partition
    id: str
    content_sha256: str
    record_sha256: str


LeaveOut = Callable[[DocumentKey], bool]
"""Whether to do as if a document were not there."""


def document_of(row: Row) -> Document:
    """The document that a row of the table ``documents`` holds."""
    return Document(
        row["id"],
        row["title"],
        row["text"],
        row["url"],
        json.loads(row["metadata"]),
        row["content_type"],
        None if row["allow"] is None else tuple(json.loads(row["allow"])),
    )
