"""Rows of preparations: changes of the recipe that operators ask for, which a builder runs, and what became of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.jobs import cancel_job, read_job
from indexing.errors import NotFound, RolloutConflict
from indexing.records import Json

State = Literal["waiting", "building", "estimated", "proposed", "failed", "cancelled"]
"""The first two are open; the others are for ever."""
PAGE = 100
"""How many a list gives at most; our choice: each may name thousands of tenants."""
_IS_OPEN = "state IN ('waiting', 'building')"


@dataclass(frozen=True, slots=True)
class Preparation:
    """A change of the recipe that was asked for.

    ``recipe`` is what is to be built; ``changes`` says in sentences what differs from ``live``, in service then;
    ``tenants`` is whom its trial concerns, empty for all; with ``dry_run`` only its cost is wanted. ``cost`` is what it
    costs, once that is known; ``job`` is the build that was last begun for it; of what ``stage`` does, ``done`` of
    ``total`` are done. ``attempts`` counts the builders that ended since its last progress; ``release`` and ``rollout``
    are what came of it, and ``error`` why nothing did, or why it waits.
    """

    id: int
    recipe: int
    live: int
    changes: Sequence[str]
    tenants: Sequence[str]
    dry_run: bool
    reason: str
    actor: str
    state: State
    attempts: int
    cost: Mapping[str, Json] | None
    job: int | None
    stage: str | None
    done: int
    total: int
    release: str | None
    rollout: int | None
    error: str | None
    created_at: str
    ended_at: str | None


def ask_preparation(
    database: Database,
    recipe: int,
    *,
    live: int,
    changes: Sequence[str],
    tenants: Sequence[str],
    dry_run: bool,
    reason: str,
    actor: str,
) -> Preparation:
    """Ask that a recipe be prepared, or, with ``dry_run``, what that costs.

    Raises:
        RolloutConflict: the same is asked for already, and is not done yet.
    """
    with database.write() as db:
        sql = f"SELECT id FROM preparations WHERE {_IS_OPEN} AND recipe = ? AND dry_run = ?"
        found = database.row(sql, (recipe, int(dry_run)))
        if found is not None:
            raise RolloutConflict(
                f"Preparation {found['id']} is the same change, and is not done yet: wait for it, or cancel it first."
            )
        row = (recipe, live, json.dumps(list(changes)), json.dumps(sorted(set(tenants))), int(dry_run), reason, actor)
        number = db.conn.execute(
            "INSERT INTO preparations (recipe, live, changes, tenants, dry_run, reason, actor, state, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)",
            (*row, utc_now()),
        ).lastrowid
    return read_preparation(database, number or 0)


def read_preparation(database: Database, number: int) -> Preparation:
    """The preparation with this number.

    Raises:
        NotFound: there is none.
    """
    row = database.row("SELECT * FROM preparations WHERE id = ?", (number,))
    if row is None:
        raise NotFound(f"No preparation {number}. See 'groundwork jobs list'.")
    return _from_row(row)


def list_preparations(database: Database, *, before: int | None = None, limit: int = PAGE) -> list[Preparation]:
    """Preparations, the newest first: of those with a lower number than ``before`` at most ``limit``."""
    sql = "SELECT * FROM preparations WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2"
    return [_from_row(row) for row in database.rows(sql, (before, limit))]


def open_preparations(database: Database) -> list[Preparation]:
    """Those that are not done, in the order they are run: what only asks for a cost, then the oldest.

    One that is being built may be one whose builder was killed.
    """
    sql = f"SELECT * FROM preparations WHERE {_IS_OPEN} ORDER BY dry_run DESC, id"
    return [_from_row(row) for row in database.rows(sql)]


def recipes_in_preparations(database: Database) -> set[int]:
    """The recipes of those that are not done: their vectors and values are kept, their shards are written again."""
    return {int(row["recipe"]) for row in database.rows(f"SELECT recipe FROM preparations WHERE {_IS_OPEN}")}


def begin_preparation(database: Database, number: int) -> Preparation | None:
    """Begin one, and count the attempt; ``None`` where it was cancelled before."""
    return _change(database, number, "state = 'building', attempts = attempts + 1, error = NULL")


def put_back_preparation(database: Database, number: int, error: str | None = None, *, is_counted: bool) -> None:
    """Let one wait again, and say why; unless it is counted, as if this attempt had not been."""
    _change(database, number, "state = 'waiting', attempts = attempts - ?, error = ?", int(not is_counted), error)


def note_cost(database: Database, number: int, cost: Mapping[str, Json]) -> None:
    """Write down what one costs."""
    _change(database, number, "cost = ?", json.dumps(cost))


def note_job(database: Database, number: int, job: int) -> None:
    """Write down which build is done for one."""
    _change(database, number, "job = ?", job)


def note_progress(database: Database, number: int, stage: str, done: int, total: int, *, has_progressed: bool) -> bool:
    """Write down how far one is; gives whether it is still wanted. After progress attempts count from one."""
    sets = "stage = ?, done = ?, total = ?, attempts = CASE WHEN ? THEN 1 ELSE attempts END"
    return _change(database, number, sets, stage, done, total, int(has_progressed)) is not None


def end_preparation(
    database: Database,
    number: int,
    state: State,
    *,
    error: str | None = None,
    release: str | None = None,
    rollout: int | None = None,
) -> bool:
    """Say what became of one; gives whether it was open until now."""
    sets = "state = ?, error = ?, release = ?, rollout = ?, ended_at = ?"
    return _change(database, number, sets, state, error, release, rollout, utc_now()) is not None


def cancel_preparation(database: Database, number: int, actor: str) -> Preparation:
    """Stop one, and the build that is done for it. No release and no rollout come of it.

    Raises:
        NotFound: there is none with this number.
        RolloutConflict: it is over.
    """
    with database.write(grows=False):
        found = read_preparation(database, number)
        if not end_preparation(database, number, "cancelled", error=f"cancelled by {actor}"):
            raise RolloutConflict(
                f"Preparation {number} is {found.state} since {found.ended_at}: only one that waits or is built can be"
                " cancelled."
            )
        if found.job is not None and read_job(database, found.job).state == "running":
            cancel_job(database, found.job)
    return read_preparation(database, number)


def _change(database: Database, number: int, sets: str, *values: object) -> Preparation | None:
    """Change one that is open; ``None`` where it is not."""
    with database.write(grows=False) as db:
        sql = f"UPDATE preparations SET {sets} WHERE id = ? AND {_IS_OPEN}"
        is_open = db.conn.execute(sql, (*values, number)).rowcount == 1
    return read_preparation(database, number) if is_open else None


def _from_row(row: Row) -> Preparation:
    read = {name: json.loads(row[name]) for name in ("changes", "tenants")}
    cost = None if row["cost"] is None else json.loads(row["cost"])
    return Preparation(**{**row, **read, "dry_run": bool(row["dry_run"]), "cost": cost})
