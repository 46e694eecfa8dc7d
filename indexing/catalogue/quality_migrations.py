"""The later steps of the catalogue's schema: query sets, verdicts, alerts. Append only, like the steps before."""

from sqlite_utils import Database

from indexing.catalogue.migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]


@catalogue_migrations(name="0020_evaluations")
def _evaluations(db: Database) -> None:
    # What was measured of a release; the id is the fingerprint of all that went in, so that nothing is measured twice.
    db.execute(
        "CREATE TABLE evaluations (id TEXT PRIMARY KEY, recipe INTEGER NOT NULL, release TEXT NOT NULL,"
        " snapshot TEXT NOT NULL, seq INTEGER NOT NULL, tenant TEXT NOT NULL, collection TEXT NOT NULL,"
        " query_set TEXT NOT NULL, version INTEGER, split TEXT NOT NULL, mode TEXT NOT NULL, k INTEGER NOT NULL,"
        " queries INTEGER NOT NULL, documents TEXT NOT NULL, judgments TEXT NOT NULL, means TEXT NOT NULL,"
        " latency TEXT NOT NULL, created_at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX evaluations_of_sets ON evaluations (query_set, created_at)")
    db.execute("CREATE INDEX evaluations_of_partitions ON evaluations (tenant, collection)")
