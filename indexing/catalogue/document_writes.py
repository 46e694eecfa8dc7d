"""Writing rows of documents: with what became of each, replaced, and deleted under a sequence number."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sqlite_utils

from indexing.catalogue.collections import ensure_collection
from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.document_readings import keep_account
from indexing.catalogue.document_versions import STORED_COLUMNS, keep_version
from indexing.catalogue.documents import OF_PARTITION, document_row
from indexing.catalogue.quotas import require_room
from indexing.errors import NotFound, PreconditionFailed
from indexing.records import Document, Partition, is_narrower

Outcome: TypeAlias = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one document of a write. ``seq`` is that of its last change."""

    id: str
    seq: int
    outcome: Outcome
    is_live: bool


def write_documents(
    database: Database,
    partition: Partition,
    documents: Sequence[Document],
    *,
    live: bool,
    source: str = "",
    expected: Mapping[str, int | None] | None = None,
) -> list[Written]:
    """Insert or replace documents, all or none, durably; in their order what became of each.

    Args:
        database: The catalogue.
        partition: Where to.
        documents: What to store.
        live: Whether they are to be found before the next build holds them.
        source: Where they came from, as an ingest names it.
        expected: The sequence number that some of them must have still, by id; ``None`` for one that must not be there.

    Raises:
        InvalidInput: the collection is new, and its name is invalid for one.
        PreconditionFailed: one is not as it was expected; nothing was stored.
        QuotaExceeded: the tenant would hold more than it may; nothing was stored.
    """
    with database.write():
        before = {document.id: document_row(database, partition, document.id) for document in documents}
        for name, seq in (expected or {}).items():
            _require_unchanged(name, before[name], seq)
        put_documents(database, partition, documents, source=source, live=live)
        written = []
        for document in documents:
            old, new = before[document.id], document_row(database, partition, document.id)
            assert new is not None  # noqa: S101 (it was just written, in this transaction)
            outcome: Outcome = "created" if old is None else "unchanged" if old["seq"] == new["seq"] else "updated"
            written.append(Written(document.id, int(new["seq"]), outcome, bool(new["live"])))
    return written


def _require_unchanged(name: str, row: Row | None, seq: int | None) -> None:
    if (None if row is None else row["seq"]) != seq:
        raise PreconditionFailed(
            f"Document {name!r} was changed meanwhile: read it again, and write with the ETag that it has now."
        )


def remove_document(database: Database, partition: Partition, document_id: str, *, expected: int | None = None) -> int:
    """Delete one document, if it has the sequence number ``expected`` where one is given; the number of that.

    Raises:
        NotFound: the collection holds no such document.
        PreconditionFailed: it has another one.
    """
    with database.write():
        if expected is not None:
            _require_unchanged(document_id, document_row(database, partition, document_id), expected)
        if not remove_documents(database, partition, [document_id]):
            raise NotFound(f"No document {document_id!r} in collection {partition.collection!r}.")
        return database.sequence()


def remove_unchanged(database: Database, partition: Partition, seqs: Mapping[str, int]) -> tuple[int, int]:
    """Delete documents by id unless they changed since they had that sequence number.

    Returns:
        How many were deleted, and the catalogue's sequence number after it.
    """
    with database.write():
        rows = ((name, document_row(database, partition, name)) for name in seqs)
        same = [name for name, row in rows if row is not None and row["seq"] == seqs[name]]
        return remove_documents(database, partition, same), database.sequence()


_KEY = f"{OF_PARTITION} AND id = ?"
"""Chooses the row of one document."""


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a batch of writes did; ``seq`` is the catalogue's sequence number after it."""

    added: int
    changed: int
    unchanged: int
    seq: int


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
            counts[_put_document(database, db, partition, document, source, live)] += 1
        require_room(db, partition.tenant, added=counts["added"], changed=counts["changed"])
        seq = db.conn.execute("SELECT value FROM write_sequence").fetchone()[0]
    return WriteCounts(**counts, seq=seq)


def _put_document(
    database: Database, db: sqlite_utils.Database, partition: Partition, document: Document, source: str, live: bool
) -> str:
    key = (partition.tenant, partition.collection, document.id)
    old = db.conn.execute(f"SELECT record_sha256, source, allow FROM documents WHERE {_KEY}", key).fetchone()
    if old is not None and old[:2] == (document.record_sha256, source):
        keep_account(database, key, document.account)
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
            f"INSERT OR REPLACE INTO superseded ({STORED_COLUMNS}) SELECT {STORED_COLUMNS} FROM documents"
            f" WHERE {_KEY} AND live = 1",
            key,
        )
    if old is not None:
        keep_version(database, key)
    db.conn.execute(
        f"INSERT OR REPLACE INTO documents ({STORED_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
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
    if document.account is not None:
        keep_account(database, key, document.account)
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
            keep_version(database, key, ended_seq=seq)
            if db.conn.execute(f"DELETE FROM documents WHERE {_KEY}", key).rowcount:
                db.conn.execute(
                    "INSERT OR REPLACE INTO deletions (tenant, collection, id, seq) VALUES (?, ?, ?, ?)", (*key, seq)
                )
                removed += 1
        if removed:
            db.conn.execute("UPDATE write_sequence SET value = ?", (seq,))
    return removed
