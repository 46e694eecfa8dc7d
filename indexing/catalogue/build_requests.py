"""Requests for builds: what needs one writes it down, and ``groundwork builder`` runs it."""

from dataclasses import dataclass

from indexing.catalogue.database import Database, utc_now

PAGE = 100
"""How many requests a list gives unless told otherwise; our choice, as other lists."""


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A build that was asked for: why, and up to which sequence number it must hold the writes.

    ``tenant`` is the one whose write asked for it; ``None``: the installation itself did.
    """

    id: int
    reason: str
    seq: int
    created_at: str
    tenant: str | None = None


_COLUMNS = "id, reason, seq, created_at, tenant"
_OPEN = (
    "build_requests WHERE seq > coalesce((SELECT r.seq FROM releases r WHERE r.retired_at IS NULL AND"
    " r.recipe = (SELECT recipe FROM deployments ORDER BY id DESC LIMIT 1) ORDER BY r.build DESC LIMIT 1), -1)"
)
"""Those that the newest build of the recipe in service does not satisfy."""


def request_build(database: Database, reason: str, *, tenant: str | None = None) -> BuildRequest:
    """Ask for a build that holds every write until now. An open request that asks for as much serves again."""
    with database.write() as db:
        seq = database.sequence()
        sql = f"SELECT {_COLUMNS} FROM {_OPEN} AND reason = ? AND tenant IS ? AND seq >= ? ORDER BY id DESC LIMIT 1"
        found = database.row(sql, (reason, tenant, seq))
        if found is not None:
            return BuildRequest(**found)
        now = utc_now()
        sql = "INSERT INTO build_requests (reason, seq, created_at, tenant) VALUES (?, ?, ?, ?)"
        number = db.conn.execute(sql, (reason, seq, now, tenant)).lastrowid
    return BuildRequest(number or 0, reason, seq, now, tenant)


def open_requests(
    database: Database, *, tenant: str | None = None, after: int = 0, limit: int | None = None
) -> list[BuildRequest]:
    """The requests that no build has satisfied yet, oldest first.

    Args:
        database: The catalogue.
        tenant: Only those that this tenant's writes asked for; ``None`` for all.
        after: Only those with a higher id.
        limit: How many at most; ``None`` for all.
    """
    sql = f"SELECT {_COLUMNS} FROM {_OPEN} AND (?1 IS NULL OR tenant = ?1) AND id > ?2 ORDER BY id LIMIT ?3"
    return [BuildRequest(**row) for row in database.rows(sql, (tenant, after, -1 if limit is None else limit))]


def count_open_requests(database: Database) -> int:
    """How many requests no build has satisfied yet."""
    row = database.row(f"SELECT count(*) AS n FROM {_OPEN}")
    return 0 if row is None else int(row["n"])
