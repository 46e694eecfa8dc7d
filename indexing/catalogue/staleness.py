"""How far a release's snapshot lags behind the documents: what changed since, and how old documents are."""

import json
from collections.abc import Collection
from dataclasses import dataclass

from indexing.catalogue.database import Database
from indexing.catalogue.documents import OF_PARTITION
from indexing.records import Json, Partition

_IDS = 500
"""Documents asked about in one statement. Our choice."""


@dataclass(frozen=True, slots=True)
class ChangedDocuments:
    """Documents that there are, and of them those written after a sequence number; ``deleted`` are gone since then."""

    documents: int
    written: int
    deleted: int


def changed_since(
    database: Database, seq: int, *, tenant: str | None = None, collection: str | None = None
) -> ChangedDocuments:
    """What changed after the write ``seq``, of all documents or of a tenant's or a collection's alone."""
    where, parameters = "1", list[Json]()
    for column, value in (("tenant", tenant), ("collection", collection)):
        if value is not None:
            where, parameters = f"{where} AND {column} = ?", [*parameters, value]
    row = database.row(
        f"SELECT (SELECT count(*) FROM documents WHERE {where}) AS documents,"
        f" (SELECT count(*) FROM documents WHERE {where} AND seq > ?) AS written,"
        f" (SELECT count(*) FROM deletions WHERE {where} AND seq > ?) AS deleted",
        (*parameters, *parameters, seq, *parameters, seq),
    )
    return ChangedDocuments(0, 0, 0) if row is None else ChangedDocuments(**row)


def updated_moments(database: Database, partition: Partition, ids: Collection[str]) -> dict[str, str]:
    """When each of some documents became what it is now, UTC, ISO 8601; those that are gone are left out."""
    names, found = sorted(ids), dict[str, str]()
    sql = f"SELECT id, updated_at FROM documents WHERE {OF_PARTITION} AND id IN (SELECT value FROM json_each(?))"
    for start in range(0, len(names), _IDS):
        some = json.dumps(names[start : start + _IDS])
        for row in database.rows(sql, (partition.tenant, partition.collection, some)):
            found[row["id"]] = row["updated_at"]
    return found
