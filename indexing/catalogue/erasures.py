"""The catalogue's record of erasures: what is to be erased until it is done, and for ever which releases it rewrote.

The ids of the documents stand in it only while they are needed; afterwards only their sha256 remain, since an id may
be personal data.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from indexing.catalogue.database import Database, utc_now
from indexing.records import Partition
from indexing.settings import current_user

State = Literal["running", "compacting", "done"]
"""``running``: files may hold the text. ``compacting``: only free pages and log of the catalogue. ``done``: nothing."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure: of whose documents and how many, by whom, and how it stands."""

    id: int
    tenant: str
    collection: str
    state: State
    documents: int
    actor: str
    created_at: str
    finished_at: str | None

    @property
    def partition(self) -> Partition:
        """Whose documents were erased."""
        return Partition(self.tenant, self.collection)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A release that an erasure gave another snapshot: nothing that it answered before can be replayed."""

    erasure: int
    release: str
    old_snapshot: str
    new_snapshot: str
    created_at: str


def id_sha256(document_id: str) -> str:
    """How an erased document's id is kept."""
    return hashlib.sha256(document_id.encode("utf-8", "surrogatepass")).hexdigest()


def begin_erasure(database: Database, partition: Partition, ids: Iterable[str]) -> int:
    """Write down, as ``running``, that these documents are to be erased; gives the erasure's number."""
    with database.write() as db:
        erasure = db.conn.execute(
            "INSERT INTO erasures (tenant, collection, state, actor, created_at) VALUES (?, ?, 'running', ?, ?)",
            (partition.tenant, partition.collection, current_user(), utc_now()),
        ).lastrowid
        rows = [(erasure, id_sha256(name), name) for name in sorted(ids)]
        db.conn.executemany("INSERT INTO erased_documents (erasure, id_sha256, id) VALUES (?, ?, ?)", rows)
    return erasure or 0


def list_erasures(database: Database) -> list[Erasure]:
    """All erasures, oldest first."""
    sql = (
        "SELECT id, tenant, collection, state, actor, created_at, finished_at,"
        " (SELECT count(*) FROM erased_documents d WHERE d.erasure = e.id) AS documents FROM erasures e ORDER BY id"
    )
    return [Erasure(**row) for row in database.rows(sql)]


def unfinished_erasures(database: Database) -> list[Erasure]:
    """The erasures that were interrupted, oldest first."""
    return [erasure for erasure in list_erasures(database) if erasure.state != "done"]


def ids_to_erase(database: Database, erasure: int) -> frozenset[str]:
    """The ids of a running erasure's documents; none once they were forgotten."""
    rows = database.rows("SELECT id FROM erased_documents WHERE erasure = ? AND id IS NOT NULL", (erasure,))
    return frozenset(str(row["id"]) for row in rows)


def last_erasure_of(database: Database, partition: Partition, document_id: str) -> Erasure | None:
    """The newest erasure of a document, found by the hash of its id."""
    row = database.row(
        "SELECT max(e.id) AS id FROM erasures e JOIN erased_documents d ON d.erasure = e.id"
        " WHERE e.tenant = ? AND e.collection = ? AND d.id_sha256 = ?",
        (partition.tenant, partition.collection, id_sha256(document_id)),
    )
    number = None if row is None else row["id"]
    return next((erasure for erasure in list_erasures(database) if erasure.id == number), None)


def point_releases(database: Database, erasure: int, snapshots: Mapping[str, str]) -> None:
    """Give every release of the old snapshots the new one, all at once, and record each. Numbers stay as they are."""
    with database.write() as db:
        for old, new in snapshots.items():
            db.conn.execute(
                "INSERT OR IGNORE INTO erased_releases (erasure, recipe, build, old_snapshot, new_snapshot)"
                " SELECT ?, recipe, build, snapshot, ? FROM releases WHERE snapshot = ? AND retired_at IS NULL",
                (erasure, new, old),
            )
            db.conn.execute("UPDATE releases SET snapshot = ? WHERE snapshot = ? AND retired_at IS NULL", (new, old))


def list_rewrites(database: Database) -> Iterator[Rewrite]:
    """Every release that an erasure rewrote, in the order of the erasures."""
    sql = (
        "SELECT r.erasure, r.recipe || '.' || r.build AS release, r.old_snapshot, r.new_snapshot, e.created_at"
        " FROM erased_releases r JOIN erasures e ON e.id = r.erasure ORDER BY r.erasure, r.recipe, r.build"
    )
    return (Rewrite(**row) for row in database.rows(sql))


def forget_deletions(database: Database, erasure: int) -> None:
    """Forget that its documents were deleted: no release holds them any more, so nothing is left to hide."""
    with database.write() as db:
        db.conn.execute(
            "DELETE FROM deletions WHERE EXISTS (SELECT 1 FROM erasures e JOIN erased_documents d ON d.erasure = e.id"
            " WHERE e.id = ? AND e.tenant = deletions.tenant AND e.collection = deletions.collection"
            " AND d.id = deletions.id)",
            (erasure,),
        )


def forget_ids(database: Database, erasure: int) -> None:
    """All files are rewritten: keep only the hashes of the ids. What is left is to compact the catalogue."""
    with database.write() as db:
        forget_deletions(database, erasure)
        db.conn.execute("UPDATE erased_documents SET id = NULL WHERE erasure = ?", (erasure,))
        db.conn.execute("UPDATE erasures SET state = 'compacting' WHERE id = ?", (erasure,))


def finish_erasure(database: Database, erasure: int) -> None:
    """Record that nothing is left of what was to be erased."""
    with database.write() as db:
        db.conn.execute("UPDATE erasures SET state = 'done', finished_at = ? WHERE id = ?", (utc_now(), erasure))


def count_finished_erasures(database: Database) -> int:
    """How many erasures have ended."""
    row = database.row("SELECT count(finished_at) AS ended FROM erasures")
    return 0 if row is None else int(row["ended"])
