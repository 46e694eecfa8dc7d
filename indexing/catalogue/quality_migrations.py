"""The later steps of the catalogue's schema: query sets, verdicts, alerts. Append only, like the steps before."""

from sqlite_utils import Database

from indexing.catalogue.migrations import catalogue_migrations

__all__ = ["catalogue_migrations"]


@catalogue_migrations(name="0021_gates")
def _gates(db: Database) -> None:
    # What a verdict rests on: against which recipe, by which policy, on which build and which queries, at which level.
    db.execute("ALTER TABLE verdicts ADD COLUMN baseline INTEGER REFERENCES recipes(number)")
    db.execute("ALTER TABLE verdicts ADD COLUMN release TEXT")
    db.execute("ALTER TABLE verdicts ADD COLUMN policy TEXT")
    db.execute("ALTER TABLE verdicts ADD COLUMN level REAL")
    db.execute("ALTER TABLE verdicts ADD COLUMN is_synthetic INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE verdicts ADD COLUMN rollout INTEGER REFERENCES rollouts(id)")
    db.execute("ALTER TABLE verdicts ADD COLUMN evidence TEXT NOT NULL DEFAULT '{}'")
    # Which verdict let a recipe go in service, or why it went without one.
    db.execute("ALTER TABLE deployments ADD COLUMN verdict INTEGER REFERENCES verdicts(id)")
    db.execute("ALTER TABLE deployments ADD COLUMN override TEXT")
    # Recipes that were in service before verdicts were needed may be so again without one.
    db.execute("CREATE TABLE recipes_before_gates (recipe INTEGER PRIMARY KEY REFERENCES recipes(number)) STRICT")
    db.execute("INSERT INTO recipes_before_gates SELECT DISTINCT recipe FROM deployments")
