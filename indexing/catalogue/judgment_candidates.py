"""The rows of candidates for judging: proposed, counted when proposed again, accepted or rejected once."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from indexing.catalogue.database import Database, Row
from indexing.records import Json, Partition, moment_text

OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
"""How a candidate stands."""
_PROPOSED = "tenant, collection, query, document, source, evidence, user_hash, proposed_at"


def propose(database: Database, rows: list[Mapping[str, Json]]) -> int:
    """Store candidates, all or none; gives how many are new.

    One that is there already is counted once more and, while it is open, takes the newer evidence; what was decided
    stays decided. Rows have tenant, collection, query, document (empty for any), source, evidence (JSON), user_hash
    and proposed_at.
    """
    columns = _PROPOSED.split(", ")
    with database.write() as db:
        before = db.conn.execute("SELECT count(*) FROM judgment_candidates").fetchone()[0]
        db.conn.executemany(
            f"INSERT INTO judgment_candidates ({_PROPOSED}, times, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 'open')"
            " ON CONFLICT (tenant, collection, query, document) DO UPDATE SET times = times + 1,"
            " proposed_at = excluded.proposed_at,"
            " evidence = CASE state WHEN 'open' THEN excluded.evidence ELSE evidence END",
            [tuple(row[column] for column in columns) for row in rows],
        )
        return int(db.conn.execute("SELECT count(*) FROM judgment_candidates").fetchone()[0]) - int(before)


def candidate_row(database: Database, number: int) -> Row | None:
    """The candidate of that number, or ``None``."""
    return database.row("SELECT * FROM judgment_candidates WHERE id = ?", (number,))


def candidate_rows(database: Database, *, state: str, partition: Partition | None, limit: int) -> list[Row]:
    """Candidates in a state, of one partition or of all; those that were proposed most often first."""
    sql = (
        "SELECT * FROM judgment_candidates WHERE state = ?1 AND (?2 IS NULL OR (tenant = ?2 AND collection = ?3))"
        " ORDER BY times DESC, id LIMIT ?4"
    )
    tenant, collection = (None, None) if partition is None else (partition.tenant, partition.collection)
    return list(database.rows(sql, (state, tenant, collection, limit)))


def forget_candidates_older_than(database: Database, days: float, now: str) -> int:
    """Forget what was last proposed more than so many days before a moment (UTC, ISO 8601); gives how many.

    Their queries are what users asked, and the ledger of so many days holds those no more; what was accepted is in a
    set.
    """
    oldest = moment_text(datetime.fromisoformat(now) - timedelta(days=days))
    with database.write() as db:
        return int(db.conn.execute("DELETE FROM judgment_candidates WHERE proposed_at < ?", (oldest,)).rowcount)


def decide(database: Database, number: int, *, state: str, actor: str, reason: str, at: str) -> bool:
    """Record what was decided of an open candidate; gives whether it was open."""
    with database.write() as db:
        sql = (
            "UPDATE judgment_candidates SET state = ?, decided_by = ?, reason = ?, decided_at = ?"
            " WHERE id = ? AND state = 'open'"
        )
        return db.conn.execute(sql, (state, actor, reason, at, number)).rowcount == 1
