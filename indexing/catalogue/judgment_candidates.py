"""The rows of candidates for judging: proposed, counted when proposed again, accepted or rejected once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from indexing.catalogue.database import Database, Row
from indexing.records import Json, Partition, moment_text

OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
"""How a candidate stands."""
_COLUMNS = ("tenant", "collection", "query", "document", "source", "evidence", "proposed_at", "asked_at")
_PROPOSE = (
    "INSERT INTO judgment_candidates (tenant, collection, query, document, source, evidence, proposed_at, asked_at,"
    " times, state) VALUES (:tenant, :collection, :query, :document, :source, :evidence, :proposed_at,"
    " coalesce(:asked_at, :proposed_at), 1, 'open')"
    " ON CONFLICT (tenant, collection, query, document) DO UPDATE SET"
    " times = times + (:asked_at IS NULL OR :asked_at > asked_at),"
    " asked_at = max(asked_at, excluded.asked_at), proposed_at = excluded.proposed_at,"
    " evidence = CASE state WHEN 'open' THEN excluded.evidence ELSE evidence END"
    " RETURNING id"
)
_UNKNOWN = ""
"""Stands among the askers of a candidate for those of whom no user is known."""
_OF_USER = (
    "id IN (SELECT candidate FROM judgment_candidate_askers WHERE user_hash = ?2)"
    " AND NOT EXISTS (SELECT 1 FROM judgment_candidate_askers WHERE candidate = id AND user_hash != ?2)"
)


def propose(database: Database, rows: Sequence[Mapping[str, Json]]) -> int:
    """Store candidates, all or none; gives how many are new.

    One that is there already takes the newer evidence while it is open, and counts once more where it was asked since,
    or where that is not said; what was decided stays decided. Rows have tenant, collection, query, document (empty for
    any), source, evidence (JSON), proposed_at, asked_at (``None`` where it is no request) and ``askers``, the hashes of
    users with ``None`` for unknown ones.
    """
    with database.write() as db:
        before = db.conn.execute("SELECT count(*) FROM judgment_candidates").fetchone()[0]
        for row in rows:
            candidate = db.conn.execute(_PROPOSE, {name: row[name] for name in _COLUMNS}).fetchone()[0]
            db.conn.executemany(
                "INSERT INTO judgment_candidate_askers (candidate, user_hash) VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(candidate, one or _UNKNOWN) for one in row["askers"]],
            )
        return int(db.conn.execute("SELECT count(*) FROM judgment_candidates").fetchone()[0]) - int(before)


def candidate_row(database: Database, number: int) -> Row | None:
    """The candidate of that number, or ``None``; ``user_hash`` is one who asked it, where any is known."""
    asker = "(SELECT max(user_hash) FROM judgment_candidate_askers WHERE candidate = c.id)"
    sql = f"SELECT c.*, nullif({asker}, '{_UNKNOWN}') AS user_hash FROM judgment_candidates c WHERE id = ?"
    return database.row(sql, (number,))


def candidate_rows(database: Database, *, state: str, partition: Partition | None, limit: int) -> list[Row]:
    """Candidates in a state, of one partition or of all; those that were proposed most often first."""
    sql = (
        "SELECT * FROM judgment_candidates WHERE state = ?1 AND (?2 IS NULL OR (tenant = ?2 AND collection = ?3))"
        " ORDER BY times DESC, id LIMIT ?4"
    )
    tenant, collection = (None, None) if partition is None else (partition.tenant, partition.collection)
    return list(database.rows(sql, (state, tenant, collection, limit)))


def forget_candidates_older_than(database: Database, days: float, now: str) -> int:
    """Forget what was last asked more than so many days before a moment (UTC, ISO 8601); gives how many.

    Their queries are what users asked, and the ledger of so many days holds those no more; what was accepted is in a
    set.
    """
    oldest = moment_text(datetime.fromisoformat(now) - timedelta(days=days))
    with database.write() as db:
        return int(db.conn.execute("DELETE FROM judgment_candidates WHERE asked_at < ?", (oldest,)).rowcount)


def decide(database: Database, number: int, *, state: str, actor: str, reason: str, at: str) -> bool:
    """Record what was decided of an open candidate; gives whether it was open."""
    with database.write() as db:
        sql = (
            "UPDATE judgment_candidates SET state = ?, decided_by = ?, reason = ?, decided_at = ?"
            " WHERE id = ? AND state = 'open'"
        )
        return db.conn.execute(sql, (state, actor, reason, at, number)).rowcount == 1


def count_of_asker(database: Database, tenant: str, user_hash: str) -> int:
    """How many candidates of a tenant a user asked, alone or with others."""
    sql = (
        "SELECT count(*) AS n FROM judgment_candidate_askers a JOIN judgment_candidates c ON c.id = a.candidate"
        " WHERE c.tenant = ?1 AND a.user_hash = ?2"
    )
    row = database.row(sql, (tenant, user_hash))
    return 0 if row is None else int(row["n"])


def forget_asker(database: Database, tenant: str, user_hash: str) -> None:
    """Delete the candidates of a tenant that a user alone asked, and take the user from what others asked too."""
    with database.write() as db:
        db.conn.execute(f"DELETE FROM judgment_candidates WHERE tenant = ?1 AND {_OF_USER}", (tenant, user_hash))
        sql = (
            "DELETE FROM judgment_candidate_askers WHERE user_hash = ?2"
            " AND candidate IN (SELECT id FROM judgment_candidates WHERE tenant = ?1)"
        )
        db.conn.execute(sql, (tenant, user_hash))
