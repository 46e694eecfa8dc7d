"""Rows of preparations: changes of the recipe that operators ask for, which a builder runs, and what became of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexing.catalogue.database import Database, Row, utc_now
from indexing.errors import NotFound, RolloutConflict
from indexing.records import Json

State = Literal["waiting", "building", "estimated", "proposed", "failed", "cancelled"]
"""The first two are open; the others are for ever."""
PAGE = 100
"""How many a list gives unless told otherwise; our choice, as other lists."""
_IS_OPEN = "state IN ('waiting', 'building')"


@dataclass(frozen=True, slots=True)
class Preparation:
    """A change of the recipe that was asked for.

    ``manifest`` is the whole recipe; ``changes`` says in sentences what differs from the one in service then;
    ``tenants`` is whom its trial concerns, empty for all; with ``dry_run`` only its cost is wanted. ``cost`` is what it
    costs, once that is known; of what ``stage`` does, ``done`` of ``total`` are done. ``attempts`` counts the builders
    that began it. ``release`` and ``rollout`` are what came of it.
    """

    id: int
    manifest: Mapping[str, Json]
    fingerprint: str
    changes: Sequence[str]
    tenants: Sequence[str]
    dry_run: bool
    reason: str
    actor: str
    state: State
    attempts: int
    cost: Mapping[str, Json] | None
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
    *,
    manifest: Mapping[str, Json],
    fingerprint: str,
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
        sql = f"SELECT id FROM preparations WHERE {_IS_OPEN} AND fingerprint = ? AND dry_run = ?"
        found = database.row(sql, (fingerprint, int(dry_run)))
        if found is not None:
            raise RolloutConflict(
                f"Preparation {found['id']} is the same change, and is not done yet: wait for it, or cancel it first."
            )
        number = db.conn.execute(
            "INSERT INTO preparations (manifest, fingerprint, changes, tenants, dry_run, reason, actor, state,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?)",
            (
                json.dumps(manifest, sort_keys=True),
                fingerprint,
                json.dumps(list(changes)),
                json.dumps(sorted(set(tenants))),
                int(dry_run),
                reason,
                actor,
                utc_now(),
            ),
        ).lastrowid
    return read_preparation(database, number or 0)


def read_preparation(database: Database, number: int) -> Preparation:
    """The preparation with this number.

    Raises:
        NotFound: there is none.
    """
    row = database.row("SELECT * FROM preparations WHERE id = ?", (number,))
    if row is None:
        raise NotFound(f"No preparation {number}: list them, or check the number.")
    return _from_row(row)


def list_preparations(database: Database, *, before: int | None = None, limit: int = PAGE) -> list[Preparation]:
    """Preparations, the newest first: of those with a lower number than ``before`` at most ``limit``."""
    sql = "SELECT * FROM preparations WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2"
    return [_from_row(row) for row in database.rows(sql, (before, limit))]


def open_preparations(database: Database) -> list[Preparation]:
    """Those that are not done, the oldest first: each waits, or is built by a builder that may have been killed."""
    return [_from_row(row) for row in database.rows(f"SELECT * FROM preparations WHERE {_IS_OPEN} ORDER BY id")]


def begin_preparation(database: Database, number: int) -> Preparation | None:
    """Begin one, and count the attempt; ``None`` where it was cancelled before."""
    return _change(database, number, "state = 'building', attempts = attempts + 1")


def put_back_preparation(database: Database, number: int) -> None:
    """Let one wait again, as if this attempt had not been."""
    _change(database, number, "state = 'waiting', attempts = attempts - 1")


def note_cost(database: Database, number: int, cost: Mapping[str, Json]) -> None:
    """Write down what one costs."""
    _change(database, number, "cost = ?", json.dumps(cost))


def note_progress(database: Database, number: int, stage: str, done: int, total: int) -> bool:
    """Write down how far one is; gives whether it is still wanted."""
    return _change(database, number, "stage = ?, done = ?, total = ?", stage, done, total) is not None


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
    """Stop one: at once where it waits, at its next block where it is built. No release and no rollout come of it.

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
    return read_preparation(database, number)


def _change(database: Database, number: int, sets: str, *values: object) -> Preparation | None:
    """Change one that is open; ``None`` where it is not."""
    with database.write(grows=False) as db:
        sql = f"UPDATE preparations SET {sets} WHERE id = ? AND {_IS_OPEN}"
        is_open = db.conn.execute(sql, (*values, number)).rowcount == 1
    return read_preparation(database, number) if is_open else None


def _from_row(row: Row) -> Preparation:
    read = {name: json.loads(row[name]) for name in ("manifest", "changes", "tenants")}
    cost = None if row["cost"] is None else json.loads(row["cost"])
    return Preparation(**{**row, **read, "dry_run": bool(row["dry_run"]), "cost": cost})
