"""The rows of documents: writing them with what became of each, reading, paging, deleting."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlite_utils

from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.quotas import require_room
from indexing.errors import NotFound
from indexing.records import Document, Partition, is_narrower

Outcome: TypeAlias = Literal["created", "updated", "unchanged"]
COLUMNS = "id, title, url, metadata, content_type, allow, seq, updated_at, live"
"""What `stored_document` reads of a row, beside the text."""
OF_PARTITION = "tenant = ? AND collection = ?"
"""Chooses the rows of one partition."""


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
    database: Database, partition: Partition, documents: Sequence[Document], *, live: bool
) -> list[Written]:
    """Insert or replace documents, all or none, durably; in their order what became of each.

    Raises:
        InvalidInput: the collection is new, and its name is invalid for one.
        QuotaExceeded: the tenant would hold more than it may; nothing was stored.
    """
    with database.write():
        before = {document.id: _row(database, partition, document.id) for document in documents}
        put_documents(database, partition, documents, live=live)
        written = []
        for document in documents:
            old, new = before[document.id], _row(database, partition, document.id)
            assert new is not None  # noqa: S101 (it was just written, in this transaction)
            outcome: Outcome = "created" if old is None else "unchanged" if old["seq"] == new["seq"] else "updated"
            written.append(Written(document.id, int(new["seq"]), outcome, bool(new["live"])))
    return written


def _row(database: Database, partition: Partition, document_id: str, columns: str = "seq, live") -> Row | None:
    sql = f"SELECT {columns} FROM documents WHERE {OF_PARTITION} AND id = ?"
    return database.row(sql, (partition.tenant, partition.collection, document_id))


def stored_document(row: Row) -> StoredDocument:
    """The document that a row with ``COLUMNS``, and perhaps the text, holds."""
    return StoredDocument(document_of({"text": "", **row}), int(row["seq"]), row["updated_at"], bool(row["live"]))


def read_document(database: Database, partition: Partition, document_id: str) -> StoredDocument:
    """One document with its text.

    Raises:
        NotFound: the collection holds no such document, or there is no such collection.
    """
    row = _row(database, partition, document_id, f"text, {COLUMNS}")
    if row is None:
        raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
    return stored_document(row)


def read_content(database: Database, partition: Partition, document_id: str) -> tuple[str, int, bool] | None:
    """The ``content_sha256`` of a document, its sequence number and whether it is live; ``None`` if it is not there."""
    row = _row(database, partition, document_id, "content_sha256, seq, live")
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


def remove_document(database: Database, partition: Partition, document_id: str) -> int:
    """Delete one document; the sequence number of that.

    Raises:
        NotFound: the collection holds no such document.
    """
    with database.write():
        if not remove_documents(database, partition, [document_id]):
            raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
        return database.sequence()


def remove_unchanged(database: Database, partition: Partition, seqs: Mapping[str, int]) -> tuple[int, int]:
    """Delete documents by id unless they changed since they had that sequence number.

    Returns:
        How many were deleted, and the catalogue's sequence number after it.
    """
    with database.write():
        rows = ((name, _row(database, partition, name)) for name in seqs)
        same = [name for name, row in rows if row is not None and row["seq"] == seqs[name]]
        return remove_documents(database, partition, same), database.sequence()


_KEY = "tenant = ? AND collection = ? AND id = ?"
_STORED = (
    "tenant, collection, id, title, text, url, metadata, content_type, source, content_sha256, record_sha256, seq,"
    " updated_at, allow, live"
)
"""Every column of ``documents`` and ``superseded``."""


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


def put_documents(
    database: Database, partition: Partition, documents: Iterable[Document], *, source: str = "", live: bool = False
) -> WriteCounts:
    """Insert or replace ``documents``, all or none; a document that is the same already is left untouched.

    Those that are ``live`` are to be found before the next build holds them.

    Raises:
        QuotaExceeded: the tenant would hold more than it may. Let it end an outer ``write()`` as well.
    """
    counts = {"added": 0, "changed": 0, "unchanged": 0}
    with database.write() as db:
        ensure_collection(database, partition)
        for document in documents:
            counts[_put_document(db, partition, document, source, live)] += 1
        require_room(db, partition.tenant, added=counts["added"], changed=counts["changed"])
        seq = db.conn.execute("SELECT value FROM write_sequence").fetchone()[0]
    return WriteCounts(**counts, seq=seq)


def _put_document(db: sqlite_utils.Database, partition: Partition, document: Document, source: str, live: bool) -> str:
    key = (partition.tenant, partition.collection, document.id)
    old = db.conn.execute(f"SELECT record_sha256, source, allow FROM documents WHERE {_KEY}", key).fetchone()
    if old is not None and old[:2] == (document.record_sha256, source):
        return "unchanged"
    db.conn.execute("UPDATE write_sequence SET value = value + 1")
    if live:
        db.conn.execute(f"DELETE FROM deletions WHERE {_KEY}", key)
        db.conn.execute(f"DELETE FROM superseded WHERE {_KEY}", key)
    elif old is not None and is_narrower(document.allow, None if old[2] is None else json.loads(old[2])):
        # The old version must not answer until a build has the new one: a principal may no longer see it.
        db.conn.execute(
            "INSERT OR REPLACE INTO deletions (tenant, collection, id, seq) SELECT ?, ?, ?, value FROM write_sequence",
            key,
        )
        db.conn.execute(f"DELETE FROM superseded WHERE {_KEY}", key)
    else:
        db.conn.execute(
            f"INSERT OR REPLACE INTO superseded ({_STORED}) SELECT {_STORED} FROM documents WHERE {_KEY} AND live = 1",
            key,
        )
    db.conn.execute(
        f"INSERT OR REPLACE INTO documents ({_STORED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " (SELECT value FROM write_sequence), ?, ?, ?)",
        (
            *key,
            document.title,
            document.text,
            document.url,
            json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
            document.content_type,
            source,
            document.content_sha256,
            document.record_sha256,
            utc_now(),
            None if document.allow is None else json.dumps(sorted(set(document.allow)), ensure_ascii=False),
            int(live),
        ),
    )
    return "added" if old is None else "changed"


def remove_documents(database: Database, partition: Partition, ids: Iterable[str]) -> int:
    """Delete the documents with these ids, all or none; returns how many existed.

    When each was deleted is kept under the next sequence number, so that a snapshot from before can hide it.
    """
    removed = 0
    with database.write() as db:
        seq = database.sequence() + 1
        for document_id in ids:
            key = (partition.tenant, partition.collection, document_id)
            db.conn.execute(f"DELETE FROM superseded WHERE {_KEY}", key)
            if db.conn.execute(f"DELETE FROM documents WHERE {_KEY}", key).rowcount:
                db.conn.execute(
                    "INSERT OR REPLACE INTO deletions (tenant, collection, id, seq) VALUES (?, ?, ?, ?)", (*key, seq)
                )
                removed += 1
        if removed:
            db.conn.execute("UPDATE write_sequence SET value = ?", (seq,))
    return removed


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


def load_document(database: Database, partition: Partition, document_id: str) -> Document:
    """One document.

    Raises:
        NotFound: the collection holds no such document.
    """
    row = database.row(
        "SELECT * FROM documents WHERE tenant = ? AND collection = ? AND id = ?",
        (partition.tenant, partition.collection, document_id),
    )
    if row is None:
        raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
    return document_of(row)


def ids_in_documents(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of a partition's documents."""
    return _ids(database, "documents", partition)


def ids_in_deletions(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of a partition's documents that were deleted, as far as that is still remembered."""
    return _ids(database, "deletions", partition)


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
