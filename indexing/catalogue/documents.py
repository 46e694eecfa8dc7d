"""The rows of documents: writing them with what became of each, reading, paging, deleting."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from indexing.catalogue.database import Database, Row
from indexing.errors import NotFound
from indexing.records import Document, Partition

COLUMNS = "id, title, url, metadata, content_type, allow, seq, updated_at, live, source"
"""What `stored_document` reads of a row, beside the text."""
OF_PARTITION = "tenant = ? AND collection = ?"
"""Chooses the rows of one partition."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as the catalogue holds it; ``is_live`` says that it need not wait for a build to be found.

    ``source`` names the ingest that it came from, and is empty where it was written by itself.
    """

    document: Document
    seq: int
    updated_at: str
    is_live: bool
    source: str = ""


def document_row(database: Database, partition: Partition, document_id: str, columns: str = "seq, live") -> Row | None:
    """Some columns of a document's row, or ``None`` if it is not there."""
    sql = f"SELECT {columns} FROM documents WHERE {OF_PARTITION} AND id = ?"
    return database.row(sql, (partition.tenant, partition.collection, document_id))


def stored_document(row: Row) -> StoredDocument:
    """The document that a row with ``COLUMNS``, and perhaps the text, holds."""
    document = document_of({"text": "", **row})
    return StoredDocument(document, int(row["seq"]), row["updated_at"], bool(row["live"]), row["source"])


def read_document(database: Database, partition: Partition, document_id: str) -> StoredDocument:
    """One document with its text.

    Raises:
        NotFound: the collection holds no such document, or there is no such collection.
    """
    row = document_row(database, partition, document_id, f"text, {COLUMNS}")
    if row is None:
        raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
    return stored_document(row)


def find_document(database: Database, partition: Partition, document_id: str) -> StoredDocument | None:
    """One document with an empty ``text``, or ``None`` if it is not there."""
    row = document_row(database, partition, document_id, COLUMNS)
    return None if row is None else stored_document(row)


def load_document(database: Database, partition: Partition, document_id: str) -> Document:
    """One document with its text, without what the catalogue knows of its writing.

    Raises:
        NotFound: as ``read_document``.
    """
    return read_document(database, partition, document_id).document


def read_content(database: Database, partition: Partition, document_id: str) -> tuple[str, int, bool] | None:
    """The ``content_sha256`` of a document, its sequence number and whether it is live; ``None`` if it is not there."""
    row = document_row(database, partition, document_id, "content_sha256, seq, live")
    return None if row is None else (row["content_sha256"], int(row["seq"]), bool(row["live"]))


def iterate_documents(
    database: Database, partition: Partition, *, after: str = "", batch: int = 500
) -> Iterator[StoredDocument]:
    """Documents by id, from the first behind ``after``, with an empty ``text``. Writes meanwhile disturb nothing."""
    sql = f"SELECT {COLUMNS} FROM documents WHERE {OF_PARTITION} AND id > ? ORDER BY id LIMIT ?"
    while True:
        rows = list(database.rows(sql, (partition.tenant, partition.collection, after, batch)))
        yield from map(stored_document, rows)
        if len(rows) < batch:
            return
        after = rows[-1]["id"]


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


def document_ids(database: Database, partition: Partition, *, source: str) -> set[str]:
    """The ids of the documents that came from ``source``."""
    sql = "SELECT id FROM documents WHERE tenant = ? AND collection = ? AND source = ?"
    return {row["id"] for row in database.rows(sql, (partition.tenant, partition.collection, source))}


def document_keys(database: Database) -> Iterator[DocumentKey]:
    """Every document of every tenant without its text, ordered by tenant, collection and id."""
    sql = "SELECT tenant, collection, id, content_sha256, record_sha256 FROM documents ORDER BY tenant, collection, id"
    for row in database.rows(sql):
        partition = Partition(row["tenant"], row["collection"])
        yield DocumentKey(partition, row["id"], row["content_sha256"], row["record_sha256"])


def ids_in_documents(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of a partition's documents."""
    return _ids(database, "documents", partition)


def ids_in_deletions(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of a partition's documents that were deleted, as far as that is still remembered."""
    return _ids(database, "deletions", partition)


def collections_in_deletions(database: Database, tenant: str) -> list[Partition]:
    """The collections of a tenant of which deleted documents are remembered, also of such as were removed."""
    sql = "SELECT DISTINCT collection FROM deletions WHERE tenant = ? ORDER BY collection"
    return [Partition(tenant, str(row["collection"])) for row in database.rows(sql, (tenant,))]


def _ids(database: Database, table: str, partition: Partition) -> frozenset[str]:
    sql = f"SELECT id FROM {table} WHERE {OF_PARTITION}"
    return frozenset(str(row["id"]) for row in database.rows(sql, (partition.tenant, partition.collection)))


def waits_for_build(database: Database, partition: Partition, seq: int) -> bool:
    """Whether the write ``seq`` of a partition is one that only a build makes searchable."""
    sql = f"SELECT 1 FROM documents WHERE seq = ? AND {OF_PARTITION} AND live = 0"
    return database.row(sql, (seq, partition.tenant, partition.collection)) is not None


def count_waiting_for_build(database: Database, since: int, *, tenant: str | None = None) -> int:
    """How many documents, of one tenant or of all, were written after ``since`` and are not live."""
    sql = "SELECT count(*) AS n FROM documents WHERE live = 0 AND seq > ?1 AND (?2 IS NULL OR tenant = ?2)"
    row = database.row(sql, (since, tenant))
    return 0 if row is None else int(row["n"])
