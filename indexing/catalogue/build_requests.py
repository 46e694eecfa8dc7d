"""Requests for builds: who needs one writes it down, and ``groundwork builder`` runs it."""

from dataclasses import dataclass

from indexing.catalogue.database import Catalogue, utc_now


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


def request_build(catalogue: Catalogue, reason: str) -> BuildRequest:
    """Ask for a build that holds every write until now. An open request that asks for as much serves again."""
    with catalogue.write() as db:
        sql = f"{_OPEN} AND reason = ? AND seq >= ? ORDER BY id DESC LIMIT 1"
        found = catalogue.row(sql, (reason, catalogue.sequence()))
        if found is None:
            db.conn.execute(
                "INSERT INTO build_requests (reason, seq, created_at) VALUES (?, ?, ?)",
                (reason, catalogue.sequence(), utc_now()),
            )
            found = catalogue.row("SELECT * FROM build_requests ORDER BY id DESC LIMIT 1")
    assert found is not None  # noqa: S101 (it was just written)
    return BuildRequest(**found)


def open_requests(catalogue: Catalogue) -> list[BuildRequest]:
    """The requests that no build has satisfied yet, oldest first."""
    return [BuildRequest(**row) for row in catalogue.rows(f"{_OPEN} ORDER BY id")]
