"""Keyed hashes of what the ledger must not hold itself: users' ids, queries, the units of rollouts."""

import hashlib

LEDGER_SECRET = "ledger"  # noqa: S105 (the name of a row)
"""Name of the home's secret (``indexing.catalogue.home_secrets``) that keys them."""
_DIGEST_BYTES = 16
"""128 bits: two values of one home agree by chance once in 2**64 values."""
USER, QUERY, UNIT, EVENT = "user", "query", "unit", "event"
"""Purposes: hashes of one value for two purposes cannot be joined."""


def keyed_hash(secret: bytes, purpose: str, value: bytes) -> str:
    """The hash of ``value`` under a home's secret, 32 hexadecimal digits; the same for the same three.

    Args:
        secret: ``home_secret(catalogue, LEDGER_SECRET)``, at most 64 bytes.
        purpose: What the hash is for, at most 16 bytes, such as ``USER``.
        value: What must not be seen.
    """
    return hashlib.blake2b(value, digest_size=_DIGEST_BYTES, key=secret, person=purpose.encode()).hexdigest()
