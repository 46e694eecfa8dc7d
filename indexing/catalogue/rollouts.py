"""The rows of rollouts and their transitions, of recipes on standby, and what processes must serve, read in one go."""

from collections.abc import Mapping, Sequence

from indexing.catalogue.database import Database, Row
from indexing.records import Json

_IS_OPEN = "state IN ('shadow', 'canary', 'paused')"
"""That it takes traffic, or did and may again: at most one rollout of a home is so."""


def insert_rollout(database: Database, row: Mapping[str, Json]) -> int:
    """Store a new rollout; gives its number."""
    with database.write() as db:
        names = ", ".join(row)
        sql = f"INSERT INTO rollouts ({names}) VALUES ({', '.join('?' * len(row))})"
        return int(db.conn.execute(sql, tuple(row.values())).lastrowid or 0)


def update_rollout(database: Database, number: int, version: int, changes: Mapping[str, Json]) -> bool:
    """Change a rollout if it still has this version, and count its version up; gives whether it had."""
    with database.write() as db:
        names = "".join(f"{name} = ?, " for name in changes)
        sql = f"UPDATE rollouts SET {names}version = version + 1 WHERE id = ? AND version = ?"
        database.note_plan_change()
        return db.conn.execute(sql, (*changes.values(), number, version)).rowcount == 1


def rollout_row(database: Database, number: int) -> Row | None:
    """The rollout with this number, or ``None``."""
    return database.row("SELECT * FROM rollouts WHERE id = ?", (number,))


def rollout_rows(database: Database) -> list[Row]:
    """All rollouts, the newest first."""
    return list(database.rows("SELECT * FROM rollouts ORDER BY id DESC"))


def rollout_row_in(database: Database, states: Sequence[str], candidate: int | None) -> Row | None:
    """The newest rollout that is in one of these states, of one candidate or of any, or ``None``."""
    sql = (
        f"SELECT * FROM rollouts WHERE state IN ({', '.join('?' * len(states))})"
        " AND candidate = coalesce(?, candidate) ORDER BY id DESC LIMIT 1"
    )
    return database.row(sql, (*states, candidate))


def insert_transition(database: Database, row: Mapping[str, Json]) -> None:
    """Record a change of a rollout, with the deployment that was the last one then."""
    with database.write() as db:
        names = ", ".join(row)
        sql = (
            f"INSERT INTO rollout_transitions ({names}, deployment)"
            f" VALUES ({', '.join('?' * len(row))}, (SELECT max(id) FROM deployments))"
        )
        db.conn.execute(sql, tuple(row.values()))


def transition_rows(database: Database, rollout: int) -> list[Row]:
    """All changes of a rollout, oldest first."""
    return list(database.rows("SELECT * FROM rollout_transitions WHERE rollout = ? ORDER BY id", (rollout,)))


def rollback_since_deployment(database: Database) -> Row | None:
    """The last change to the state ``rolled_back`` since the last deployment, or ``None``."""
    sql = (
        "SELECT * FROM rollout_transitions WHERE to_state = 'rolled_back' AND from_state != 'rolled_back'"
        " AND deployment IS (SELECT max(id) FROM deployments) ORDER BY id DESC LIMIT 1"
    )
    return database.row(sql)


def keep_on_standby(database: Database, recipe: int, *, until_at: str, since_at: str) -> None:
    """Keep a recipe open until a moment."""
    with database.write() as db:
        sql = "INSERT OR REPLACE INTO standby (recipe, until_at, since_at) VALUES (?, ?, ?)"
        db.conn.execute(sql, (recipe, until_at, since_at))
        database.note_plan_change()


def clear_standby(database: Database) -> None:
    """Let no recipe be on standby any more."""
    with database.write() as db:
        db.conn.execute("DELETE FROM standby")
        database.note_plan_change()


def standby_rows(database: Database, now: str) -> list[Row]:
    """The recipes that are on standby at the moment ``now``, that which stays longest first."""
    return list(database.rows("SELECT * FROM standby WHERE until_at > ? ORDER BY until_at DESC, recipe", (now,)))


def recipes_in_rollouts(database: Database) -> set[int]:
    """Every recipe that a rollout which has not ended is about, and what it is compared with."""
    sql = f"SELECT candidate, baseline FROM rollouts WHERE {_IS_OPEN} OR state IN ('proposed', 'live')"
    return {int(number) for row in database.rows(sql) for number in row.values()}


def serving_row(database: Database, now: str) -> Row:
    """What API processes must serve at the moment ``now``, as of one moment: one statement.

    Returns:
        ``live`` (recipe or ``None``), ``standby_recipes`` and ``pin_rows`` (JSON), ``renewed_at`` of the watcher's
        lease, and the columns of the open rollout, ``None`` where there is none.
    """
    sql = (
        "SELECT one.*, r.* FROM (SELECT"
        " (SELECT recipe FROM deployments ORDER BY id DESC LIMIT 1) AS live,"
        " (SELECT json_group_array(recipe) FROM (SELECT recipe FROM standby WHERE until_at > ?"
        "   ORDER BY until_at DESC, recipe)) AS standby_recipes,"
        " (SELECT json_group_array(json_array(tenant, recipe, kind)) FROM (SELECT * FROM pins ORDER BY tenant))"
        "   AS pin_rows,"
        " (SELECT renewed_at FROM watcher_lease) AS renewed_at"
        f") one LEFT JOIN rollouts r ON {_IS_OPEN}"
    )
    row = database.row(sql, (now,))
    return {} if row is None else row
