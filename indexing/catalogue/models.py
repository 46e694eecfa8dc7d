"""The rows of model versions."""

from indexing.catalogue.database import Database, Row


def newest_model_version(database: Database, name: str) -> int:
    """The highest version number of a model, 0 before its first."""
    row = database.row("SELECT max(version) AS newest FROM models WHERE name = ?", (name,))
    return 0 if row is None or row["newest"] is None else int(row["newest"])


def insert_model(database: Database, name: str, version: int, manifest: str, created_at: str) -> None:
    """Record a model version with its manifest as JSON."""
    with database.write() as db:
        sql = "INSERT INTO models (name, version, manifest, created_at) VALUES (?, ?, ?, ?)"
        db.conn.execute(sql, (name, version, manifest, created_at))


def model_rows(database: Database) -> list[Row]:
    """All model versions, oldest first."""
    return list(database.rows("SELECT * FROM models ORDER BY created_at, name, version"))
