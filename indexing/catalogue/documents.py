"""Documents one by one: writing a few with what became of each, reading, paging, deleting, and what changed since."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from indexing.catalogue.database import Catalogue, Row, document_of
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


@dataclass(frozen=True, slots=True)
class Change:
    """A document that was written or deleted with sequence number ``seq``."""

    partition: Partition
    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Changes:
    """All that live writes and deletions did up to ``seq``, as of one moment: each document by its last change."""

    seq: int
    removed: Sequence[Change]
    written: Sequence[Change]


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


def read_version(catalogue: Catalogue, change: Change) -> Document | None:
    """A document with its text as a live write left it; ``None`` if it was deleted, or written live again."""
    key = (change.partition.tenant, change.partition.collection, change.id, change.seq)
    for table in ("documents", "superseded"):
        sql = f"SELECT text, {_COLUMNS} FROM {table} WHERE {_OF} AND id = ? AND seq = ?"
        if (row := catalogue.row(sql, key)) is not None:
            return _stored(row).document
    return None


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


def create_collection(catalogue: Catalogue, partition: Partition) -> tuple[int, bool]:
    """Make a collection unless it is there; how many documents it has, and whether it is new.

    Raises:
        InvalidInput: its name is none.
    """
    with catalogue.write():
        sql = "SELECT documents FROM collections WHERE tenant = ? AND name = ?"
        found = catalogue.row(sql, (partition.tenant, partition.collection))
        catalogue.ensure_collection(partition)
    return (0, True) if found is None else (int(found["documents"]), False)


def list_collections(catalogue: Catalogue, tenant: str, *, after: str, limit: int) -> list[tuple[str, int]]:
    """The next collections of a tenant by name with their document counts, from the first behind ``after``."""
    sql = "SELECT name, documents FROM collections WHERE tenant = ? AND name > ? ORDER BY name LIMIT ?"
    return [(row["name"], int(row["documents"])) for row in catalogue.rows(sql, (tenant, after, limit))]


def require_collection(catalogue: Catalogue, partition: Partition) -> None:
    """Refuse a collection that the tenant does not have.

    Raises:
        NotFound: it has not.
    """
    sql = "SELECT 1 FROM collections WHERE tenant = ? AND name = ?"
    if catalogue.row(sql, (partition.tenant, partition.collection)) is None:
        raise NotFound(f"No collection {partition.collection!r}. Write documents into it first, or check the name.")


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


def remove_collection(catalogue: Catalogue, partition: Partition) -> tuple[int, int]:
    """Delete a collection with all its documents.

    Returns:
        How many documents it had, and the sequence number of their deletion.

    Raises:
        NotFound: the tenant has no such collection.
    """
    key = (partition.tenant, partition.collection)
    with catalogue.write() as db:
        require_collection(catalogue, partition)
        seq = catalogue.sequence() + 1
        db.conn.execute(
            f"INSERT OR REPLACE INTO deletions SELECT tenant, collection, id, ? FROM documents WHERE {_OF}", (seq, *key)
        )
        removed = int(db.conn.execute(f"DELETE FROM documents WHERE {_OF}", key).rowcount)
        db.conn.execute(f"DELETE FROM superseded WHERE {_OF}", key)
        db.conn.execute("DELETE FROM collections WHERE tenant = ? AND name = ?", key)
        db.conn.execute("UPDATE write_sequence SET value = ?", (seq,))
    return removed, seq


def read_changes(catalogue: Catalogue, since: int) -> Changes:
    """What live writes and deletions did after the sequence number ``since``, in order.

    Of a document whose newest version waits for a build, the last live version.
    """
    sql = (  # one statement, so that it sees one moment
        "SELECT 0 AS kind, '' AS tenant, '' AS collection, '' AS id, value AS seq FROM write_sequence"
        " UNION ALL SELECT 1, tenant, collection, id, seq FROM deletions WHERE seq > ?"
        " UNION ALL SELECT 2, tenant, collection, id, seq FROM documents WHERE live = 1 AND seq > ?"
        " UNION ALL SELECT 2, tenant, collection, id, seq FROM superseded WHERE seq > ?"
    )
    found: dict[int, list[Change]] = {0: [], 1: [], 2: []}
    for row in catalogue.rows(sql, (since, since, since)):
        found[row["kind"]].append(Change(Partition(row["tenant"], row["collection"]), row["id"], row["seq"]))
    removed, written = (sorted(found[kind], key=lambda change: change.seq) for kind in (1, 2))
    return Changes(found[0][0].seq, removed, written)


def read_permissions(catalogue: Catalogue, since: int) -> dict[tuple[Partition, str], tuple[str, ...]]:
    """Who may see the documents that were written after ``since``, as far as they name anybody."""
    sql = "SELECT tenant, collection, id, allow FROM documents WHERE seq > ? AND allow IS NOT NULL"
    rows = catalogue.rows(sql, (since,))
    return {(Partition(row["tenant"], row["collection"]), row["id"]): tuple(json.loads(row["allow"])) for row in rows}


def read_built(catalogue: Catalogue, since: int, view_fingerprint: str) -> list[Change]:
    """Documents that were written after ``since``, are not live, and were cut by a passage view, as builds do."""
    sql = (
        "SELECT d.tenant, d.collection, d.id, d.seq FROM documents d JOIN passages p ON p.view_fingerprint = ?"
        " AND p.content_sha256 = d.content_sha256 WHERE d.live = 0 AND d.seq > ? ORDER BY d.seq"
    )
    rows = catalogue.rows(sql, (view_fingerprint, since))
    return [Change(Partition(row["tenant"], row["collection"]), row["id"], row["seq"]) for row in rows]
