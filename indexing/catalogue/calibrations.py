"""The rows of calibrations: how the scores of a collection were fitted to its judgments, for builds to take."""

import json
from collections.abc import Mapping

from indexing.catalogue.database import Database, utc_now
from indexing.records import Json, Partition


def put_calibration(
    database: Database, recipe: int, partition: Partition, body: Json, evidence: Json, *, actor: str
) -> None:
    """Keep what was fitted for a collection under a recipe, in place of what there may be.

    Args:
        database: The catalogue.
        recipe: The recipe's number.
        partition: Whose scores.
        body: What goes into the manifest of the next snapshot.
        evidence: What it was fitted on, and how well it did.
        actor: Who asked for it.
    """
    with database.write() as db:
        db.conn.execute(
            "INSERT OR REPLACE INTO calibrations (recipe, tenant, collection, body, evidence, actor, fitted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                recipe,
                partition.tenant,
                partition.collection,
                json.dumps(body, sort_keys=True),
                json.dumps(evidence, sort_keys=True),
                actor,
                utc_now(),
            ),
        )


def read_calibrations(database: Database, recipe: int) -> Mapping[Partition, Json]:
    """What was fitted under a recipe, by collection."""
    rows = database.rows("SELECT tenant, collection, body FROM calibrations WHERE recipe = ?", (recipe,))
    return {Partition(row["tenant"], row["collection"]): json.loads(row["body"]) for row in rows}


def forget_calibrations(database: Database, partition: Partition, recipe: int | None = None) -> bool:
    """Delete what was fitted for a collection, under one recipe or under all; whether there was anything."""
    with database.write() as db:
        deleted = db.conn.execute(
            "DELETE FROM calibrations WHERE tenant = ?1 AND collection = ?2 AND (?3 IS NULL OR recipe = ?3)",
            (partition.tenant, partition.collection, recipe),
        )
    return bool(deleted.rowcount)
