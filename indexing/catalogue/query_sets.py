"""The rows of query sets: versions that are only added to, queries and judgments with the versions they are part of."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from indexing.catalogue.database import Database, Row
from indexing.catalogue.documents import OF_PARTITION
from indexing.records import Json, Partition

_IDS = 500
"""Documents asked about in one statement. Our choice."""
_AT_VERSION = "{0}.since_version <= ?2 AND ({0}.until_version IS NULL OR {0}.until_version > ?2)"
"""Chooses the rows that a version has."""


def insert_query_set(database: Database, row: Mapping[str, Json]) -> None:
    """Store a new set, at version 0: the first change makes version 1."""
    names = ", ".join(row)
    sql = f"INSERT INTO query_sets (version, {names}) VALUES (0, {', '.join('?' * len(row))})"
    with database.write() as db:
        db.conn.execute(sql, tuple(row.values()))


def begin_version(database: Database, name: str, *, action: str, actor: str, reason: str, at: str) -> int:
    """Count a set's version up and record what is done in it, by whom and why; gives the new version."""
    with database.write() as db:
        db.conn.execute("UPDATE query_sets SET version = version + 1 WHERE name = ?", (name,))
        version = int(db.conn.execute("SELECT version FROM query_sets WHERE name = ?", (name,)).fetchone()[0])
        sql = "INSERT INTO query_set_versions (query_set, version, action, actor, reason, at) VALUES (?, ?, ?, ?, ?, ?)"
        db.conn.execute(sql, (name, version, action, actor, reason, at))
    return version


def insert_queries(database: Database, name: str, version: int, rows: Sequence[Mapping[str, Json]]) -> None:
    """Add queries from a version on: id, text, split, origin, slices (JSON), source_document, author, user_hash."""
    _insert(database, "query_set_queries", name, version, rows)


def insert_judgments(database: Database, name: str, version: int, rows: Sequence[Mapping[str, Json]]) -> None:
    """Add judgments from a version on: query, document, grade, content_sha256, author, reason, at."""
    _insert(database, "query_set_judgments", name, version, rows)


def _insert(database: Database, table: str, name: str, version: int, rows: Sequence[Mapping[str, Json]]) -> None:
    with database.write() as db:
        for row in rows:
            columns, marks = ", ".join(row), ", ".join("?" * len(row))
            sql = f"INSERT INTO {table} (query_set, since_version, {columns}) VALUES (?, ?, {marks})"
            db.conn.execute(sql, (name, version, *row.values()))


def end_queries(database: Database, name: str, version: int, ids: Collection[str]) -> None:
    """Let queries be no part of a set from a version on; their judgments stay."""
    sql = "UPDATE query_set_queries SET until_version = ? WHERE query_set = ? AND id = ? AND until_version IS NULL"
    with database.write() as db:
        db.conn.executemany(sql, [(version, name, one) for one in ids])


def end_judgments(database: Database, name: str, version: int, pairs: Collection[tuple[str, str]]) -> None:
    """Let the judgments of (query, document) be no part of a set from a version on."""
    sql = (
        "UPDATE query_set_judgments SET until_version = ? WHERE query_set = ? AND query = ? AND document = ?"
        " AND until_version IS NULL"
    )
    with database.write() as db:
        db.conn.executemany(sql, [(version, name, *pair) for pair in pairs])


def query_set_row(database: Database, name: str) -> Row | None:
    """The set of that name, or ``None``."""
    return database.row("SELECT * FROM query_sets WHERE name = ?", (name,))


def query_set_rows(database: Database) -> list[Row]:
    """All sets by name, each with the moment of its last change and how many ``queries`` and ``judgments`` it has."""
    count = "(SELECT count(*) FROM {} r WHERE r.query_set = s.name AND r.until_version IS NULL)"
    sql = (
        f"SELECT s.*, v.at AS changed_at, {count.format('query_set_queries')} AS queries,"
        f" {count.format('query_set_judgments')} AS judgments FROM query_sets s"
        " LEFT JOIN query_set_versions v ON v.query_set = s.name AND v.version = s.version ORDER BY s.name"
    )
    return list(database.rows(sql))


def version_rows(database: Database, name: str) -> list[Row]:
    """The changes of a set, oldest first: version, action, actor, reason and moment."""
    sql = "SELECT version, action, actor, reason, at FROM query_set_versions WHERE query_set = ? ORDER BY version"
    return list(database.rows(sql, (name,)))


def query_rows(database: Database, name: str, version: int) -> Iterator[Row]:
    """The queries of a version in the order in which they were added."""
    sql = f"SELECT q.* FROM query_set_queries q WHERE q.query_set = ?1 AND {_AT_VERSION.format('q')} ORDER BY q.number"
    return database.rows(sql, (name, version))


def judgment_rows(database: Database, name: str, version: int) -> Iterator[Row]:
    """The judgments of a version in the order in which they were added.

    ``content_now`` is the ``content_sha256`` that the document has in the catalogue, ``None`` where it is gone.
    """
    sql = (
        "SELECT j.*, d.content_sha256 AS content_now FROM query_set_judgments j"
        " JOIN query_sets s ON s.name = j.query_set"
        " LEFT JOIN documents d ON d.tenant = s.tenant AND d.collection = s.collection AND d.id = j.document"
        f" WHERE j.query_set = ?1 AND {_AT_VERSION.format('j')} ORDER BY j.number"
    )
    return database.rows(sql, (name, version))


def joining_versions(database: Database, name: str) -> dict[str, int]:
    """By query id the version in which it was asked and had a relevant document for the first time.

    A query that was taken out and put in again, or reworded, keeps its version.
    """
    sql = (
        "SELECT q.id, max(min(q.since_version), (SELECT min(j.since_version) FROM query_set_judgments j"
        " WHERE j.query_set = q.query_set AND j.query = q.id AND j.grade > 0)) AS version"
        " FROM query_set_queries q WHERE q.query_set = ? GROUP BY q.id"
    )
    return {str(row["id"]): int(row["version"]) for row in database.rows(sql, (name,)) if row["version"] is not None}


def judgment_history(database: Database, name: str, query: str) -> list[Row]:
    """What was ever judged for one query, oldest first."""
    sql = "SELECT * FROM query_set_judgments WHERE query_set = ? AND query = ? ORDER BY number"
    return list(database.rows(sql, (name, query)))


def contents_of(database: Database, partition: Partition, ids: Collection[str]) -> dict[str, str]:
    """The ``content_sha256`` of those of some documents that a partition holds."""
    names, found = sorted(ids), {}
    sql = f"SELECT id, content_sha256 FROM documents WHERE {OF_PARTITION} AND id IN (SELECT value FROM json_each(?))"
    for start in range(0, len(names), _IDS):
        some = json.dumps(names[start : start + _IDS])
        for row in database.rows(sql, (partition.tenant, partition.collection, some)):
            found[str(row["id"])] = str(row["content_sha256"])
    return found


def metadata_of(database: Database, partition: Partition, ids: Collection[str]) -> dict[str, Mapping[str, Json]]:
    """The metadata of those of some documents that a partition holds."""
    names, found = sorted(ids), {}
    sql = f"SELECT id, metadata FROM documents WHERE {OF_PARTITION} AND id IN (SELECT value FROM json_each(?))"
    for start in range(0, len(names), _IDS):
        some = json.dumps(names[start : start + _IDS])
        for row in database.rows(sql, (partition.tenant, partition.collection, some)):
            found[str(row["id"])] = json.loads(row["metadata"])
    return found


def titles_of(database: Database, partition: Partition) -> list[tuple[str, str]]:
    """The id and title of each document of a partition, by id."""
    sql = f"SELECT id, title FROM documents WHERE {OF_PARTITION} ORDER BY id"
    return [(row["id"], row["title"]) for row in database.rows(sql, (partition.tenant, partition.collection))]
