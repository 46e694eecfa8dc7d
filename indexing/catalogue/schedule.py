"""The rows of scheduled runs: which job ran for which moment, how it ended, and what it found."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from indexing.catalogue.database import Database, Row
from indexing.errors import InvalidInput, NotFound
from indexing.records import Json

RunState = Literal["running", "done", "failed", "cancelled", "stopped"]
"""How a run stands; a stopped one was ended with its process, and is done again."""
MOST_STOPS = 3
"""Runs for one moment that may end with their process before the job is taken for what ends it. Our choice."""
_KILLED = "its process ended without a word"


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """One run of a job; moments are UTC, ISO 8601. ``step`` is what it does, or did last."""

    id: int
    job: str
    due_at: str
    begun_at: str
    ended_at: str | None
    state: RunState
    holder: str
    step: str | None
    summary: Mapping[str, Json]
    error: str | None


def scheduled_since(database: Database, job: str, now: str) -> str:
    """Since when a job is scheduled: the moment ``now``, if it was not known before."""
    row = database.row("SELECT since_at FROM scheduled_jobs WHERE name = ?", (job,))
    if row is not None:
        return str(row["since_at"])
    with database.write(grows=False) as db:
        db.conn.execute("INSERT OR IGNORE INTO scheduled_jobs (name, since_at) VALUES (?, ?)", (job, now))
    return now


def is_over(database: Database, job: str, due_at: str) -> bool:
    """Whether a job was run for a moment, or a later one, so that nothing is left to do; stopped runs do not count."""
    row = database.row(
        "SELECT count(*) AS runs, sum(state != 'stopped') AS counted FROM scheduled_runs WHERE job = ? AND due_at >= ?",
        (job, due_at),
    )
    return row is not None and ((row["counted"] or 0) > 0 or row["runs"] >= MOST_STOPS)


def begin_run(database: Database, job: str, due_at: str, holder: str, now: str) -> int:
    """Record a run that begins at the moment ``now``; gives its number."""
    with database.write() as db:
        sql = "INSERT INTO scheduled_runs (job, due_at, begun_at, state, holder) VALUES (?, ?, ?, 'running', ?)"
        return int(db.conn.execute(sql, (job, due_at, now, holder)).lastrowid or 0)


def tell_step(database: Database, run: int, step: str) -> RunState:
    """Record what a run does next; gives how it stands by now."""
    with database.write(grows=False) as db:
        db.conn.execute("UPDATE scheduled_runs SET step = ? WHERE id = ? AND state = 'running'", (step, run))
    return read_run(database, run).state


def end_run(
    database: Database,
    run: int,
    state: RunState,
    now: str,
    *,
    summary: Mapping[str, Json] | None = None,
    error: str | None = None,
) -> None:
    """Record how a run ended; one that was ended before, as by an operator who cancelled it, stays so."""
    with database.write(grows=False) as db:
        sql = (
            "UPDATE scheduled_runs SET state = ?, ended_at = ?, summary = ?, error = ?"
            " WHERE id = ? AND state = 'running'"
        )
        db.conn.execute(sql, (state, now, json.dumps(dict(summary or {}), sort_keys=True, default=str), error, run))


def stop_abandoned(database: Database, now: str) -> int:
    """Mark runs as stopped whose process is gone, for the holder of the lease, who runs none; gives how many."""
    if database.row("SELECT 1 FROM scheduled_runs WHERE state = 'running' LIMIT 1") is None:
        return 0
    with database.write(grows=False) as db:
        sql = "UPDATE scheduled_runs SET state = 'stopped', ended_at = ?, error = ? WHERE state = 'running'"
        return int(db.conn.execute(sql, (now, _KILLED)).rowcount)


def cancel_run(database: Database, run: int, by: str, now: str) -> None:
    """Ask a run to stop at its next step; it is not done again for its moment.

    Raises:
        NotFound: there is no such run.
        InvalidInput: it is over.
    """
    with database.write():
        found = read_run(database, run)
        if found.state != "running":
            raise InvalidInput(f"Run r{run} is {found.state}: only a running one can be cancelled.")
        end_run(database, run, "cancelled", now, error=f"cancelled by {by}")


def read_run(database: Database, run: int) -> ScheduledRun:
    """One run.

    Raises:
        NotFound: there is none of this number.
    """
    row = database.row("SELECT * FROM scheduled_runs WHERE id = ?", (run,))
    if row is None:
        raise NotFound(f"No scheduled run r{run}. See 'groundwork jobs list'.")
    return _run(row)


def list_runs(database: Database, *, limit: int = 50) -> list[ScheduledRun]:
    """The newest runs, newest first."""
    return [_run(row) for row in database.rows("SELECT * FROM scheduled_runs ORDER BY id DESC LIMIT ?", (limit,))]


def runs_of(database: Database, job: str, since: str, until: str) -> list[ScheduledRun]:
    """The runs of a job that were done from ``since`` up to and without ``until`` (UTC, ISO 8601), oldest first."""
    sql = "SELECT * FROM scheduled_runs WHERE job = ? AND state = 'done' AND ended_at >= ? AND ended_at < ? ORDER BY id"
    return [_run(row) for row in database.rows(sql, (job, since, until))]


def last_runs(database: Database) -> dict[str, ScheduledRun]:
    """The last run of each job that ever ran."""
    sql = "SELECT * FROM scheduled_runs WHERE id IN (SELECT max(id) FROM scheduled_runs GROUP BY job)"
    return {str(row["job"]): _run(row) for row in database.rows(sql)}


def forget_runs_before(database: Database, moment: str) -> int:
    """Forget runs that ended before a moment, but for the last of each job; gives how many."""
    with database.write(grows=False) as db:
        sql = (
            "DELETE FROM scheduled_runs WHERE ended_at < ?"
            " AND id NOT IN (SELECT max(id) FROM scheduled_runs GROUP BY job)"
        )
        return int(db.conn.execute(sql, (moment,)).rowcount)


def forget_what_runs_said(database: Database) -> None:
    """Empty summaries, steps and errors of every run: they name sets and collections, and not whose they are."""
    with database.write(grows=False) as db:
        db.conn.execute("UPDATE scheduled_runs SET summary = '{}', step = NULL, error = NULL")


def _run(row: Row) -> ScheduledRun:
    return ScheduledRun(**{**row, "summary": json.loads(row["summary"])})
