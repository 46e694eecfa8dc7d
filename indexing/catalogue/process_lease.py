"""A lease of a home: which process does what one alone may do, and when it last said so. One table holds each."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from indexing.catalogue.database import Database
from indexing.records import moment_text

RENEW_SECONDS = 5.0
"""How often a lease is renewed; our choice: each renewal is one small write to the catalogue."""
LEASE_SECONDS = 20.0
"""After how long without renewal another process takes over; candidates get nothing after 60 s. Source: our choice."""
Table = Literal["watcher_lease", "schedule_lease"]
"""Which lease: who decides about the rollout, or who runs what is scheduled."""


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """Who renewed a lease last (host and process; empty once it gave it up), and when (UTC, ISO 8601)."""

    holder: str
    renewed_at: str


def take(database: Database, table: Table, holder: str, now: str) -> bool:
    """Take or renew a lease at the moment ``now``, unless another has it; gives whether it is taken.

    A lease that was renewed after ``now`` by more than its length is of a clock ahead, and free as an old one is.
    """
    moment, length = datetime.fromisoformat(now), timedelta(seconds=LEASE_SECONDS)
    oldest, newest = (moment_text(moment + part) for part in (-length, length))
    with database.write(grows=False) as db:
        sql = (
            f"INSERT INTO {table} (id, holder, renewed_at) VALUES (1, ?1, ?2) ON CONFLICT (id) DO UPDATE"
            " SET holder = ?1, renewed_at = ?2 WHERE holder IN (?1, '')"
            " OR renewed_at NOT BETWEEN ?3 AND ?4"
        )
        return db.conn.execute(sql, (holder, now, oldest, newest)).rowcount == 1


def give_up(database: Database, table: Table, holder: str) -> None:
    """Let another process take over at once; the lease of another one stays, and so does when it was renewed last."""
    with database.write(grows=False) as db:
        db.conn.execute(f"UPDATE {table} SET holder = '' WHERE holder = ?", (holder,))


@contextmanager
def renewing(
    renew: Callable[[], object], thread: str, *, every_seconds: float, is_over: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Call ``renew`` again and again in a thread of that name, until the block ends or ``is_over`` says so.

    ``renew`` must not raise: what it raises would end the thread, and with it the lease.
    """
    ended = threading.Event()

    def renew_until_over() -> None:
        while not ended.wait(every_seconds) and not is_over():
            renew()

    renewer = threading.Thread(target=renew_until_over, name=thread, daemon=True)
    renewer.start()
    try:
        yield
    finally:
        ended.set()
        renewer.join()


def seen(database: Database, table: Table) -> LeaseSeen | None:
    """Who renewed a lease last, or ``None`` where that never was."""
    row = database.row(f"SELECT holder, renewed_at FROM {table} WHERE id = 1")
    return None if row is None else LeaseSeen(row["holder"], row["renewed_at"])
