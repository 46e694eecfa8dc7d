"""Requests for builds: who needs one writes it down, and ``groundwork builder`` runs it."""

from dataclasses import dataclass

from indexing.catalogue.database import Database, utc_now


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A build that somebody asked for: why, and up to which sequence number it must hold the writes."""

    id: int
    reason: str
    seq: int
    created_at: str


_OPEN = (
    "SELECT * FROM build_requests WHERE seq > coalesce((SELECT r.seq FROM releases r WHERE r.retired_at IS NULL AND"
    " r.recipe = (SELECT recipe FROM deployments ORDER BY id DESC LIMIT 1) ORDER BY r.build DESC LIMIT 1), -1)"
)
"""Those that the newest build of the recipe in service does not satisfy."""


def request_build(database: Database, reason: str) -> BuildRequest:
    """Ask for a build that holds every write until now. An open request that asks for as much serves again."""
    with database.write() as db:
        sql = f"{_OPEN} AND reason = ? AND seq >= ? ORDER BY id DESC LIMIT 1"
        found = database.row(sql, (reason, database.sequence()))
        if found is None:
            db.conn.execute(
                "INSERT INTO build_requests (reason, seq, created_at) VALUES (?, ?, ?)",
                (reason, database.sequence(), utc_now()),
            )
            found = database.row("SELECT * FROM build_requests ORDER BY id DESC LIMIT 1")
    assert found is not None  # noqa: S101 (it was just written)
    return BuildRequest(**found)


def open_requests(database: Database) -> list[BuildRequest]:
    """The requests that no build has satisfied yet, oldest first."""
    return [BuildRequest(**row) for row in database.rows(f"{_OPEN} ORDER BY id")]
