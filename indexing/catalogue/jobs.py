"""Jobs: the catalogue's record of builds and of the tasks that each handed to workers.

Only the build command and the command line touch these rows; workers never open the catalogue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlite_utils

from indexing.catalogue.database import Database, Row, utc_now
from indexing.errors import BuildCancelled, InvalidInput, NotFound
from indexing.settings import current_user

State = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """A build: which recipe, who runs it (``local`` or ``workers``), and how it stands."""

    id: int
    recipe: int
    state: State
    executor: str
    actor: str
    created_at: str
    finished_at: str | None
    error: str | None


def start_job(database: Database, recipe: int, executor: str, actor: str | None = None) -> Job:
    """Record a build that begins now, by default of this process's user.

    A job left ``running`` by a build that was killed is marked as failed.
    """
    fail_abandoned(database, running_jobs(database))
    with database.write() as db:
        number = db.conn.execute(
            "INSERT INTO jobs (recipe, state, executor, actor, created_at) VALUES (?, 'running', ?, ?, ?)",
            (recipe, executor, actor or current_user(), utc_now()),
        ).lastrowid
    return read_job(database, number or 0)


def running_jobs(database: Database) -> list[int]:
    """The jobs that stand as running, be their builds alive or not."""
    return [int(row["id"]) for row in database.rows("SELECT id FROM jobs WHERE state = 'running' ORDER BY id")]


def fail_abandoned(database: Database, jobs: Sequence[int]) -> None:
    """Mark jobs as failed whose builds were killed, unless they ended after all."""
    if not jobs:
        return
    with database.write(grows=False) as db:
        db.conn.executemany(
            "UPDATE jobs SET state = 'failed', finished_at = ?, error = 'the build command ended without a word'"
            " WHERE id = ? AND state = 'running'",
            [(utc_now(), job) for job in jobs],
        )


def require_not_cancelled(database: Database, job: int) -> None:
    """Let a build go on unless it was cancelled.

    Raises:
        BuildCancelled: it was.
    """
    if read_job(database, job).state == "cancelled":
        raise BuildCancelled(f"Job {job} was cancelled; what it stored stays for the next build.")


def finish_job(database: Database, job: int, state: State, error: str | None = None) -> None:
    """Record how a job ended; one that was cancelled stays so."""
    with database.write(grows=False) as db:
        db.conn.execute(
            "UPDATE jobs SET state = ?, finished_at = ?, error = ? WHERE id = ? AND state = 'running'",
            (state, utc_now(), error, job),
        )


def cancel_job(database: Database, job: int) -> None:
    """Ask a running build to stop, which it does at its next block; it makes no release, and what it stored stays.

    Raises:
        NotFound: there is no such job.
        InvalidInput: it is not running.
    """
    with database.write():
        found = read_job(database, job)
        if found.state != "running":
            raise InvalidInput(f"Job {job} is {found.state}: only a running job can be cancelled.")
        finish_job(database, job, "cancelled")


def newest_job_on_workers(database: Database) -> Job | None:
    """The build that last handed tasks to workers, if any did."""
    row = database.row("SELECT * FROM jobs WHERE executor = 'workers' ORDER BY id DESC LIMIT 1")
    return None if row is None else Job(**row)


def list_jobs(database: Database) -> list[Job]:
    """All jobs, newest first."""
    return [Job(**row) for row in database.rows("SELECT * FROM jobs ORDER BY id DESC")]


def read_job(database: Database, job: int) -> Job:
    """One job.

    Raises:
        NotFound: there is none of this number.
    """
    row = database.row("SELECT * FROM jobs WHERE id = ?", (job,))
    if row is None:
        raise NotFound(f"No job {job}. See 'groundwork jobs list'.")
    return Job(**row)


def job_of_release(database: Database, recipe: int, created_at: str) -> Job | None:
    """The build that made a recipe's release of that moment, or ``None`` where its row is gone.

    A release is recorded while its job runs, and no two builds of a home run at once.
    """
    row = database.row(
        "SELECT * FROM jobs WHERE recipe = ? AND state = 'done' AND created_at <= ? AND finished_at >= ?"
        " ORDER BY id DESC LIMIT 1",
        (recipe, created_at, created_at),
    )
    return None if row is None else Job(**row)


def record_task(
    database: Database, job: int, name: str, kind: str, state: str, attempts: int, error: str | None = None
) -> None:
    """Write down how a task of a job stands."""
    with database.write() as db:
        db.conn.execute(
            "INSERT OR REPLACE INTO job_blocks (job, name, kind, state, attempts, error) VALUES (?, ?, ?, ?, ?, ?)",
            (job, name, kind, state, attempts, error),
        )


def job_tasks(database: Database, job: int) -> list[Row]:
    """The tasks that a job handed to workers: name, kind, state, attempts, error."""
    return list(
        database.rows("SELECT name, kind, state, attempts, error FROM job_blocks WHERE job = ? ORDER BY name", (job,))
    )


def last_recipe_built(database: Database) -> int | None:
    """The recipe of the newest job, whatever became of it; ``None`` before the first."""
    row = database.row("SELECT recipe FROM jobs ORDER BY id DESC LIMIT 1")
    return None if row is None else int(row["recipe"])


def shorten_errors(db: sqlite_utils.Database) -> None:
    """Cut the recorded errors at their first colon: what follows may quote a text."""
    for table in ("jobs", "job_blocks", "scheduled_runs", "preparations"):
        db.conn.execute(
            f"UPDATE {table} SET error = substr(error, 1, instr(error, ':') - 1) WHERE instr(error, ':') > 0"
        )
