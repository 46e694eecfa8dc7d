"""Query ids: the ids of ledger rows as callers see them, each with a keyed tag of its tenant.

The tag says without any look-up that an id was given by this home, and to which tenant. Ids of one process increase.

Source: RFC 9562, sections 5.7 and 6.2 (method 3: a clock finer than milliseconds); RFC 7693 (keyed BLAKE2b).
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable
from uuid import UUID

from indexing.errors import InvalidInput
from indexing.ledger.ids import made_id

SECRET = "query ids"  # noqa: S105 (the name of a row)
"""The name of the home's secret."""
TAG_BYTES = 8
"""A made-up id is taken for a true one with probability 2**-64, and each try is a request."""
QUERY_ID_CHARACTERS = 32
"""16 bytes of id and 8 of tag in URL-safe base64, which then needs no padding."""
_ID_BYTES = 16
"""Of a UUID."""
_TICKS = 4096
"""Parts of a millisecond: what the twelve bits after the version hold."""
_NANOSECONDS = 1_000_000
"""Of a millisecond."""
_RANDOM_BITS = 62
"""At the end of a UUID of version 7, behind its variant (RFC 9562)."""
_PURPOSE = b"query id"


class LedgerIds:
    """Makes ids of ledger rows, UUIDs of version 7, each higher than the one before. Safe to share between threads."""

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """Take the moment, nanoseconds since 1970, from ``clock_ns``; one that goes back makes no id lower."""
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._last = 0

    def new(self) -> UUID:
        """The id of a request that begins now. What is not the moment in it is random, so that ids tell no counts."""
        with self._lock:
            ticks = self._last = max(self._last + 1, self._clock_ns() * _TICKS // _NANOSECONDS)
        at_ms, fraction = divmod(ticks, _TICKS)
        return made_id(at_ms, fraction, secrets.randbits(_RANDOM_BITS))


class QueryIds:
    """Writes and reads the query ids of every tenant of a home. Safe to share between threads."""

    def __init__(self, secret: bytes) -> None:
        """Use the home's ``secret``; processes that share it read each other's ids."""
        self._secret = secret

    def text(self, tenant: str, ledger_id: UUID) -> str:
        """The id of a row of this tenant, as its answer tells it: the same each time."""
        raw = ledger_id.bytes
        return base64.urlsafe_b64encode(raw + self._tag(tenant, raw)).decode()

    def read(self, tenant: str, text: str) -> UUID:
        """The id in a query id that this tenant was given. Whether its row is there, the ledger says.

        Raises:
            InvalidInput: the text is no query id, or another tenant's or home's.
        """
        if len(text) == QUERY_ID_CHARACTERS:
            try:
                raw = base64.b64decode(text.encode("ascii"), b"-_", validate=True)
            except (binascii.Error, UnicodeEncodeError):
                raw = b""
            if raw and hmac.compare_digest(raw[_ID_BYTES:], self._tag(tenant, raw[:_ID_BYTES])):
                return UUID(bytes=raw[:_ID_BYTES])
        raise InvalidInput(
            f"query_id {text[:QUERY_ID_CHARACTERS]!r} is not one of this tenant: expected the 'query_id' of one of its"
            " answers, as it was given."
        )

    def _tag(self, tenant: str, raw: bytes) -> bytes:
        """Of the id and the tenant's name; the id has always the same length, so no two pairs are one text."""
        named = raw + tenant.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(named, key=self._secret, digest_size=TAG_BYTES, person=_PURPOSE).digest()
