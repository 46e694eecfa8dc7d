"""How often each query of a tenant was asked, by the ledger's hash of its text."""

from collections import Counter
from datetime import datetime

from indexing.ledger.day_sources import OnFault, Period, log_fault, query_days
from indexing.ledger.row_columns import Value
from indexing.ledger.store import LedgerStore


def query_counts(
    ledger: LedgerStore, tenant: str, since: datetime | None = None, *, on_fault: OnFault = log_fault
) -> Counter[str]:
    """How many answers each ``query_hash`` of a tenant got since a moment; reads every row of its days."""
    period = Period(since)
    sql = (
        "SELECT query_hash, count(*) FROM requests WHERE tenant = ? AND kind IN ('search', 'context')"
        " AND query_hash IS NOT NULL AND id >= ? AND id < ? GROUP BY query_hash"
    )
    counts: Counter[str] = Counter()
    parameters: list[Value] = [tenant, *period.ids]
    for _, (query_hash, count) in query_days(ledger, period, sql, parameters, has_ids=False, on_fault=on_fault):
        counts[bytes(query_hash).hex()] += count
    return counts
