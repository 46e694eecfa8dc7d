"""The rows of recipes, releases and deployments."""

from collections.abc import Iterable

from indexing.catalogue.database import Database, Row, utc_now


def number_recipe(database: Database, fingerprint: str, manifest: str) -> int:
    """The number of the recipe with this fingerprint; at its first use it gets the next one."""
    with database.write() as db:
        row = db.conn.execute("SELECT number FROM recipes WHERE fingerprint = ?", (fingerprint,)).fetchone()
        if row is not None:
            return int(row[0])
        sql = "INSERT INTO recipes (fingerprint, manifest, created_at) VALUES (?, ?, ?)"
        return int(db.conn.execute(sql, (fingerprint, manifest, utc_now())).lastrowid or 0)


def recipe_row(database: Database, number: int) -> Row | None:
    """The ``fingerprint``, ``manifest`` (JSON) and ``created_at`` of a recipe, or ``None``."""
    return database.row("SELECT fingerprint, manifest, created_at FROM recipes WHERE number = ?", (number,))


def recipe_with(database: Database, fingerprint: str) -> int | None:
    """The number of the recipe with this fingerprint, or ``None`` before its first use."""
    row = database.row("SELECT number FROM recipes WHERE fingerprint = ?", (fingerprint,))
    return None if row is None else int(row["number"])


def recipe_numbers(database: Database) -> list[int]:
    """The number of every recipe that there ever was, oldest first."""
    return [int(row["number"]) for row in database.rows("SELECT number FROM recipes ORDER BY number")]


def insert_release(database: Database, recipe: int, snapshot: str, *, seq: int, actor: str) -> Row:
    """Record the next build of a recipe; the row that was written."""
    with database.write() as db:
        last = db.conn.execute("SELECT max(build) FROM releases WHERE recipe = ?", (recipe,)).fetchone()[0]
        row: Row = {
            "recipe": recipe,
            "build": (last or 0) + 1,
            "snapshot": snapshot,
            "seq": seq,
            "created_at": utc_now(),
            "created_by": actor,
        }
        sql = "INSERT INTO releases (recipe, build, snapshot, seq, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)"
        db.conn.execute(sql, tuple(row.values()))
    return row


def raise_release_seq(database: Database, recipe: int, build: int, seq: int) -> None:
    """Let a release hold every write up to ``seq``, if it did not before."""
    with database.write() as db:
        sql = "UPDATE releases SET seq = max(seq, ?) WHERE recipe = ? AND build = ?"
        db.conn.execute(sql, (seq, recipe, build))


def release_rows(database: Database) -> list[Row]:
    """All releases that were not retired, oldest first."""
    sql = "SELECT * FROM releases WHERE retired_at IS NULL ORDER BY created_at, recipe, build"
    return list(database.rows(sql))


def every_release_row(database: Database) -> list[Row]:
    """All releases that there ever were, retired ones too, oldest first."""
    return list(database.rows("SELECT * FROM releases ORDER BY created_at, recipe, build"))


def newest_release_row(database: Database, recipe: int) -> Row | None:
    """The last build of a recipe that was not retired, or ``None``."""
    sql = "SELECT * FROM releases WHERE recipe = ? AND retired_at IS NULL ORDER BY build DESC LIMIT 1"
    return database.row(sql, (recipe,))


def has_later_release(database: Database, seq: int) -> bool:
    """Whether a release that may serve holds more writes than those up to ``seq``."""
    sql = "SELECT 1 FROM releases WHERE seq > ? AND retired_at IS NULL LIMIT 1"
    return database.row(sql, (seq,)) is not None


def retire_releases(database: Database, numbers: Iterable[tuple[int, int]]) -> None:
    """Mark releases, by recipe and build, as retired: they never serve again."""
    now = utc_now()
    with database.write() as db:
        sql = "UPDATE releases SET retired_at = ? WHERE recipe = ? AND build = ?"
        db.conn.executemany(sql, [(now, recipe, build) for recipe, build in numbers])


def insert_deployment(
    database: Database,
    recipe: int,
    *,
    reason: str,
    actor: str,
    at: str | None = None,
    rollout: int | None = None,
    is_rollback: bool = False,
    verdict: int | None = None,
    override: str | None = None,
) -> None:
    """Record that a recipe is the stable one from now on.

    ``rollout`` is the one that decided it, ``verdict`` the one that admitted it, ``override`` why it needed none.
    """
    with database.write() as db:
        sql = (
            "INSERT INTO deployments (recipe, reason, actor, created_at, rollout, is_rollback, verdict, override)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        cells = (recipe, reason, actor, at or utc_now(), rollout, int(is_rollback), verdict, override)
        db.conn.execute(sql, cells)
        database.note_plan_change()


def last_deployment_row(database: Database) -> Row | None:
    """The last deployment, or ``None`` before the first."""
    return database.row("SELECT * FROM deployments ORDER BY id DESC LIMIT 1")


def deployment_rows(database: Database) -> list[Row]:
    """Every deployment, the last first."""
    return list(database.rows("SELECT * FROM deployments ORDER BY id DESC"))


def deployed_recipes(database: Database) -> list[int]:
    """Every recipe that was ever deployed, each once, the last deployed first."""
    sql = "SELECT recipe FROM deployments GROUP BY recipe ORDER BY max(id) DESC"
    return [int(row["recipe"]) for row in database.rows(sql)]


def stable_recipe(database: Database) -> int | None:
    """The number of the recipe that was deployed last, or ``None`` before the first."""
    row = database.row("SELECT recipe FROM deployments ORDER BY id DESC LIMIT 1")
    return None if row is None else int(row["recipe"])


def previous_recipe(database: Database) -> int | None:
    """The recipe that was in service before the one that is, or ``None``."""
    sql = (
        "SELECT recipe FROM deployments WHERE recipe !="
        " (SELECT recipe FROM deployments ORDER BY id DESC LIMIT 1) ORDER BY id DESC LIMIT 1"
    )
    row = database.row(sql)
    return None if row is None else int(row["recipe"])
