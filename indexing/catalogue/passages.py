"""The rows of passages: where each document's content is cut under a passage view."""

from collections.abc import Iterator, Sequence

import sqlite_utils

from indexing.catalogue.database import Database
from indexing.catalogue.documents import DocumentKey
from indexing.records import Partition

PassageRow = tuple[str, str, int, str, str, str, str, str]
"""View, content, passages, spans as JSON, and the document they were cut from: tenant, collection, id, content."""


def counted_documents(database: Database, view_fingerprint: str) -> Iterator[tuple[DocumentKey, int | None]]:
    """Every document with the number of its passages under a view, ``None`` if it was not cut yet; in a fixed order."""
    sql = (
        "SELECT d.tenant, d.collection, d.id, d.content_sha256, d.record_sha256, p.count FROM documents d"
        " LEFT JOIN passages p ON p.view_fingerprint = ? AND p.content_sha256 = d.content_sha256"
        " ORDER BY d.tenant, d.collection, d.id"
    )
    for row in database.rows(sql, (view_fingerprint,)):
        tenant, collection, name, content, record, passages = row.values()
        yield DocumentKey(Partition(tenant, collection), name, content, record), passages


def uncut_documents(database: Database, view_fingerprint: str) -> list[tuple[Partition, str]]:
    """The documents, by partition and id, whose content was not cut under a view yet."""
    sql = (
        "SELECT d.tenant, d.collection, d.id FROM documents d WHERE NOT EXISTS (SELECT 1 FROM passages p"
        " WHERE p.view_fingerprint = ? AND p.content_sha256 = d.content_sha256)"
    )
    rows = database.rows(sql, (view_fingerprint,))
    return [(Partition(row["tenant"], row["collection"]), row["id"]) for row in rows]


def insert_passages(database: Database, rows: Sequence[PassageRow]) -> None:
    """Write down where contents are cut, of those documents alone that still have that content.

    A plan that is made without the lock of builds must not bring the headings of an erased document back.
    """
    with database.write() as db:
        db.conn.executemany(
            "INSERT OR IGNORE INTO passages (view_fingerprint, content_sha256, count, spans) SELECT ?, ?, ?, ?"
            " WHERE EXISTS (SELECT 1 FROM documents"
            " WHERE tenant = ? AND collection = ? AND id = ? AND content_sha256 = ?)",
            rows,
        )


def read_spans(database: Database, view_fingerprint: str, content_sha256: str) -> str | None:
    """Where a content is cut under a view, as JSON, or ``None``."""
    sql = "SELECT spans FROM passages WHERE view_fingerprint = ? AND content_sha256 = ?"
    row = database.row(sql, (view_fingerprint, content_sha256))
    return None if row is None else str(row["spans"])


def forget_unused_passages(db: sqlite_utils.Database) -> None:
    """Delete the spans of contents that no document has any more; spans hold headings."""
    db.conn.execute("DELETE FROM passages WHERE content_sha256 NOT IN (SELECT content_sha256 FROM documents)")
