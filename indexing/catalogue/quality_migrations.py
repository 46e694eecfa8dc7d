"""The later steps of the catalogue's schema: query sets, verdicts, alerts. Append only, like the steps before."""

from sqlite_utils import Database

from indexing.catalogue.migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]


@catalogue_migrations(name="0023_alerts")
def _alerts(db: Database) -> None:
    # What a person should know; of one key at most one is open.
    db.execute(
        "CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, tenant TEXT,"
        " severity TEXT NOT NULL, source TEXT NOT NULL, message TEXT NOT NULL, evidence TEXT NOT NULL,"
        " times INTEGER NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, acknowledged_at TEXT,"
        " acknowledged_by TEXT, note TEXT) STRICT"
    )
    db.execute("CREATE UNIQUE INDEX open_alerts ON alerts (key) WHERE acknowledged_at IS NULL")
    # What repeated looks at one part of the traffic have seen together, so that they may go on after a restart.
    db.execute(
        "CREATE TABLE drift_watches (scope TEXT PRIMARY KEY, tenant TEXT, reference_at TEXT NOT NULL,"
        " looked_until TEXT NOT NULL, looks INTEGER NOT NULL, evidence TEXT NOT NULL) STRICT"
    )
