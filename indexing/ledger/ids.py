"""Ids of ledger rows: UUIDv7, which sort by the moment they were made at and name the day of their file."""

import base64
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from indexing.errors import InvalidInput

_MILLISECONDS = 48
"""Bits of the moment. Source: RFC 9562, section 5.7."""
_VERSION = 7
"""Of UUIDs that begin with their moment. Source: RFC 9562, section 5.7."""
_ID_BYTES = 16
"""Of a UUID."""
_END_MS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""The calendar's last day, in milliseconds since 1970: 48 bits reach further, but no row was made then."""
_DAY_MS = 86_400_000
"""Milliseconds of a UTC day."""
_DAYS = 64
"""Days that are remembered: those of one batch are one or two. Our choice."""
_QUERY_ID_CHARACTERS = 32
"""Of an answer's ``query_id``: URL-safe base64 of the id and 8 bytes of a tag."""


def first_id(at_ms: int) -> UUID:
    """The lowest id of that millisecond: every id of it or later is at least as high, every earlier one lower.

    Source: RFC 9562, section 5.7.
    """
    return made_id(at_ms, 0, 0)


def made_id(at_ms: int, fraction: int, rest: int) -> UUID:
    """An id of that millisecond, with 12 bits of a fraction of it and 62 further bits.

    Source: RFC 9562, sections 5.7 and 6.2.
    """
    if not 0 <= at_ms < 1 << _MILLISECONDS:
        raise InvalidInput(f"{at_ms} is not a moment: expected milliseconds since 1970 below 2**48.")
    return UUID(int=at_ms << 80 | _VERSION << 76 | fraction << 64 | 0b10 << 62 | rest)


def milliseconds_of(ledger_id: UUID) -> int:
    """The moment of an id, in milliseconds since 1970."""
    return ledger_id.int >> 80


def moment_of(ledger_id: UUID) -> datetime:
    """The moment of an id, in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds_of(ledger_id) / 1000, UTC)


def day_of(ledger_id: UUID) -> date:
    """The UTC day whose file holds the row of that id."""
    return _day(milliseconds_of(ledger_id) // _DAY_MS)


@lru_cache(_DAYS)
def _day(number: int) -> date:
    """So many days after 1970 began."""
    return date(1970, 1, 1) + timedelta(days=number)


def find_ledger_id(text: str) -> UUID | None:
    """The ledger id that ``text`` writes or, as the ``query_id`` of an answer, holds; ``None`` for anything else.

    Whether a query id was really given to a tenant is not looked at: its row says whose it is.
    """
    try:
        raw = base64.b64decode(text, b"-_", validate=True) if len(text) == _QUERY_ID_CHARACTERS else UUID(text).bytes
    except ValueError:
        return None
    found = UUID(bytes=raw[:_ID_BYTES])
    return found if found.version == _VERSION and milliseconds_of(found) < _END_MS else None
