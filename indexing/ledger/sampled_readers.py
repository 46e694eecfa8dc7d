"""A sample of the answers of a period, spread evenly over it, so that a busy period costs no more than a quiet one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_sources import DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.records import RequestRow
from indexing.ledger.row_columns import COLUMNS, Value, row_from
from indexing.ledger.store import LedgerStore
from indexing.records import Partition

_ROW = ", ".join(COLUMNS)
_ANSWERS = "kind IN ('search', 'context') AND error IS NULL AND is_whole = 1"
"""What was asked and answered, and is kept in full."""
_OF_ONE_RELEASE = f"{_ANSWERS} AND arm != 'interleaved'"
"""Of these, what one release answered. An interleaving takes units by a hash, so that the others are a fair sample."""


def sampled_answers(
    ledger: LedgerStore,
    period: Period,
    *,
    most: int,
    tenant: str | None = None,
    collection: str | None = None,
    recipe: int | None = None,
    on_fault: OnFault = log_fault,
) -> tuple[int, list[RequestRow]]:
    """How many answers a period has, and at most ``most`` of them in the order of their ids.

    Every n-th of each process is taken, by the numbers that processes give their rows, whatever they say. Interleaved
    answers are left out: they hold hits of two releases.

    Args:
        ledger: Whose rows.
        period: From when until when.
        most: How many rows at most, >= 1.
        tenant: Of one tenant alone.
        collection: Of one collection alone.
        recipe: Of what releases of one recipe answered alone.
        on_fault: Told of each day that cannot be read.
    """
    where, parameters = f"{_OF_ONE_RELEASE} AND id >= ? AND id < ?", list[Value](period.ids)
    for column, value in (("tenant", tenant), ("collection", collection), ("recipe", recipe)):
        if value is not None:
            where, parameters = f"{where} AND {column} = ?", [*parameters, value]
    counted = query_days(
        ledger, period, f"SELECT count(*) FROM requests WHERE {where}", parameters, has_ids=False, on_fault=on_fault
    )
    total = sum(cells[0] for _, cells in counted)
    stride = max(1, -(-total // most))
    sql = f"SELECT {_ROW} FROM requests WHERE {where} AND number % ? = 0 ORDER BY id"
    return total, list(islice(_rows(ledger, period, sql, [*parameters, stride], on_fault), most))


def collections_asked(ledger: LedgerStore, period: Period, *, on_fault: OnFault = log_fault) -> dict[Partition, int]:
    """The collections that were asked in a period, with how many answers each."""
    sql = (
        f"SELECT tenant, collection, count(*) FROM requests WHERE {_ANSWERS} AND id >= ? AND id < ?"
        " GROUP BY tenant, collection"
    )
    found: Counter[Partition] = Counter()
    counted = query_days(ledger, period, sql, list[Value](period.ids), has_ids=False, on_fault=on_fault)
    for _, (tenant, collection, count) in counted:
        found[Partition(tenant, collection)] += count
    return dict(found)


def _rows(
    ledger: LedgerStore, period: Period, sql: str, parameters: Sequence[Value], on_fault: OnFault
) -> Iterator[RequestRow]:
    for day, cells in query_days(ledger, period, sql, parameters, on_fault=on_fault):
        try:
            yield row_from(cells)
        except ArtefactCorrupt as error:
            on_fault(DayFault(day, str(error)))
