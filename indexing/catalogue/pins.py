"""The rows of tenants that are outside shares and tests."""

from indexing.catalogue.database import Database, Row

_CHANGE = "INSERT INTO pin_changes (tenant, kind, recipe, actor, reason, at) VALUES (?, ?, ?, ?, ?, ?)"


def put_pin(
    database: Database, tenant: str, kind: str, recipe: int | None, *, actor: str, reason: str, at: str
) -> None:
    """Store a tenant's pin in place of the one that it had."""
    with database.write() as db:
        sql = "INSERT OR REPLACE INTO pins (tenant, kind, recipe, actor, reason, created_at) VALUES (?, ?, ?, ?, ?, ?)"
        db.conn.execute(sql, (tenant, kind, recipe, actor, reason, at))
        db.conn.execute(_CHANGE, (tenant, kind, recipe, actor, reason, at))
        database.note_plan_change()


def delete_pin(database: Database, tenant: str, *, actor: str, reason: str, at: str) -> bool:
    """Take a tenant's pin away; gives whether it had one. That it had one stays known."""
    with database.write(grows=False) as db:
        is_gone = db.conn.execute("DELETE FROM pins WHERE tenant = ?", (tenant,)).rowcount == 1
        if is_gone:
            db.conn.execute(_CHANGE, (tenant, "unpinned", None, actor, reason, at))
            database.note_plan_change()
        return is_gone


def pin_rows(database: Database) -> list[Row]:
    """All pins by tenant."""
    sql = "SELECT tenant, kind, recipe, actor, reason, created_at FROM pins ORDER BY tenant"
    return list(database.rows(sql))


def pin_change_rows(database: Database) -> list[Row]:
    """Every pin that was made or taken away, oldest first: tenant, kind, recipe, actor, reason and moment."""
    return list(database.rows("SELECT tenant, kind, recipe, actor, reason, at FROM pin_changes ORDER BY id"))


def pinned_recipes(database: Database) -> set[int]:
    """Every recipe that a tenant is pinned to."""
    return {int(row["recipe"]) for row in database.rows("SELECT recipe FROM pins WHERE recipe IS NOT NULL")}
