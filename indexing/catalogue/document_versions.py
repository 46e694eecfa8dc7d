"""Versions of live writes that others took the place of, or that were deleted: kept as long as a replay may need them.

A search over a release sees the live writes after that release's sequence number. So a version can have been seen over
a retained release as long as one of them is older than the write that ended it.
"""

from collections.abc import Iterable, Iterator, Sequence

import sqlite_utils

from indexing.catalogue.changes import Change, read_version
from indexing.catalogue.database import Database
from indexing.catalogue.documents import COLUMNS, OF_PARTITION, DocumentKey, document_of, stored_document
from indexing.records import Document, Partition

_OF_DOCUMENT = f"{OF_PARTITION} AND id = ?"


STORED_COLUMNS = (
    "tenant, collection, id, title, text, url, metadata, content_type, source, content_sha256, record_sha256, seq,"
    " updated_at, allow, live"
)
"""Every column of ``documents`` and ``superseded``; ``document_versions`` has ``ended_seq`` beside them."""


def keep_version(db: sqlite_utils.Database, key: Sequence[str], *, ended_seq: int | None = None) -> None:
    """Keep the live version of a document that is about to be replaced or deleted; one that is not live is not kept.

    Args:
        db: Inside a write.
        key: Tenant, collection and id.
        ended_seq: The sequence number of what takes its place; by default that of the last write.
    """
    _keep(db, _OF_DOCUMENT, key, ended_seq)


def keep_versions(db: sqlite_utils.Database, partition: Partition, ended_seq: int) -> None:
    """As ``keep_version``, for all documents of a partition."""
    _keep(db, OF_PARTITION, (partition.tenant, partition.collection), ended_seq)


def _keep(db: sqlite_utils.Database, where: str, key: Sequence[str], ended_seq: int | None) -> None:
    db.conn.execute(
        f"INSERT OR REPLACE INTO document_versions ({STORED_COLUMNS}, ended_seq)"
        f" SELECT {STORED_COLUMNS}, coalesce(?, (SELECT value FROM write_sequence)) FROM documents"
        f" WHERE {where} AND live = 1",
        (ended_seq, *key),
    )


def read_kept_version(database: Database, change: Change) -> Document | None:
    """A document as the live write ``change`` left it, in the catalogue of now or kept from before; else ``None``."""
    if (found := read_version(database, change)) is not None:
        return found
    sql = f"SELECT text, {COLUMNS} FROM document_versions WHERE {_OF_DOCUMENT} AND seq = ?"
    row = database.row(sql, (change.partition.tenant, change.partition.collection, change.id, change.seq))
    return None if row is None else stored_document(row).document


def kept_versions(database: Database, since: int) -> Iterator[tuple[DocumentKey, Document]]:
    """Every version that was ended after the sequence number ``since``, with its text, one at a time."""
    sql = (
        f"SELECT tenant, collection, content_sha256, record_sha256, text, {COLUMNS} FROM document_versions"
        " WHERE ended_seq > ? ORDER BY tenant, collection, id, seq"
    )
    for row in database.rows(sql, (since,)):
        partition = Partition(row["tenant"], row["collection"])
        yield DocumentKey(partition, row["id"], row["content_sha256"], row["record_sha256"]), document_of(row)


def collections_in_versions(database: Database, tenant: str) -> list[Partition]:
    """The collections of a tenant of whose documents versions are kept, also of such as were removed."""
    sql = "SELECT DISTINCT collection FROM document_versions WHERE tenant = ? ORDER BY collection"
    return [Partition(tenant, str(row["collection"])) for row in database.rows(sql, (tenant,))]


def ids_in_versions(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of a partition's documents of which versions are kept."""
    sql = f"SELECT DISTINCT id FROM document_versions WHERE {OF_PARTITION}"
    return frozenset(str(row["id"]) for row in database.rows(sql, (partition.tenant, partition.collection)))


def forget_versions(db: sqlite_utils.Database, seq: int) -> None:
    """Forget the versions that were ended up to ``seq``: over no later release could they be seen."""
    db.conn.execute("DELETE FROM document_versions WHERE ended_seq <= ?", (seq,))


def erase_versions(db: sqlite_utils.Database, partition: Partition, ids: Iterable[str]) -> None:
    """Forget every version of some documents, whatever may still need it."""
    key = (partition.tenant, partition.collection)
    db.conn.executemany(f"DELETE FROM document_versions WHERE {_OF_DOCUMENT}", [(*key, name) for name in ids])
