"""The rows of verdicts: what judges of quality say about a recipe, for the guards of its rollout."""

import json
from collections.abc import Sequence

from indexing.catalogue.database import Database, Row


def insert_verdict(database: Database, recipe: int, kind: str, verdict: str, reasons: Sequence[str], at: str) -> None:
    """Record what a judge of one kind says about a recipe at the moment ``at``; what it said before stays."""
    with database.write() as db:
        sql = "INSERT INTO verdicts (recipe, kind, verdict, reasons, at) VALUES (?, ?, ?, ?, ?)"
        db.conn.execute(sql, (recipe, kind, verdict, json.dumps(list(reasons)), at))


def newest_verdict_rows(database: Database, recipe: int, since: str) -> list[Row]:
    """The last verdict of each kind about a recipe, as far as it was given at the moment ``since`` or later."""
    sql = (
        "SELECT kind, verdict, reasons, at FROM verdicts WHERE id IN (SELECT max(id) FROM verdicts"
        " WHERE recipe = ? AND at >= ? GROUP BY kind) ORDER BY kind"
    )
    return list(database.rows(sql, (recipe, since)))


def verdict_rows(database: Database, recipe: int) -> list[Row]:
    """Every verdict about a recipe, oldest first: kind, verdict, reasons (JSON) and moment."""
    sql = "SELECT kind, verdict, reasons, at FROM verdicts WHERE recipe = ? ORDER BY id"
    return list(database.rows(sql, (recipe,)))
