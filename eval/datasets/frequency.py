"""Head and tail: whether a query is asked often or seldom, by what the ledger counted of its very text."""

from datetime import UTC, datetime, timedelta

from eval.datasets.slices import UNKNOWN, Frequency
from indexing.catalogue.home_secrets import home_secret
from indexing.home import Home
from indexing.ledger.hashes import LEDGER_SECRET, QUERY, keyed_hash
from indexing.ledger.query_counts import query_counts

DAYS = 7
"""Days of the ledger that are counted: every day of a week, and not much to read. Source: our choice."""
LEAST_REQUESTS = 1_000
"""Requests that a tenant must have made in them; of fewer, what is asked often is chance. Source: our choice."""
_HEAD_SHARE = 0.5
"""The most frequent queries that together make so much of the traffic are its head. Source: our choice."""


def frequency_in_ledger(home: Home, tenant: str, now: datetime | None = None) -> Frequency:
    """Tells ``head`` or ``tail`` of a query's text; ``unknown`` where the tenant asked too little to tell.

    The ledger is counted here, so call it outside of the catalogue's transactions.
    """
    head = _head(home, tenant, now or datetime.now(UTC))
    if head is None:
        return lambda text: UNKNOWN
    secret = home_secret(home.catalogue, LEDGER_SECRET)

    def frequency(text: str) -> str:
        return "head" if keyed_hash(secret, QUERY, text.encode("utf-8", "surrogatepass")) in head else "tail"

    return frequency


def _head(home: Home, tenant: str, now: datetime) -> frozenset[str] | None:
    """The hashes of the head's queries; ``None`` where there are too few requests."""
    counts = query_counts(home.ledger, tenant, now - timedelta(days=DAYS))
    total, seen, head = counts.total(), 0, set()
    if total < LEAST_REQUESTS:
        return None
    for query_hash, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if seen >= _HEAD_SHARE * total or count == 1:
            break
        head.add(query_hash)
        seen += count
    return frozenset(head)
