"""What changed since a sequence number: live writes, deletions, permissions, what builds hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlite_utils

from indexing.catalogue.database import Database
from indexing.catalogue.documents import COLUMNS, OF_PARTITION, stored_document
from indexing.records import Document, Partition


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


def read_version(database: Database, change: Change) -> Document | None:
    """A document with its text as a live write left it; ``None`` if it was deleted, or written live again."""
    key = (change.partition.tenant, change.partition.collection, change.id, change.seq)
    for table in ("documents", "superseded"):
        sql = f"SELECT text, {COLUMNS} FROM {table} WHERE {OF_PARTITION} AND id = ? AND seq = ?"
        if (row := database.row(sql, key)) is not None:
            return stored_document(row).document
    return None


def read_changes(database: Database, since: int) -> Changes:
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
    for row in database.rows(sql, (since, since, since)):
        found[row["kind"]].append(Change(Partition(row["tenant"], row["collection"]), row["id"], row["seq"]))
    removed, written = (sorted(found[kind], key=lambda change: change.seq) for kind in (1, 2))
    return Changes(found[0][0].seq, removed, written)


def read_permissions(database: Database, since: int) -> dict[tuple[Partition, str], tuple[str, ...]]:
    """Who may see the documents that were written after ``since``, as far as they have an ``allow`` list."""
    sql = "SELECT tenant, collection, id, allow FROM documents WHERE seq > ? AND allow IS NOT NULL"
    rows = database.rows(sql, (since,))
    return {(Partition(row["tenant"], row["collection"]), row["id"]): tuple(json.loads(row["allow"])) for row in rows}


def read_built(database: Database, since: int, view_fingerprint: str) -> list[Change]:
    """Documents that were written after ``since``, are not live, and were cut by a passage view, as builds do."""
    sql = (
        "SELECT d.tenant, d.collection, d.id, d.seq FROM documents d JOIN passages p ON p.view_fingerprint = ?"
        " AND p.content_sha256 = d.content_sha256 WHERE d.live = 0 AND d.seq > ? ORDER BY d.seq"
    )
    rows = database.rows(sql, (view_fingerprint, since))
    return [Change(Partition(row["tenant"], row["collection"]), row["id"], row["seq"]) for row in rows]


def read_waiting(database: Database, since: int) -> list[Change]:
    """Documents that were written after ``since`` and are not live."""
    rows = database.rows("SELECT tenant, collection, id, seq FROM documents WHERE live = 0 AND seq > ?", (since,))
    return [Change(Partition(row["tenant"], row["collection"]), row["id"], row["seq"]) for row in rows]


def forget_changes(db: sqlite_utils.Database, seq: int) -> None:
    """Forget deletions and replaced live versions up to ``seq``; no snapshot that may serve needs them."""
    db.conn.execute("DELETE FROM deletions WHERE seq <= ?", (seq,))
    db.conn.execute("DELETE FROM superseded WHERE seq <= ?", (seq,))
