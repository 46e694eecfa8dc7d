"""What a collection is as a vector store: its display name, what was said of it, and when it was last used."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from indexing.catalogue.collections import create_collection
from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.file_readings import ReadingCounts, count_readings
from indexing.catalogue.files import new_id
from indexing.catalogue.names import is_stored_name
from indexing.catalogue.pages import Listed, Page
from indexing.errors import NotFound
from indexing.records import Partition, moment_text


@dataclass(frozen=True, slots=True)
class VectorStore:
    """A collection as a vector store; its id is the collection's name. Moments in ISO 8601, UTC."""

    id: str
    name: str
    description: str
    metadata: Mapping[str, str]
    documents: int
    expires_days: int | None
    created_at: str
    last_active_at: str

    @property
    def expires_at(self) -> str | None:
        """When it expires unless it is used before; ``None`` for never."""
        if self.expires_days is None:
            return None
        return moment_text(datetime.fromisoformat(self.last_active_at) + timedelta(days=self.expires_days))

    def is_expired(self, now: str) -> bool:
        """Whether it was not used for longer than it was to live, at the moment ``now`` (ISO 8601, UTC)."""
        return self.expires_at is not None and self.expires_at <= now


_SELECT = (
    "SELECT c.name AS id, coalesce(v.name, c.name) AS name, coalesce(v.description, '') AS description,"
    " coalesce(v.metadata, '{}') AS metadata, c.documents, v.expires_days, c.created_at,"
    " coalesce(v.last_active_at, c.created_at) AS last_active_at FROM collections c"
    " LEFT JOIN vector_stores v ON v.tenant = c.tenant AND v.collection = c.name WHERE c.tenant = ?1"
)


def _store(row: Row) -> VectorStore:
    return VectorStore(**{**row, "metadata": json.loads(row["metadata"])})


def create_vector_store(
    database: Database,
    tenant: str,
    *,
    name: str,
    description: str = "",
    metadata: Mapping[str, str],
    expires_days: int | None = None,
) -> VectorStore:
    """Make a collection whose name is an id that cannot be guessed, with what it is to be called."""
    store_id = new_id("vs_")
    with database.write():
        create_collection(database, Partition(tenant, store_id))
        return change_vector_store(
            database,
            Partition(tenant, store_id),
            name=name,
            description=description,
            metadata=metadata,
            expires_days=expires_days,
        )


def change_vector_store(
    database: Database,
    partition: Partition,
    *,
    name: str,
    description: str,
    metadata: Mapping[str, str],
    expires_days: int | None,
) -> VectorStore:
    """Say of a collection what it is called as a vector store, and the rest; it counts as used.

    Raises:
        NotFound: there is no such collection.
    """
    key = (partition.tenant, partition.collection)
    with database.write() as db:
        read_vector_store(database, partition)
        db.conn.execute(
            "INSERT OR REPLACE INTO vector_stores (tenant, collection, name, description, metadata, expires_days,"
            " last_active_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, name, description, json.dumps(dict(metadata), ensure_ascii=False), expires_days, utc_now()),
        )
        return read_vector_store(database, partition)


def may_expire(database: Database, partition: Partition) -> bool:
    """Whether a collection expires as a vector store when it is not used."""
    sql = "SELECT 1 FROM vector_stores WHERE tenant = ? AND collection = ? AND expires_days IS NOT NULL"
    return database.row(sql, (partition.tenant, partition.collection)) is not None


def stores_that_may_expire(database: Database) -> list[Partition]:
    """The collections with attached files that expire as vector stores when they are not used, of every tenant."""
    rows = database.rows(
        "SELECT tenant, collection FROM vector_stores v WHERE expires_days IS NOT NULL AND EXISTS"
        " (SELECT 1 FROM file_readings r JOIN files f ON f.tenant = r.tenant AND f.id = r.file"
        " WHERE r.tenant = v.tenant AND r.collection = v.collection AND f.collection IS NOT v.collection)"
    )
    return [Partition(row["tenant"], row["collection"]) for row in rows]


def use_vector_store(database: Database, partition: Partition) -> None:
    """Note that a store that may expire is used; without effect on others."""
    with database.write(grows=False) as db:
        sql = "UPDATE vector_stores SET last_active_at = ? WHERE tenant = ? AND collection = ?"
        db.conn.execute(sql, (utc_now(), partition.tenant, partition.collection))


def read_vector_store(database: Database, partition: Partition) -> VectorStore:
    """A collection as a vector store.

    Raises:
        NotFound: the tenant has none of this name.
    """
    row = None
    if is_stored_name(partition.collection):
        row = database.row(f"{_SELECT} AND c.name = ?2", (partition.tenant, partition.collection))
    if row is None:
        raise NotFound(f"No vector store {partition.collection[:150]!r}: list them, or create it first.")
    return _store(row)


def list_vector_stores(
    database: Database, tenant: str, page: Page, *, among: Collection[str] | None = None
) -> Listed[VectorStore]:
    """A tenant's collections in the order in which they were made; ``among`` are those that are listed, or all.

    Raises:
        NotFound: the page begins or ends at none of them.
    """

    def place(store_id: str) -> tuple[str, str]:
        if among is not None and store_id not in among:
            raise NotFound(f"No vector store {store_id[:150]!r}: list them, or create it first.")
        store = read_vector_store(database, Partition(tenant, store_id))
        return store.created_at, store.id

    names = None if among is None else json.dumps(sorted(among))
    sql = f"{_SELECT} AND (?2 IS NULL OR c.name IN (SELECT value FROM json_each(?2)))"
    return page.read(database, sql, (tenant, names), key=["c.created_at", "c.name"], place=place, made=_store)


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Files that were attached to a collection together."""

    id: str
    collection: str
    created_at: str
    cancelled_at: str | None
    counts: ReadingCounts


def create_batch(database: Database, partition: Partition) -> str:
    """Make a batch without files, and give its id."""
    batch_id = new_id("vsfb_")
    with database.write() as db:
        db.conn.execute(
            "INSERT INTO file_batches (tenant, id, collection, created_at) VALUES (?, ?, ?, ?)",
            (partition.tenant, batch_id, partition.collection, utc_now()),
        )
    return batch_id


def read_batch(database: Database, partition: Partition, batch_id: str) -> FileBatch:
    """One batch of a collection, with how many of its files are in which state.

    Raises:
        NotFound: the collection has none of this id.
    """
    row = database.row(
        "SELECT id, collection, created_at, cancelled_at FROM file_batches WHERE tenant = ? AND collection = ?"
        " AND id = ?",
        (partition.tenant, partition.collection, batch_id),
    )
    if row is None:
        raise NotFound(f"No file batch {batch_id[:100]!r} in {partition.collection!r}: check both ids.")
    return FileBatch(**row, counts=count_readings(database, partition, batch=batch_id))


def mark_batch_cancelled(database: Database, batch_id: str) -> None:
    """Note that what had not been read of a batch was not to be read any more."""
    with database.write(grows=False) as db:
        sql = "UPDATE file_batches SET cancelled_at = coalesce(cancelled_at, ?) WHERE id = ?"
        db.conn.execute(sql, (utc_now(), batch_id))
