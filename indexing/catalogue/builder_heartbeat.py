"""The builder's heartbeat: when a builder of this home was last seen, for those whose writes wait for one."""

from dataclasses import dataclass
from datetime import datetime

from indexing.catalogue.database import Database

BEAT_SECONDS = 5.0
"""How often a builder says that it runs; our choice: each beat is one small write to the catalogue."""
GONE_SECONDS = 30.0
"""After how long without a beat a builder counts as gone: as long as a busy catalogue may hold up one write.
Our choice."""


@dataclass(frozen=True, slots=True)
class BuilderSeen:
    """Which builder beat last (host and process), and when (UTC, ISO 8601)."""

    builder: str
    seen_at: str

    def is_running(self, now: str) -> bool:
        """Whether that is so recent at the moment ``now`` (UTC, ISO 8601) that the builder can be taken to run."""
        age = datetime.fromisoformat(now) - datetime.fromisoformat(self.seen_at)
        return age.total_seconds() <= GONE_SECONDS


def record_beat(database: Database, builder: str, now: str) -> None:
    """Write down that ``builder`` runs at the moment ``now``."""
    with database.write(grows=False) as db:
        sql = "INSERT OR REPLACE INTO builder_heartbeat (id, builder, seen_at) VALUES (1, ?, ?)"
        db.conn.execute(sql, (builder, now))


def forget_beat(database: Database, builder: str) -> None:
    """Forget the heartbeat of a builder that ends; that of another one stays."""
    with database.write(grows=False) as db:
        db.conn.execute("DELETE FROM builder_heartbeat WHERE builder = ?", (builder,))


def builder_seen(database: Database) -> BuilderSeen | None:
    """The builder that beat last, or ``None`` where none ever ran, or the last one ended as it should."""
    row = database.row("SELECT builder, seen_at FROM builder_heartbeat WHERE id = 1")
    return None if row is None else BuilderSeen(row["builder"], row["seen_at"])


def is_builder_running(database: Database, now: str) -> bool:
    """Whether a builder beat recently."""
    seen = builder_seen(database)
    return seen is not None and seen.is_running(now)
