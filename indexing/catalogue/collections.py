"""Collections of a tenant: rows that are made, listed, required and removed."""

from indexing.catalogue.database import Catalogue
from indexing.catalogue.documents import _OF
from indexing.errors import NotFound
from indexing.records import Partition


def create_collection(catalogue: Catalogue, partition: Partition) -> tuple[int, bool]:
    """Make a collection unless it is there; how many documents it has, and whether it is new.

    Raises:
        InvalidInput: its name is none.
    """
    with catalogue.write():
        sql = "SELECT documents FROM collections WHERE tenant = ? AND name = ?"
        found = catalogue.row(sql, (partition.tenant, partition.collection))
        catalogue.ensure_collection(partition)
    return (0, True) if found is None else (int(found["documents"]), False)


def list_collections(catalogue: Catalogue, tenant: str, *, after: str, limit: int) -> list[tuple[str, int]]:
    """The next collections of a tenant by name with their document counts, from the first behind ``after``."""
    sql = "SELECT name, documents FROM collections WHERE tenant = ? AND name > ? ORDER BY name LIMIT ?"
    return [(row["name"], int(row["documents"])) for row in catalogue.rows(sql, (tenant, after, limit))]


def require_collection(catalogue: Catalogue, partition: Partition) -> None:
    """Refuse a collection that the tenant does not have.

    Raises:
        NotFound: it has not.
    """
    sql = "SELECT 1 FROM collections WHERE tenant = ? AND name = ?"
    if catalogue.row(sql, (partition.tenant, partition.collection)) is None:
        raise NotFound(f"No collection {partition.collection!r}. Write documents into it first, or check the name.")


def remove_collection(catalogue: Catalogue, partition: Partition) -> tuple[int, int]:
    """Delete a collection with all its documents.

    Returns:
        How many documents it had, and the sequence number of their deletion.

    Raises:
        NotFound: the tenant has no such collection.
    """
    key = (partition.tenant, partition.collection)
    with catalogue.write() as db:
        require_collection(catalogue, partition)
        seq = catalogue.sequence() + 1
        db.conn.execute(
            f"INSERT OR REPLACE INTO deletions SELECT tenant, collection, id, ? FROM documents WHERE {_OF}", (seq, *key)
        )
        removed = int(db.conn.execute(f"DELETE FROM documents WHERE {_OF}", key).rowcount)
        db.conn.execute(f"DELETE FROM superseded WHERE {_OF}", key)
        db.conn.execute("DELETE FROM collections WHERE tenant = ? AND name = ?", key)
        db.conn.execute("UPDATE write_sequence SET value = ?", (seq,))
    return removed, seq
