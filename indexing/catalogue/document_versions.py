"""Versions of live writes that others took the place of, or that were deleted: kept as long as a replay may need them.

A search over a release sees the live writes after that release's sequence number. So a version can have been seen over
a retained release as long as one of them is older than the write that ended it. Only versions of tenants whose
requests can be replayed are kept: where the home's ledger keeps texts, and the tenant allows that of its queries.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import sqlite_utils

from indexing.catalogue.changes import Change, read_version
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.documents import COLUMNS, OF_PARTITION, DocumentKey, document_of, stored_document
from indexing.records import Document, Partition, moment_text

_OF_DOCUMENT = f"{OF_PARTITION} AND id = ?"


STORED_COLUMNS = (
    "tenant, collection, id, title, text, url, metadata, content_type, source, content_sha256, record_sha256, seq,"
    " updated_at, allow, live"
)
"""Every column of ``documents`` and ``superseded``; ``document_versions`` has ``ended_seq`` and ``ended_at``, too."""


def keep_version(database: Database, key: Sequence[str], *, ended_seq: int | None = None) -> None:
    """Keep the live version of a document that is about to be replaced or deleted, if a replay can need it.

    One that is not live is not kept.

    Args:
        database: Inside a write.
        key: Tenant, collection and id.
        ended_seq: The sequence number of what takes its place; by default that of the last write.
    """
    _keep(database, _OF_DOCUMENT, key, ended_seq)


def keep_versions(database: Database, partition: Partition, ended_seq: int) -> None:
    """As ``keep_version``, for all documents of a partition."""
    _keep(database, OF_PARTITION, (partition.tenant, partition.collection), ended_seq)


def _keep(database: Database, where: str, key: Sequence[str], ended_seq: int | None) -> None:
    if not database.keeps_versions:
        return
    with database.write() as db:
        db.conn.execute(
            f"INSERT OR REPLACE INTO document_versions ({STORED_COLUMNS}, ended_seq, ended_at)"
            f" SELECT {STORED_COLUMNS}, coalesce(?, (SELECT value FROM write_sequence)), ? FROM documents"
            f" WHERE {where} AND live = 1"
            " AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = documents.tenant AND t.log_queries = 1)",
            (ended_seq, utc_now(), *key),
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


def forget_versions_older_than(database: Database, days: float, now: str) -> int:
    """Forget the versions that were ended more than so many days before a moment (UTC, ISO 8601); gives how many.

    No request that a ledger of so many days holds can have seen them.
    """
    oldest = moment_text(datetime.fromisoformat(now) - timedelta(days=days))
    with database.write() as db:
        return int(db.conn.execute("DELETE FROM document_versions WHERE ended_at < ?", (oldest,)).rowcount)


def erase_versions(db: sqlite_utils.Database, partition: Partition, ids: Iterable[str]) -> None:
    """Forget every version of some documents, whatever may still need it."""
    key = (partition.tenant, partition.collection)
    db.conn.executemany(f"DELETE FROM document_versions WHERE {_OF_DOCUMENT}", [(*key, name) for name in ids])
