"""Ids of ledger rows: UUIDv7, which sort by the moment they were made at and name the day of their file."""

import base64
import secrets
import time
from datetime import UTC, date, datetime
from uuid import UUID

from indexing.errors import InvalidInput

_RANDOM_BITS = 74
"""What RFC 9562 (section 5.7) leaves beside 48 bits of milliseconds, version and variant."""
_SUFFIX_BITS = 62
"""Those of them that stand behind the variant. Source: RFC 9562, section 5.7."""
_MILLISECONDS = 48
"""Bits of the moment. Source: RFC 9562, section 5.7."""
_VERSION = 7
"""Of UUIDs that begin with their moment. Source: RFC 9562, section 5.7."""
_ID_BYTES = 16
"""Of a UUID."""
_QUERY_ID_CHARACTERS = 32
"""Of an answer's ``query_id``: URL-safe base64 of the id and 8 bytes of a tag."""


def new_ledger_id(at_ms: int | None = None) -> UUID:
    """A new id of the moment ``at_ms``, milliseconds since 1970, by default now.

    Source: RFC 9562, section 5.7.
    """
    moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    return _uuid7(moment, secrets.randbits(_RANDOM_BITS))


def first_id(at_ms: int) -> UUID:
    """The lowest id of that millisecond: every id of it or later is at least as high, every earlier one lower."""
    return _uuid7(at_ms, 0)


def _uuid7(at_ms: int, rest: int) -> UUID:
    if not 0 <= at_ms < 1 << _MILLISECONDS:
        raise InvalidInput(f"{at_ms} is no moment: expected milliseconds since 1970 below 2**48.")
    high, low = rest >> _SUFFIX_BITS, rest & ((1 << _SUFFIX_BITS) - 1)
    return UUID(int=at_ms << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)


def milliseconds_of(ledger_id: UUID) -> int:
    """The moment of an id, in milliseconds since 1970."""
    return ledger_id.int >> 80


def moment_of(ledger_id: UUID) -> datetime:
    """The moment of an id, in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds_of(ledger_id) / 1000, UTC)


def day_of(ledger_id: UUID) -> date:
    """The UTC day whose file holds the row of that id."""
    return moment_of(ledger_id).date()


def find_ledger_id(text: str) -> UUID | None:
    """The ledger id that ``text`` writes or, as the ``query_id`` of an answer, holds; ``None`` for anything else.

    Whether a query id was really given to a tenant is not looked at: its row says whose it is.
    """
    try:
        raw = base64.b64decode(text, b"-_", validate=True) if len(text) == _QUERY_ID_CHARACTERS else UUID(text).bytes
    except ValueError:
        return None
    found = UUID(bytes=raw[:_ID_BYTES])
    return found if found.version == _VERSION else None


def parse_ledger_id(text: str) -> UUID:
    """The id that ``text`` writes.

    Raises:
        InvalidInput: it is no UUID of version 7.
    """
    found = find_ledger_id(text)
    if found is None:
        raise InvalidInput(
            f"{text[:60]!r} is no ledger id: expected a UUID of version 7, such as"
            " 0192f0c1-8e2a-7d3b-9c55-0a1b2c3d4e5f."
        )
    return found
