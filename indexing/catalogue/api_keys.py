"""API keys: made, shown once, stored as hashes, scoped, expiring if asked, and revoked."""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.names import MAX_NAME_CHARS
from indexing.catalogue.tenants import PAGE, require_open
from indexing.errors import InvalidInput, NotFound
from indexing.records import moment_text

SCOPES = ("search", "write", "admin")
"""What a key may do with its own tenant: ask, change documents, look after keys."""
OPERATOR = "operator"
"""The scope of those who look after all tenants. Only the command line gives it."""
MAX_BOUND = 100
"""Collections, or principals, that a key is bound to. Our choice: more are a tenant's, or a request's."""
MAX_PRINCIPAL_CHARACTERS = 512
"""The longest name of a principal, in code points. Our choice."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_VALID = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?) AND t.revoked_at IS NULL"
_SELECT = "SELECT k.*, t.requests_per_minute, t.log_queries FROM api_keys k JOIN tenants t ON t.id = k.tenant WHERE"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; its secret is not. ``id`` is public and stands in lists and logs.

    ``collections`` are those that it opens, ``None`` for all of its tenant; ``principals`` are whom it asks for,
    ``None`` for whom each request names.
    """

    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    collections: tuple[str, ...] | None = None
    principals: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a key is bound to, beside its tenant and scopes; see ``Key``."""

    collections: Sequence[str] | None = None
    principals: Sequence[str] | None = None

    def checked(self, scopes: Sequence[str]) -> "Bounds":
        """These without repetition and in order, if a key with such scopes may be bound so.

        Raises:
            InvalidInput: it may not; or a name is malformed, or there are none or too many.
        """
        if self.collections is not None and not set(scopes) <= {"search", "write"}:
            raise InvalidInput(
                f"A key with the scopes {', '.join(scopes)} cannot be bound to collections, which it could leave by"
                " making another key: expected search, write, or both."
            )
        if self.principals is not None and tuple(scopes) != ("search",):
            raise InvalidInput(
                f"A key with the scopes {', '.join(scopes)} cannot be bound to principals, since it sees all that it"
                " may change: expected the scope search alone."
            )
        return Bounds(
            _names("collection", self.collections, MAX_NAME_CHARS),
            _names("principal", self.principals, MAX_PRINCIPAL_CHARACTERS),
        )


def _names(what: str, names: Sequence[str] | None, most: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    found = tuple(sorted(set(names)))
    if not 0 < len(found) <= MAX_BOUND:
        raise InvalidInput(f"A key is bound to 1 to {MAX_BOUND} {what}s, and not to {len(found)}.")
    for name in found:
        if not 0 < len(name) <= most or not name.isprintable():
            raise InvalidInput(f"{name[:most]!r} is not a {what}: expected 1 to {most} printable characters.")
    return found


@dataclass(frozen=True, slots=True)
class Admission:
    """A key that opens its tenant now, how many requests that tenant may send, and if its queries may be logged."""

    key: Key
    requests_per_minute: int | None
    log_queries: bool


UNBOUND = Bounds()
"""Of a key that opens all of its tenant, for whom each request names."""


def hash_key(secret: str) -> str:
    """How an API key is stored: its sha256 (keys are random, so no salt is needed)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """What a key is known by: 256 random bits, with a prefix that scanners for leaked secrets can look for."""
    return f"gw_{secrets.token_urlsafe(32)}"


def _key(row: Row) -> Key:
    return Key(
        row["id"],
        row["tenant"],
        row["name"],
        tuple(json.loads(row["scopes"])),
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        *(None if row[name] is None else tuple(json.loads(row[name])) for name in ("collections", "principals")),
    )


def create_key(
    database: Database,
    tenant: str,
    *,
    scopes: Iterable[str] = SCOPES,
    name: str = "",
    expires_at: datetime | None = None,
    bounds: Bounds = UNBOUND,
) -> tuple[Key, str]:
    """Give ``tenant`` a new key.

    Returns:
        The key, and its secret, which cannot be read again: only its hash is stored.

    Raises:
        NotFound: there is no such tenant.
        InvalidInput: the tenant was revoked, a scope is unknown or none is given, the name is too long,
        ``expires_at`` is in the past, or a key with these scopes cannot be bound so.
    """
    if len(name) > 128 or not name.isprintable():
        raise InvalidInput(f"{name[:128]!r} is not a key's name: expected up to 128 printable characters.")
    until = None if expires_at is None else stored_moment(expires_at)
    if until is not None and until <= utc_now():
        raise InvalidInput(f"The key would have expired already, at {until}: give a later moment, or none.")
    secret, ordered = new_secret(), _ordered(scopes)
    bounds = bounds.checked(ordered)
    with database.write():
        require_open(database, tenant)
        return _insert(database, tenant, secret, ordered, name, until, bounds, is_default=False), secret


def adopt_key(database: Database, tenant: str, secret: str) -> None:
    """Let a secret that was chosen elsewhere open ``tenant`` with all scopes of ``SCOPES``, as its default key.

    Raises:
        InvalidInput: the key was given out before, to another tenant or to be revoked.
    """
    with database.write():
        row = database.row("SELECT * FROM api_keys WHERE key_sha256 = ?", (hash_key(secret),))
        if row is None:
            _insert(database, tenant, secret, SCOPES, "default", None, UNBOUND, is_default=True)
        elif row["tenant"] != tenant or row["revoked_at"] or (row["expires_at"] or "9") <= utc_now():
            raise InvalidInput("This key belongs to another tenant, or was revoked: choose another.")


def revoke_other_defaults(database: Database, tenant: str, secret: str) -> None:
    """Let only ``secret`` be the default key of ``tenant``; keys that ``create_key`` made are left alone."""
    with database.write() as db:
        db.conn.execute(
            "UPDATE api_keys SET revoked_at = ? WHERE tenant = ? AND key_sha256 != ? AND is_default AND"
            " revoked_at IS NULL",
            (utc_now(), tenant, hash_key(secret)),
        )


def admit(database: Database, secret: str) -> Admission | None:
    """What a secret opens now, by two index lookups; ``None`` if it or its tenant is unknown, expired or revoked."""
    row = database.row(f"{_SELECT} k.key_sha256 = ? AND {_VALID}", (hash_key(secret), utc_now()))
    return None if row is None else Admission(_key(row), row["requests_per_minute"], bool(row["log_queries"]))


def list_keys(database: Database, tenant: str | None = None, *, after: str = "", limit: int = PAGE) -> list[Key]:
    """The next keys, the oldest first, expired and revoked ones included.

    Args:
        database: Where from.
        tenant: Whose keys; ``None`` for those of all tenants.
        after: The id of the last key of the page before; empty for the first page.
        limit: How many at most.
    """
    wanted, values = ("k.tenant = ?", [tenant]) if tenant is not None else ("1", [])
    if after:
        wanted += f" AND (k.created_at, k.id) > (SELECT k.created_at, k.id FROM api_keys k WHERE k.id = ? AND {wanted})"
        values = [*values, after, *values]
    rows = database.rows(f"{_SELECT} {wanted} ORDER BY k.created_at, k.id LIMIT ?", (*values, limit))
    return [_key(row) for row in rows]


def read_key(database: Database, key_id: str, tenant: str | None = None) -> Key:
    """One key, if it belongs to ``tenant`` (``None``: to any tenant).

    Raises:
        NotFound: there is no such key, or it is another tenant's: the two answers are the same.
    """
    row = database.row("SELECT * FROM api_keys WHERE id = ?", (key_id,))
    if row is None or tenant not in (None, row["tenant"]):
        raise NotFound(f"No key {key_id!r}: see 'groundwork keys list', or GET /v1/keys.")
    return _key(row)


def revoke_key(database: Database, key_id: str, tenant: str | None = None) -> Key:
    """Let a key open nothing from now on, for ever.

    Raises:
        NotFound: there is no such key, or it is another tenant's.
    """
    with database.write() as db:
        read_key(database, key_id, tenant)
        db.conn.execute("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (utc_now(), key_id))
        return read_key(database, key_id)


def count_operators(database: Database) -> int:
    """How many keys with the scope ``operator`` open their tenant now."""
    sql = f"SELECT count(*) AS n FROM api_keys k JOIN tenants t ON t.id = k.tenant WHERE {_VALID} AND k.scopes LIKE ?"
    row = database.row(sql, (utc_now(), f'%"{OPERATOR}"%'))
    return 0 if row is None else int(row["n"])


def parse_expiry(text: str) -> datetime:
    """When ``30d`` (or ``m``, ``h``, ``w``) from now is, or a date (its beginning, UTC), or a moment with its zone.

    Raises:
        InvalidInput: the text is neither.
    """
    try:
        if (span := re.fullmatch(r"([0-9]{1,9})([mhdw])", text)) is not None:
            return datetime.fromisoformat(utc_now()) + timedelta(**{_UNITS[span[2]]: int(span[1])})
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
            raise ValueError("a moment needs its zone")
        return moment.replace(tzinfo=moment.tzinfo or UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text[:40]!r} is not an expiry: expected a span such as 30d, a date such as 2026-12-31, or a moment with"
            " its zone such as 2026-12-31T18:00Z."
        ) from None


def stored_moment(value: datetime) -> str:
    """The form in which moments are stored and compared.

    Raises:
        InvalidInput: the moment has no form in UTC.
    """
    try:
        return moment_text(value)
    except OverflowError:
        raise InvalidInput(f"{value} is beyond the calendar: give an earlier moment, or none.") from None


def _ordered(scopes: Iterable[str]) -> tuple[str, ...]:
    wanted, known = set(scopes), (*SCOPES, OPERATOR)
    if not wanted or wanted - set(known):
        raise InvalidInput(
            f"{', '.join(sorted(wanted - set(known))) or 'No scope'} will not do: expected some of {', '.join(known)}."
        )
    return tuple(scope for scope in known if scope in wanted)


def _listed(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else json.dumps(names, ensure_ascii=False)


def _fresh_id() -> str:
    return "k_" + "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(10))


def _insert(
    database: Database,
    tenant: str,
    secret: str,
    scopes: tuple[str, ...],
    name: str,
    expires_at: str | None,
    bounds: Bounds,
    *,
    is_default: bool,
) -> Key:
    collections, principals = (
        None if names is None else tuple(names) for names in (bounds.collections, bounds.principals)
    )
    key = Key(_fresh_id(), tenant, name, scopes, utc_now(), expires_at, None, collections, principals)
    with database.write() as db:
        db.conn.execute(
            "INSERT INTO api_keys (key_sha256, id, tenant, name, scopes, created_at, expires_at, is_default,"
            " collections, principals) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                hash_key(secret),
                key.id,
                tenant,
                name,
                json.dumps(scopes),
                key.created_at,
                expires_at,
                int(is_default),
                _listed(collections),
                _listed(principals),
            ),
        )
    return key
