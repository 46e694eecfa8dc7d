"""The rows of document features: appended, read as of a moment or from a number on, removed with their documents.

Moments are ISO 8601 in UTC with milliseconds, so that they compare as texts.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sqlite_utils

from indexing.catalogue.database import Database, Row
from indexing.catalogue.documents import OF_PARTITION
from indexing.records import Document, Json, Partition

_BODY = "number, id, event_time, known_at, body"
"""What is read of a row."""
_IDS = 500
"""Documents asked about in one statement. Our choice."""
BEFORE_ALL = ("", "", "")
"""Before the tenant, collection and id of every document."""


@dataclass(frozen=True, slots=True)
class NewFeatures:
    """Values of a document to append. ``content_sha256`` is of the content they were computed from, else empty."""

    partition: Partition
    id: str
    event_time: str
    body: str
    content_sha256: str = ""


@dataclass(frozen=True, slots=True)
class FeatureState:
    """What tells whether rows kept in memory are still all there are: the last number, and how often some were removed.

    Numbers only grow.
    """

    last: int
    removals: int


@dataclass(frozen=True, slots=True)
class ViewRows:
    """How much is stored of a view; ``known_at`` is when the newest row was appended."""

    rows: int
    documents: int
    known_at: str


def append_features(database: Database, view: str, known_at: str, rows: Sequence[NewFeatures]) -> list[NewFeatures]:
    """Append values under a view's fingerprint, all or none; gives those whose document is not there any more.

    Of computed values those count as gone, too, whose document has other content by now: what was computed from an
    erased text must not come back.
    """
    left_out = []
    with database.write() as db:
        for row in rows:
            cursor = db.conn.execute(
                "INSERT INTO document_features (view, tenant, collection, id, event_time, known_at, content_sha256,"
                " body) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE EXISTS (SELECT 1 FROM documents"
                " WHERE tenant = ?2 AND collection = ?3 AND id = ?4 AND (?7 = '' OR content_sha256 = ?7))",
                (view, *_key(row.partition, row.id), row.event_time, known_at, row.content_sha256, row.body),
            )
            if cursor.rowcount < 1:
                left_out.append(row)
    return left_out


def _key(partition: Partition, document_id: str) -> tuple[str, str, str]:
    return partition.tenant, partition.collection, document_id


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """A document with its text, where it stands, and when it became what it is."""

    partition: Partition
    document: Document
    content_sha256: str
    updated_at: str


_DOCUMENT = "d.tenant, d.collection, d.id, d.title, d.text, d.content_type, d.content_sha256, d.updated_at"
_LACKS_ROWS = (
    "NOT EXISTS (SELECT 1 FROM document_features f WHERE f.view = ? AND f.tenant = d.tenant"
    " AND f.collection = d.collection AND f.id = d.id AND f.event_time = d.updated_at"
    " AND f.content_sha256 = d.content_sha256)"
)


def count_without_features(database: Database, view: str) -> int:
    """How many documents have no row of a view for what they are now."""
    row = database.row(f"SELECT count(*) AS n FROM documents d WHERE {_LACKS_ROWS}", (view,))
    return 0 if row is None else int(row["n"])


def documents_without_features(
    database: Database, view: str, *, after: tuple[str, str, str], limit: int
) -> list[DocumentVersion]:
    """The next documents that have no row of a view for what they are now, in the order of tenant, collection, id."""
    sql = (
        f"SELECT {_DOCUMENT} FROM documents d WHERE (d.tenant, d.collection, d.id) > (?, ?, ?) AND {_LACKS_ROWS}"
        " ORDER BY d.tenant, d.collection, d.id LIMIT ?"
    )
    return [_version(row) for row in database.rows(sql, (*after, view, limit))]


def document_version(database: Database, partition: Partition, document_id: str) -> DocumentVersion | None:
    """A document as it is now, or ``None``."""
    sql = f"SELECT {_DOCUMENT} FROM documents d WHERE {OF_PARTITION} AND id = ?"
    row = database.row(sql, _key(partition, document_id))
    return None if row is None else _version(row)


def _version(row: Row) -> DocumentVersion:
    document = Document(row["id"], row["title"], row["text"], content_type=row["content_type"])
    partition = Partition(row["tenant"], row["collection"])
    return DocumentVersion(partition, document, row["content_sha256"], row["updated_at"])


def rows_as_of(
    database: Database, view: str, partition: Partition, ids: Collection[str], *, event_time: str, known_at: str | None
) -> dict[str, Row]:
    """The row that counts of each document: of those that were so by ``event_time`` and known by ``known_at``.

    The newest ``event_time`` counts, of equal ones the newest ``known_at``, of equal ones what was appended last.
    Without ``known_at`` also what became known only later.
    """
    sql = (
        f"SELECT {_BODY} FROM (SELECT {_BODY}, row_number() OVER (PARTITION BY id ORDER BY event_time DESC,"
        " known_at DESC, number DESC) AS place FROM document_features WHERE view = ?1 AND tenant = ?2"
        " AND collection = ?3 AND id IN (SELECT value FROM json_each(?4)) AND event_time <= ?5"
        " AND (?6 IS NULL OR known_at <= ?6)) WHERE place = 1"
    )
    names, found = sorted(ids), {}
    for start in range(0, len(names), _IDS):
        some = json.dumps(names[start : start + _IDS])
        for row in database.rows(sql, (view, partition.tenant, partition.collection, some, event_time, known_at)):
            found[str(row["id"])] = row
    return found


def rows_after(database: Database, view: str, partition: Partition, number: int) -> Iterator[Row]:
    """A partition's rows of a view that were appended after ``number``, in the order in which they were appended."""
    sql = f"SELECT {_BODY} FROM document_features WHERE view = ? AND {OF_PARTITION} AND number > ? ORDER BY number"
    return database.rows(sql, (view, partition.tenant, partition.collection, number))


def feature_state(database: Database) -> FeatureState:
    """What there is now, of all views; to be asked before rows are read."""
    row = database.row(
        "SELECT (SELECT coalesce(max(number), 0) FROM document_features) AS last, value FROM document_feature_removals"
    )
    return FeatureState(0, 0) if row is None else FeatureState(int(row["last"]), int(row["value"]))


def ids_in_features(database: Database, partition: Partition) -> frozenset[str]:
    """The ids of a partition's documents of which any values are stored, also of such as were deleted."""
    sql = f"SELECT DISTINCT id FROM document_features WHERE {OF_PARTITION}"
    return frozenset(str(row["id"]) for row in database.rows(sql, (partition.tenant, partition.collection)))


def collections_in_features(database: Database, tenant: str) -> list[Partition]:
    """The collections of a tenant of whose documents any values are stored, also of such as were removed."""
    sql = "SELECT DISTINCT collection FROM document_features WHERE tenant = ? ORDER BY collection"
    return [Partition(tenant, str(row["collection"])) for row in database.rows(sql, (tenant,))]


def stored_views(database: Database) -> dict[str, ViewRows]:
    """How much is stored of each view, by fingerprint."""
    sql = (
        "SELECT view, sum(n) AS n, count(*) AS documents, max(known_at) AS known_at FROM (SELECT view, count(*) AS n,"
        " max(known_at) AS known_at FROM document_features GROUP BY view, tenant, collection, id) GROUP BY view"
    )
    return {row["view"]: ViewRows(int(row["n"]), int(row["documents"]), row["known_at"]) for row in database.rows(sql)}


def forget_document_features(db: sqlite_utils.Database, partition: Partition, ids: Collection[str] | None) -> int:
    """Delete all values of some documents of a partition, or with ``None`` of all of it; gives how many rows."""
    where, parameters = OF_PARTITION, [partition.tenant, partition.collection]
    if ids is not None:
        where, parameters = (
            f"{where} AND id IN (SELECT value FROM json_each(?))",
            [*parameters, json.dumps(sorted(ids))],
        )
    return _forget(db, where, parameters)


def forget_features_of_deleted(db: sqlite_utils.Database, seq: int) -> int:
    """Delete the values of documents that were deleted up to the write ``seq`` and are not there; gives how many rows.

    Those that were deleted later are in a release of that write still, and a replay over it needs their values.
    """
    of_row = (
        "FROM {} d WHERE d.tenant = document_features.tenant AND d.collection = document_features.collection"
        " AND d.id = document_features.id"
    )
    return _forget(
        db,
        f"NOT EXISTS (SELECT 1 {of_row.format('documents')})"
        f" AND NOT EXISTS (SELECT 1 {of_row.format('deletions')} AND d.seq > ?)",
        [seq],
    )


def forget_view_features(database: Database, view: str) -> int:
    """Delete all values of a view; gives how many rows."""
    with database.write() as db:
        return _forget(db, "view = ?", [view])


def forget_view_features_of_tenant(database: Database, view: str, tenant: str) -> int:
    """Delete all values of a view of one tenant's documents; gives how many rows."""
    with database.write() as db:
        return _forget(db, "view = ? AND tenant = ?", [view, tenant])


def _forget(db: sqlite_utils.Database, where: str, parameters: Sequence[Json]) -> int:
    removed = int(db.conn.execute(f"DELETE FROM document_features WHERE {where}", parameters).rowcount)
    if removed:
        db.conn.execute("UPDATE document_feature_removals SET value = value + 1")
    return removed
