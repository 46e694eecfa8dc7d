"""What the ledger knows beside a row: which answers named a document, which shadows copied a request."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from indexing.ledger.day_sources import OnFault, Period, log_fault, query_days
from indexing.ledger.hit_packing import unpack_hits
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow
from indexing.ledger.row_columns import COLUMNS, Value, row_from
from indexing.ledger.store import LedgerStore
from indexing.records import Partition

_ROW = ", ".join(COLUMNS)
_HITS = list(COLUMNS).index("hits")
_SHADOW_SECONDS = 3600
"""How long after a request its shadow is looked for: far longer than one waits. Source: our choice."""


def requests_naming(
    ledger: LedgerStore,
    partition: Partition,
    document_id: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    limit: int | None = None,
    on_fault: OnFault = log_fault,
) -> Iterator[RequestRow]:
    """The newest ``limit`` rows whose hits named a document; every row of its collection is looked at."""
    period = Period(since, until)
    where = "tenant = ? AND collection = ? AND hit_count > 0 AND id >= ? AND id < ?"
    sql = f"SELECT {_ROW} FROM requests WHERE {where} ORDER BY id DESC"
    parameters: list[Value] = [partition.tenant, partition.collection, *period.ids]
    found = query_days(ledger, period, sql, parameters, newest_first=True, on_fault=on_fault)
    named = (cells for _, cells in found if any(hit.document_id == document_id for hit in unpack_hits(cells[_HITS])))
    return (row_from(cells) for cells in islice(named, limit))


def shadows_of(ledger: LedgerStore, ledger_id: UUID, *, on_fault: OnFault = log_fault) -> list[RequestRow]:
    """The rows of the shadows that answered the query of a request again, oldest first."""
    moment = moment_of(ledger_id)
    period = Period(moment, moment + timedelta(seconds=_SHADOW_SECONDS))
    sql = f"SELECT {_ROW} FROM requests WHERE id >= ? AND id < ? AND shadow_of = ? ORDER BY id"
    parameters: list[Value] = [*period.ids, ledger_id.bytes]
    return [row_from(cells) for _, cells in query_days(ledger, period, sql, parameters, on_fault=on_fault)]
