"""The watcher's lease: which watcher of a home decides about its rollout, and when it last said so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from indexing.catalogue.database import Database
from indexing.records import moment_text

RENEW_SECONDS = 5.0
"""How often a watcher renews its lease; our choice: each renewal is one small write to the catalogue."""
LEASE_SECONDS = 20.0
"""After how long without renewal another watcher takes over; candidates get nothing after 60 s. Source: our choice."""


@dataclass(frozen=True, slots=True)
class WatcherSeen:
    """Which watcher renewed the lease last (host and process; empty once it gave it up), and when (UTC, ISO 8601)."""

    watcher: str
    renewed_at: str


def take_lease(database: Database, watcher: str, now: str) -> bool:
    """Take or renew the lease at the moment ``now``, unless another watcher has it; gives whether it is taken.

    A lease that was renewed after ``now`` by more than its length is of a clock ahead, and free as an old one is.
    """
    moment, length = datetime.fromisoformat(now), timedelta(seconds=LEASE_SECONDS)
    oldest, newest = (moment_text(moment + part) for part in (-length, length))
    with database.write(grows=False) as db:
        sql = (
            "INSERT INTO watcher_lease (id, watcher, renewed_at) VALUES (1, ?1, ?2) ON CONFLICT (id) DO UPDATE"
            " SET watcher = ?1, renewed_at = ?2 WHERE watcher IN (?1, '')"
            " OR renewed_at NOT BETWEEN ?3 AND ?4"
        )
        return db.conn.execute(sql, (watcher, now, oldest, newest)).rowcount == 1


def give_up_lease(database: Database, watcher: str) -> None:
    """Let another watcher take over at once; the lease of another one stays.

    When it was renewed last is kept, so that a candidate keeps its traffic while a watcher is restarted.
    """
    with database.write(grows=False) as db:
        db.conn.execute("UPDATE watcher_lease SET watcher = '' WHERE watcher = ?", (watcher,))


def watcher_seen(database: Database) -> WatcherSeen | None:
    """The watcher that renewed the lease last, or ``None`` where none ever ran."""
    row = database.row("SELECT watcher, renewed_at FROM watcher_lease WHERE id = 1")
    return None if row is None else WatcherSeen(row["watcher"], row["renewed_at"])
