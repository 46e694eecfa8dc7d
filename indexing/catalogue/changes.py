"""What changed since a sequence number: live writes, deletions, permissions, what builds hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from indexing.catalogue.database import Catalogue
from indexing.catalogue.documents import _COLUMNS, _OF, _stored
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


def read_version(catalogue: Catalogue, change: Change) -> Document | None:
    """A document with its text as a live write left it; ``None`` if it was deleted, or written live again."""
    key = (change.partition.tenant, change.partition.collection, change.id, change.seq)
    for table in ("documents", "superseded"):
        sql = f"SELECT text, {_COLUMNS} FROM {table} WHERE {_OF} AND id = ? AND seq = ?"
        if (row := catalogue.row(sql, key)) is not None:
            return _stored(row).document
    return None


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
