"""The watcher's lease: which watcher of a home decides about its rollout, and when it last said so."""

from dataclasses import dataclass

from indexing.catalogue import process_lease
from indexing.catalogue.database import Database
from indexing.catalogue.process_lease import LEASE_SECONDS, RENEW_SECONDS

__all__ = ["LEASE_SECONDS", "RENEW_SECONDS", "WatcherSeen", "give_up_lease", "take_lease", "watcher_seen"]


@dataclass(frozen=True, slots=True)
class WatcherSeen:
    """Which watcher renewed the lease last (host and process; empty once it gave it up), and when (UTC, ISO 8601)."""

    watcher: str
    renewed_at: str


def take_lease(database: Database, watcher: str, now: str) -> bool:
    """Take or renew the lease at the moment ``now``, unless another watcher has it; gives whether it is taken."""
    return process_lease.take(database, "watcher_lease", watcher, now)


def give_up_lease(database: Database, watcher: str) -> None:
    """Let another watcher take over at once; the lease of another one stays.

    When it was renewed last is kept, so that a candidate keeps its traffic while a watcher is restarted.
    """
    process_lease.give_up(database, "watcher_lease", watcher)


def watcher_seen(database: Database) -> WatcherSeen | None:
    """The watcher that renewed the lease last, or ``None`` where none ever ran."""
    found = process_lease.seen(database, "watcher_lease")
    return None if found is None else WatcherSeen(found.holder, found.renewed_at)
