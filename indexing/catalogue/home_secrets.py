"""Secrets of a home: made once, kept in the catalogue, so that every process, host and backup of the home has them."""

import secrets

from indexing.catalogue.database import Database, utc_now

SECRET_BYTES = 32
"""256 random bits, enough for any key that is derived from it."""
SEQUENCE_TOKENS = "sequence tokens"
"""The name of the secret under which tenants are given sequence numbers."""


def home_secret(database: Database, name: str) -> bytes:
    """The secret of that name, 32 bytes; made when it is first asked for, the same ever after unless it is renewed."""
    found = _read(database, name)
    if found is None:
        with database.write() as db:
            sql = "INSERT OR IGNORE INTO secrets (name, value, created_at) VALUES (?, ?, ?)"
            db.conn.execute(sql, (name, secrets.token_hex(SECRET_BYTES), utc_now()))
            found = _read(database, name)
    assert found is not None  # noqa: S101 (it was just written, by this transaction or another)
    return found


def renew_secret(database: Database, name: str) -> None:
    """Give the secret of that name another value, if it was ever asked for: nothing made under the old one is valid.

    Processes that have asked for it go on with the old one until they start again.
    """
    with database.write() as db:
        sql = "UPDATE secrets SET value = ?, created_at = ? WHERE name = ?"
        db.conn.execute(sql, (secrets.token_hex(SECRET_BYTES), utc_now(), name))


def _read(database: Database, name: str) -> bytes | None:
    row = database.row("SELECT value FROM secrets WHERE name = ?", (name,))
    return None if row is None else bytes.fromhex(row["value"])


def last_number_told(database: Database) -> int:
    """The highest sequence number that was ever told as a number; later writes are told by tokens alone."""
    row = database.row("SELECT value FROM last_number_told")
    return 0 if row is None else int(row["value"])
