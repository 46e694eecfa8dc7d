"""Collections of a tenant: rows that are made, listed, required and removed."""

import json
from collections.abc import Collection

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.document_versions import keep_versions
from indexing.catalogue.names import is_stored_name, require_new_name
from indexing.catalogue.tenants import ensure_tenant
from indexing.errors import NotFound
from indexing.records import Partition

_OF = "tenant = ? AND collection = ?"


def create_collection(database: Database, partition: Partition) -> tuple[int, bool]:
    """Make a collection unless it is there; how many documents it has, and whether it is new.

    Raises:
        InvalidInput: it is not there, and its name is invalid for a new one.
    """
    with database.write():
        found = _documents_of(database, partition)
        ensure_collection(database, partition)
    return (0, True) if found is None else (found, False)


def _documents_of(database: Database, partition: Partition) -> int | None:
    """How many documents a collection has; ``None`` if it is not there."""
    if not (is_stored_name(partition.tenant) and is_stored_name(partition.collection)):
        return None
    sql = "SELECT documents FROM collections WHERE tenant = ? AND name = ?"
    found = database.row(sql, (partition.tenant, partition.collection))
    return None if found is None else int(found["documents"])


def list_collections(
    database: Database, tenant: str, *, after: str = "", limit: int, among: Collection[str] | None = None
) -> list[tuple[str, int]]:
    """The next collections of a tenant by name with their document counts, from the first behind ``after``.

    Where it is given, of those ``among`` these names alone.
    """
    wanted, names = (
        ("", []) if among is None else ("AND name IN (SELECT value FROM json_each(?))", [json.dumps(list(among))])
    )
    sql = f"SELECT name, documents FROM collections WHERE tenant = ? AND name > ? {wanted} ORDER BY name LIMIT ?"
    return [(row["name"], int(row["documents"])) for row in database.rows(sql, (tenant, after, *names, limit))]


def require_collection(database: Database, partition: Partition) -> None:
    """Refuse a collection that the tenant does not have.

    Raises:
        NotFound: it has not.
    """
    if _documents_of(database, partition) is None:
        raise NotFound(f"No collection {partition.collection!r}. Write documents into it first, or check the name.")


def remove_collection(database: Database, partition: Partition) -> tuple[int, int]:
    """Delete a collection with all its documents.

    Returns:
        How many documents it had, and the sequence number of their deletion.

    Raises:
        NotFound: the tenant has no such collection.
    """
    key = (partition.tenant, partition.collection)
    with database.write() as db:
        require_collection(database, partition)
        seq = database.sequence() + 1
        db.conn.execute(
            "INSERT OR REPLACE INTO deletions (tenant, collection, id, seq)"
            f" SELECT tenant, collection, id, ? FROM documents WHERE {_OF}",
            (seq, *key),
        )
        keep_versions(database, partition, seq)
        removed = int(db.conn.execute(f"DELETE FROM documents WHERE {_OF}", key).rowcount)
        db.conn.execute(f"DELETE FROM superseded WHERE {_OF}", key)
        db.conn.execute("DELETE FROM collections WHERE tenant = ? AND name = ?", key)
        db.conn.execute("UPDATE write_sequence SET value = ?", (seq,))
    return removed, seq


def ensure_collection(database: Database, partition: Partition) -> None:
    """Create the tenant and the collection of ``partition`` unless they exist.

    Raises:
        InvalidInput: one of them does not exist, and its name is invalid for a new one.
    """
    with database.write() as db:
        if _documents_of(database, partition) is not None:
            return
        ensure_tenant(database, partition.tenant)
        require_new_name("collection", partition.collection)
        db.conn.execute(
            "INSERT INTO collections (tenant, name, created_at) VALUES (?, ?, ?)",
            (partition.tenant, partition.collection, utc_now()),
        )


def collection_sizes(database: Database, tenant: str) -> dict[str, int]:
    """The collections of ``tenant`` with their document counts, by name."""
    rows = database.rows("SELECT name, documents FROM collections WHERE tenant = ? ORDER BY name", (tenant,))
    return {row["name"]: row["documents"] for row in rows}


def largest_collection(database: Database) -> Partition | None:
    """The collection of all tenants that holds the most documents, by name where several do; ``None`` without any."""
    sql = "SELECT tenant, name FROM collections WHERE documents > 0 ORDER BY documents DESC, tenant, name LIMIT 1"
    row = database.row(sql)
    return None if row is None else Partition(row["tenant"], row["name"])
