"""Erasure from query sets and candidates: what names a document, comes from a user, or belongs to a tenant."""

import json
from collections.abc import Collection

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.judgment_candidates import count_of_asker, forget_asker
from indexing.catalogue.query_sets import begin_version
from indexing.records import Json, Partition
from indexing.settings import current_user

ERASED = "(erased)"
"""Stands where a name or a reason was."""
_OF_SETS = "query_set IN (SELECT name FROM query_sets WHERE tenant = ?1 AND collection = ?2)"
_NAMED = "(?3 IS NULL OR {0} IN (SELECT value FROM json_each(?3)))"
_QUERIES = f"{_OF_SETS} AND source_document IS NOT NULL AND {_NAMED.format('source_document')}"
"""Queries whose text was made of the documents."""
_JUDGMENTS = (
    f"{_OF_SETS} AND ({_NAMED.format('document')} OR EXISTS (SELECT 1 FROM query_set_queries q"
    f" WHERE q.query_set = query_set_judgments.query_set AND q.id = query_set_judgments.query"
    f" AND q.source_document IS NOT NULL AND {_NAMED.format('q.source_document')}))"
)
"""Judgments of the documents, and those for queries that were made of them."""
_CANDIDATES = f"tenant = ?1 AND collection = ?2 AND {_NAMED.format('document')}"


def ids_in_query_sets(database: Database, partition: Partition) -> frozenset[str]:
    """The documents of a partition that any version of a query set, or a candidate, names."""
    sql = (
        f"SELECT document AS id FROM query_set_judgments WHERE {_OF_SETS}"
        f" UNION SELECT source_document FROM query_set_queries WHERE {_OF_SETS} AND source_document IS NOT NULL"
        " UNION SELECT document FROM judgment_candidates WHERE tenant = ?1 AND collection = ?2 AND document != ''"
    )
    return frozenset(str(row["id"]) for row in database.rows(sql, (partition.tenant, partition.collection)))


def collections_in_query_sets(database: Database, tenant: str) -> list[Partition]:
    """The collections of a tenant that any query set or candidate is about, also such as were removed."""
    sql = (
        "SELECT collection FROM query_sets WHERE tenant = ?1"
        " UNION SELECT collection FROM judgment_candidates WHERE tenant = ?1 ORDER BY collection"
    )
    return [Partition(tenant, str(row["collection"])) for row in database.rows(sql, (tenant,))]


def count_of_documents(database: Database, partition: Partition, ids: Collection[str] | None) -> int:
    """How many queries, judgments and candidates name some documents of a partition, with ``None`` any of them."""
    sql = (
        f"SELECT (SELECT count(*) FROM query_set_queries WHERE {_QUERIES})"
        f" + (SELECT count(*) FROM query_set_judgments WHERE {_JUDGMENTS})"
        f" + (SELECT count(*) FROM judgment_candidates WHERE {_CANDIDATES}) AS n"
    )
    row = database.row(sql, _parameters(partition, ids))
    return 0 if row is None else int(row["n"])


def erase_of_documents(database: Database, partition: Partition, ids: Collection[str] | None) -> None:
    """Delete from every version what names some documents of a partition, with ``None`` any of them.

    A set that loses something gets a version that says so; reasons of the changes that touched it are deleted, since
    they may quote the document. Queries that persons asked stay: they are the tenant's own and not the document's.
    """
    parameters = _parameters(partition, ids)
    touched = (
        f"SELECT query_set, since_version AS version FROM query_set_judgments WHERE {_JUDGMENTS}"
        f" UNION SELECT query_set, until_version FROM query_set_judgments WHERE {_JUDGMENTS}"
        f" UNION SELECT query_set, since_version FROM query_set_queries WHERE {_QUERIES}"
    )
    with database.write() as db:
        _record(database, [tuple(row) for row in db.conn.execute(touched, parameters)], "documents were erased")
        db.conn.execute(f"DELETE FROM query_set_judgments WHERE {_JUDGMENTS}", parameters)
        db.conn.execute(f"DELETE FROM query_set_queries WHERE {_QUERIES}", parameters)
        db.conn.execute(f"DELETE FROM judgment_candidates WHERE {_CANDIDATES}", parameters)


def _parameters(partition: Partition, ids: Collection[str] | None) -> tuple[str, str, str | None]:
    named = None if ids is None else json.dumps(sorted(ids))
    return partition.tenant, partition.collection, named


_OF_TENANT = "query_set IN (SELECT name FROM query_sets WHERE tenant = ?1)"
_USERS_QUERIES = f"{_OF_TENANT} AND user_hash = ?2"
_USERS_JUDGMENTS = (
    f"{_OF_TENANT} AND EXISTS (SELECT 1 FROM query_set_queries q WHERE q.query_set = query_set_judgments.query_set"
    " AND q.id = query_set_judgments.query AND q.user_hash = ?2)"
)
_SIGNED = (
    ("query_sets", "created_by", "tenant = ?1"),
    ("query_set_versions", "actor", _OF_TENANT),
    ("query_set_queries", "author", _OF_TENANT),
    ("query_set_judgments", "author", _OF_TENANT),
    ("judgment_candidates", "decided_by", "tenant = ?1"),
)
"""Every table in which a person is named, with the column, and what chooses the rows of a tenant."""
_WITH_REASONS = ("query_set_versions", "query_set_judgments", "judgment_candidates")


def count_of_user(database: Database, tenant: str, user_hash: str, user: str) -> int:
    """How many queries, judgments and candidates come from a user's requests, or name the user as who judged."""
    counted = [
        (f"query_set_queries WHERE {_USERS_QUERIES}", (tenant, user_hash)),
        (f"query_set_judgments WHERE {_USERS_JUDGMENTS}", (tenant, user_hash)),
        *((f"{table} WHERE {where} AND {column} = ?2", (tenant, user)) for table, column, where in _SIGNED),
    ]
    rows = (database.row(f"SELECT count(*) AS n FROM {of}", parameters) for of, parameters in counted)
    return count_of_asker(database, tenant, user_hash) + sum(0 if row is None else int(row["n"]) for row in rows)


def erase_of_user(database: Database, tenant: str, user_hash: str, user: str) -> None:
    """Delete what came of a user's requests, by the ledger's hash, and the user's name and reasons where it judged.

    Judgments that the user made stay, without a name: they say of documents, and nothing of the user.
    """
    touched = (
        f"SELECT query_set, since_version FROM query_set_queries WHERE {_USERS_QUERIES}"
        f" UNION SELECT query_set, since_version FROM query_set_judgments WHERE {_USERS_JUDGMENTS}"
        f" UNION SELECT query_set, until_version FROM query_set_judgments WHERE {_USERS_JUDGMENTS}"
    )
    with database.write() as db:
        found = [tuple(row) for row in db.conn.execute(touched, (tenant, user_hash))]
        _record(database, found, "what a user asked was erased")
        db.conn.execute(f"DELETE FROM query_set_judgments WHERE {_USERS_JUDGMENTS}", (tenant, user_hash))
        db.conn.execute(f"DELETE FROM query_set_queries WHERE {_USERS_QUERIES}", (tenant, user_hash))
        forget_asker(database, tenant, user_hash)
        for table, column, where in _SIGNED:
            reason = ", reason = ?3" if table in _WITH_REASONS else ""
            sql = f"UPDATE {table} SET {column} = ?3{reason} WHERE {where} AND {column} = ?2"
            db.conn.execute(sql, (tenant, user, ERASED))


def count_of_tenant(database: Database, tenant: str) -> int:
    """How many query sets a tenant has, and candidates."""
    sql = (
        "SELECT (SELECT count(*) FROM query_sets WHERE tenant = ?1)"
        " + (SELECT count(*) FROM judgment_candidates WHERE tenant = ?1) AS n"
    )
    row = database.row(sql, (tenant,))
    return 0 if row is None else int(row["n"])


def erase_of_tenant(database: Database, tenant: str) -> None:
    """Delete every query set and candidate of a tenant, with all versions."""
    with database.write() as db:
        db.conn.execute("DELETE FROM query_sets WHERE tenant = ?", (tenant,))
        db.conn.execute("DELETE FROM judgment_candidates WHERE tenant = ?", (tenant,))


def _record(database: Database, touched: Collection[tuple[Json, ...]], reason: str) -> None:
    """Take the reasons out of versions, given by set and number, and let each set say that it lost something."""
    with database.write() as db:
        for table, column in (("query_set_versions", "version"), ("query_set_judgments", "since_version")):
            sql = f"UPDATE {table} SET reason = ? WHERE query_set = ? AND {column} = ?"
            db.conn.executemany(sql, [(ERASED, *one) for one in touched])
        for name in sorted({str(one[0]) for one in touched}):
            begin_version(database, name, action="erase", actor=current_user(), reason=reason, at=utc_now())
