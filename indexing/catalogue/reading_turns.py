"""Whose turn it is to be read: claims under a lease, fair between tenants, and how each reading ends."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.file_readings import MAX_REJECTS, SELECT, ErrorCode, Reading, reading_of
from indexing.records import Document, moment_text

MOST_ATTEMPTS = 3
"""After how many processes that ended while they read a file it has failed; our choice, so that no file takes down
one process after another."""


def claim_reading(database: Database, holder: str, *, most: int, lease_seconds: float) -> Reading | None:
    """Take the next reading whose turn it is, unless enough are taken; ``None`` where there is none.

    Of the tenants that wait, the one whose turn is longest ago is next; of its readings, the oldest. A reading whose
    holder did not renew it for ``lease_seconds`` waits again.

    Args:
        database: The catalogue.
        holder: Who takes it.
        most: How many readings may be taken at once, by all holders together.
        lease_seconds: How long a holder may be silent.
    """
    now, oldest, newest = _lease(lease_seconds)
    with database.write(grows=False) as db:
        sql = (
            "SELECT count(*) AS n FROM file_readings WHERE state = 'in_progress' AND step = 'reading' AND holder != ''"
            " AND renewed_at BETWEEN ? AND ?"
        )
        taken = database.row(sql, (oldest, newest))
        if taken is not None and taken["n"] >= most:
            return None
        number = _next(database, oldest, newest)
        if number is None:
            return None
        db.conn.execute(
            "UPDATE file_readings SET step = 'reading', holder = ?, renewed_at = ?, attempts = attempts + 1"
            " WHERE number = ?",
            (holder, now, number),
        )
        db.conn.execute(
            "INSERT INTO file_reading_turns (tenant, turn) SELECT tenant,"
            " (SELECT coalesce(max(turn), 0) + 1 FROM file_reading_turns) FROM file_readings WHERE number = ?"
            " ON CONFLICT (tenant) DO UPDATE SET turn = excluded.turn",
            (number,),
        )
        row = database.row(f"{SELECT} WHERE r.number = ?", (number,))
    return None if row is None else reading_of(row)


def is_any_in_progress(database: Database) -> bool:
    """Whether any reading is not over."""
    return database.row("SELECT 1 FROM file_readings WHERE state = 'in_progress' LIMIT 1") is not None


def has_waiting(database: Database, *, lease_seconds: float) -> bool:
    """Whether a reading waits to be taken; ``lease_seconds`` as in ``claim_reading``."""
    _, oldest, newest = _lease(lease_seconds)
    return _next(database, oldest, newest) is not None


def _lease(seconds: float) -> tuple[str, str, str]:
    """This moment, and between which moments a lease was renewed that still holds; a clock ahead counts for none."""
    now = utc_now()
    moment, length = datetime.fromisoformat(now), timedelta(seconds=seconds)
    return now, moment_text(moment - length), moment_text(moment + length)


def _next(database: Database, oldest: str, newest: str) -> int | None:
    row = database.row(
        "SELECT min(r.number) AS number FROM file_readings r LEFT JOIN file_reading_turns t ON t.tenant = r.tenant"
        " WHERE r.state = 'in_progress' AND r.step IN ('waiting', 'reading')"
        " AND (r.holder = '' OR r.renewed_at NOT BETWEEN ?1 AND ?2)"
        " GROUP BY r.tenant ORDER BY coalesce(t.turn, 0), number LIMIT 1",
        (oldest, newest),
    )
    return None if row is None else int(row["number"])


def renew_reading(database: Database, reading: Reading, holder: str) -> bool:
    """Say that a holder still reads a file; gives whether it is still the holder's to read."""
    with database.write(grows=False) as db:
        sql = (
            "UPDATE file_readings SET renewed_at = ? WHERE number = ? AND holder = ? AND state = 'in_progress'"
            " AND step = 'reading'"
        )
        return db.conn.execute(sql, (utc_now(), reading.number, holder)).rowcount == 1


def give_back(database: Database, holder: str) -> None:
    """Let others read at once what a holder has taken and will not finish; it counts as no attempt."""
    with database.write(grows=False) as db:
        db.conn.execute(
            "UPDATE file_readings SET step = 'waiting', holder = '', attempts = attempts - 1"
            " WHERE holder = ? AND state = 'in_progress' AND step = 'reading'",
            (holder,),
        )


class ReadingLost(Exception):
    """A reading is not its holder's any more: it was cancelled, taken away or forgotten."""


def record_documents(
    database: Database, reading: Reading, holder: str, documents: Sequence[Document], rejects: Sequence[str]
) -> None:
    """Note, in the transaction that stores them, what a reading made of its file; from now on they are to be found.

    Args:
        database: Inside a write.
        reading: Which one.
        holder: Who read it.
        documents: What the file gave, as it was stored.
        rejects: What of it is no document, and why.

    Raises:
        ReadingLost: the holder does not have the reading any more; then nothing must be stored.
    """
    with database.write() as db:
        if not renew_reading(database, reading, holder):
            raise ReadingLost(f"reading {reading.number}")
        key = (reading.tenant, reading.collection)
        db.conn.executemany(
            "INSERT OR REPLACE INTO file_documents (tenant, collection, id, reading, content_sha256)"
            " VALUES (?, ?, ?, ?, ?)",
            [(*key, one.id, reading.number, one.content_sha256) for one in documents],
        )
        db.conn.execute(
            "UPDATE file_readings SET step = 'indexing', holder = '', rejects = ?, usage_bytes = ? WHERE number = ?",
            (
                json.dumps(list(rejects[:MAX_REJECTS]), ensure_ascii=False),
                sum(len(one.text.encode("utf-8", "surrogatepass")) for one in documents),
                reading.number,
            ),
        )


def list_indexing(database: Database, *, after: int = 0, limit: int = 200) -> list[Reading]:
    """The readings whose documents are stored and not known to be found, from the first with a higher number on."""
    sql = f"{SELECT} WHERE r.state = 'in_progress' AND r.step = 'indexing' AND r.number > ? ORDER BY r.number LIMIT ?"
    return [reading_of(row) for row in database.rows(sql, (after, limit))]


def complete_reading(database: Database, reading: Reading) -> bool:
    """Say that searches find what a reading made; gives whether it was in progress."""
    return _end(database, reading, "completed", None, None)


def fail_reading(
    database: Database, reading: Reading, code: ErrorCode, message: str, rejects: Sequence[str] = ()
) -> bool:
    """Say why a file gave no documents; gives whether it was in progress."""
    if rejects:
        with database.write(grows=False) as db:
            kept = json.dumps(list(rejects[:MAX_REJECTS]), ensure_ascii=False)
            db.conn.execute("UPDATE file_readings SET rejects = ? WHERE number = ?", (kept, reading.number))
            return _end(database, reading, "failed", code, message)
    return _end(database, reading, "failed", code, message)


def cancel_reading(database: Database, reading: Reading) -> bool:
    """End a reading whose documents are not stored yet; gives whether it was."""
    with database.write(grows=False) as db:
        sql = (
            "UPDATE file_readings SET state = 'cancelled', step = 'done', holder = '', ended_at = ? WHERE number = ?"
            " AND state = 'in_progress' AND step != 'indexing'"
        )
        return db.conn.execute(sql, (utc_now(), reading.number)).rowcount == 1


def _end(database: Database, reading: Reading, state: str, code: str | None, message: str | None) -> bool:
    with database.write(grows=False) as db:
        sql = (
            "UPDATE file_readings SET state = ?, step = 'done', holder = '', error_code = ?, error_message = ?,"
            " ended_at = ? WHERE number = ? AND state = 'in_progress'"
        )
        return db.conn.execute(sql, (state, code, message, utc_now(), reading.number)).rowcount == 1
