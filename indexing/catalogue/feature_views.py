"""The rows of feature views: each definition as it was at its first use."""

from indexing.catalogue.database import Database, utc_now


def record_definition(database: Database, kind: str, name: str, version: int, definition: str) -> str:
    """Write a definition down, unless there is one of that kind, name and version; the one that holds."""
    key = (kind, name, version)
    with database.write() as db:
        sql = "SELECT definition FROM feature_views WHERE kind = ? AND name = ? AND version = ?"
        old = db.conn.execute(sql, key).fetchone()
        if old is not None:
            return str(old[0])
        sql = "INSERT INTO feature_views (kind, name, version, definition, created_at) VALUES (?, ?, ?, ?, ?)"
        db.conn.execute(sql, (*key, definition, utc_now()))
    return definition


def held_definition(database: Database, kind: str, name: str, version: int) -> str | None:
    """The definition that was written down of a view, or ``None``."""
    sql = "SELECT definition FROM feature_views WHERE kind = ? AND name = ? AND version = ?"
    row = database.row(sql, (kind, name, version))
    return None if row is None else str(row["definition"])


def newest_definition(database: Database, kind: str, name: str) -> str | None:
    """The definition of a view's highest version as JSON, or ``None``."""
    sql = "SELECT definition FROM feature_views WHERE kind = ? AND name = ? ORDER BY version DESC"
    row = database.row(sql, (kind, name))
    return None if row is None else str(row["definition"])


def view_names(database: Database, kind: str) -> set[str]:
    """The names of the views of a kind that were written down."""
    return {str(row["name"]) for row in database.rows("SELECT name FROM feature_views WHERE kind = ?", (kind,))}


def all_definitions(database: Database) -> list[str]:
    """Every definition that was written down, as JSON."""
    return [str(row["definition"]) for row in database.rows("SELECT definition FROM feature_views")]
