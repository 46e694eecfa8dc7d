"""Secrets of a home: made once, kept in the catalogue, so that every process, host and backup of the home has them."""

import secrets

from indexing.catalogue.database import Database, utc_now

SECRET_BYTES = 32
"""256 random bits, enough for any key that is derived from it."""


def home_secret(database: Database, name: str) -> bytes:
    """The secret of that name, 32 bytes; it is made when it is first asked for, and is the same ever after."""
    found = _read(database, name)
    if found is None:
        with database.write() as db:
            sql = "INSERT OR IGNORE INTO secrets (name, value, created_at) VALUES (?, ?, ?)"
            db.conn.execute(sql, (name, secrets.token_hex(SECRET_BYTES), utc_now()))
            found = _read(database, name)
    assert found is not None  # noqa: S101 (it was just written, by this transaction or another)
    return found


def _read(database: Database, name: str) -> bytes | None:
    row = database.row("SELECT value FROM secrets WHERE name = ?", (name,))
    return None if row is None else bytes.fromhex(row["value"])


def last_number_told(database: Database) -> int:
    """The highest sequence number that was ever told as a number; later writes are told by tokens alone."""
    row = database.row("SELECT value FROM last_number_told")
    return 0 if row is None else int(row["value"])
