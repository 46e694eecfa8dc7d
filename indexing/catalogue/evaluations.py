"""The rows of evaluations: what was measured of which release on which query set, and the means.

The scores of single queries and the rankings lie in files beside the catalogue, under the same id.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields

from indexing.catalogue.database import Database, Row
from indexing.records import Json, Partition


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One evaluation without its queries; ``id`` is the fingerprint of its inputs.

    ``seq`` is the last write that the snapshot holds; ``documents`` and ``judgments`` identify what it was measured on;
    ``means`` are by measure; ``latency`` is in milliseconds by name.
    """

    id: str
    recipe: int
    release: str
    snapshot: str
    seq: int
    tenant: str
    collection: str
    query_set: str
    version: int | None
    split: str
    mode: str
    k: int
    queries: int
    documents: str
    judgments: str
    means: Mapping[str, float]
    latency: Mapping[str, float]
    created_at: str

    @property
    def partition(self) -> Partition:
        """Whose documents were searched."""
        return Partition(self.tenant, self.collection)


_COLUMNS = tuple(field.name for field in fields(EvaluationRow))
_AS_JSON = ("means", "latency")


def put_evaluation(database: Database, row: EvaluationRow) -> None:
    """Record an evaluation, in place of one of the same inputs that there may be."""
    values = [_stored(name, getattr(row, name)) for name in _COLUMNS]
    places = ", ".join("?" * len(_COLUMNS))
    with database.write() as db:
        db.conn.execute(f"INSERT OR REPLACE INTO evaluations ({', '.join(_COLUMNS)}) VALUES ({places})", values)


def find_evaluations(database: Database, id_begins: str) -> list[EvaluationRow]:
    """The evaluations whose id begins with these digits, oldest first."""
    sql = f"SELECT {', '.join(_COLUMNS)} FROM evaluations WHERE substr(id, 1, ?) = ? ORDER BY created_at, id"
    return [_read(row) for row in database.rows(sql, (len(id_begins), id_begins))]


def list_evaluations(
    database: Database, *, query_set: str | None = None, recipe: int | None = None, limit: int | None = None
) -> list[EvaluationRow]:
    """The newest evaluations, oldest first: of one query set, of one recipe, at most ``limit``."""
    sql = (
        f"SELECT {', '.join(_COLUMNS)} FROM evaluations WHERE (?1 IS NULL OR query_set = ?1)"
        " AND (?2 IS NULL OR recipe = ?2) ORDER BY created_at DESC, id DESC LIMIT ?3"
    )
    rows = [_read(row) for row in database.rows(sql, (query_set, recipe, -1 if limit is None else limit))]
    return rows[::-1]


def collections_in_evaluations(database: Database, tenant: str) -> list[Partition]:
    """The collections of a tenant of which something was measured, sorted."""
    sql = "SELECT DISTINCT collection FROM evaluations WHERE tenant = ? ORDER BY collection"
    return [Partition(tenant, str(row["collection"])) for row in database.rows(sql, (tenant,))]


def count_evaluations(database: Database, tenant: str) -> int:
    """How many evaluations are kept of a tenant's collections."""
    row = database.row("SELECT count(*) AS n FROM evaluations WHERE tenant = ?", (tenant,))
    return 0 if row is None else int(row["n"])


def forget_evaluations(database: Database, partition: Partition) -> None:
    """Delete the rows of a whole collection."""
    with database.write() as db:
        sql = "DELETE FROM evaluations WHERE tenant = ? AND collection = ?"
        db.conn.execute(sql, (partition.tenant, partition.collection))


def forget_evaluations_before(database: Database, moment: str) -> list[str]:
    """Delete the rows that are older than a moment and of no release that is kept; gives their ids."""
    where = (
        "created_at < ? AND NOT EXISTS (SELECT 1 FROM releases WHERE retired_at IS NULL"
        " AND releases.recipe || '.' || releases.build = evaluations.release)"
    )
    with database.write(grows=False) as db:
        ids = [str(row[0]) for row in db.conn.execute(f"SELECT id FROM evaluations WHERE {where}", (moment,))]
        db.conn.executemany("DELETE FROM evaluations WHERE id = ?", [(one,) for one in ids])
    return ids


def _stored(name: str, value: Json) -> Json:
    return json.dumps(dict(value), sort_keys=True) if name in _AS_JSON else value


def _read(row: Row) -> EvaluationRow:
    return EvaluationRow(**{**row, **{name: json.loads(row[name]) for name in _AS_JSON}})
