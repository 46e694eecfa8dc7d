"""The questions that the ledger answers, each in one call over all its days: who was served what, by what."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from uuid import UUID

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow
from indexing.ledger.row_columns import COLUMNS, Value, release_text, row_from
from indexing.ledger.store import LedgerStore

_ROW = ", ".join(COLUMNS)
_ANSWERS = "kind IN ('search', 'context')"
"""What a tenant was served: neither shadows nor calls of language models."""
_TAIL = 8
"""Characters at the end of a caller's request id that the index holds; ids often begin alike. Our choice."""
MOST_NAMED = 1000
"""Requests that one id of a caller is told to name, at most: what a list of the newest may hold, too. Our choice."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many answers of a period one arm of one release gave, and what part of all that is, in [0, 1]."""

    release: str
    arm: str
    requests: int
    share: float


@dataclass(frozen=True, slots=True)
class ServedTenant:
    """What served a tenant in a period: the shares of releases and arms, and the newest rows.

    ``faults`` are the days that could not be read.
    """

    tenant: str
    shares: list[Share]
    newest: list[RequestRow]
    faults: list[DayFault]

    @property
    def answers(self) -> int:
        """How many it was given."""
        return sum(one.requests for one in self.shares)


@dataclass(frozen=True, slots=True)
class ReleaseDay:
    """How many rows of a day name a release."""

    day: date
    release: str
    kind: str
    requests: int


def served_request(ledger: LedgerStore, ledger_id: UUID, *, on_fault: OnFault = log_fault) -> RequestRow | None:
    """What served the request of that ledger id; ``None`` where its day has no such row."""
    moment = moment_of(ledger_id)
    period = Period(moment, moment + timedelta(milliseconds=1))
    sql = f"SELECT {_ROW} FROM requests WHERE id = ?"
    found = query_days(ledger, period, sql, [ledger_id.bytes], on_fault=on_fault)
    return next(_rows(found, on_fault), None)


def requests_named(
    ledger: LedgerStore,
    request_id: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    tenant: str | None = None,
    limit: int = MOST_NAMED,
    on_fault: OnFault = log_fault,
) -> list[RequestRow]:
    """The newest ``limit`` rows with the caller's own request id, oldest first: callers may give one id to many."""
    period = Period(since, until)
    # Of a bare column SQLite would take another index, and look at every row of the day: so each is in an expression.
    where = (
        f"substr(request_id, -{_TAIL}) = ? AND request_id || '' = ? AND CAST(id AS BLOB) >= ? AND CAST(id AS BLOB) < ?"
    )
    parameters: list[Value] = [request_id[-_TAIL:], request_id, *period.ids]
    if tenant is not None:
        where, parameters = f"{where} AND tenant || '' = ?", [*parameters, tenant]
    sql = f"SELECT {_ROW} FROM requests WHERE {where} ORDER BY CAST(id AS BLOB) DESC LIMIT ?"
    found = query_days(ledger, period, sql, [*parameters, limit], newest_first=True, on_fault=on_fault)
    return list(islice(_rows(found, on_fault), limit))[::-1]


def requests_of(
    ledger: LedgerStore,
    tenant: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    collection: str | None = None,
    kinds: Collection[str] | None = None,
    limit: int | None = None,
    newest_first: bool = False,
    on_fault: OnFault = log_fault,
) -> Iterator[RequestRow]:
    """The rows of a tenant, or of all, from ``since`` up to and without ``until``, in the order of their ids.

    Args:
        ledger: Whose rows.
        tenant: Of one tenant alone.
        since: From this moment on; ``None`` for all that is kept.
        until: Before this moment.
        collection: Of one collection alone.
        kinds: Of these kinds alone, such as ``ANSWER_KINDS``; the limit counts no others.
        limit: At most so many.
        newest_first: Backwards.
        on_fault: Told of each day that cannot be read.
    """
    period = Period(since, until)
    where, parameters = "id >= ? AND id < ?", list[Value](period.ids)
    for column, value in (("tenant", tenant), ("collection", collection)):
        if value is not None:
            where, parameters = f"{where} AND {column} = ?", [*parameters, value]
    if kinds is not None:
        where, parameters = f"{where} AND kind IN ({', '.join('?' * len(kinds))})", [*parameters, *kinds]
    return _listed(ledger, period, where, parameters, limit, newest_first, on_fault)


def requests_of_recipes(
    ledger: LedgerStore,
    recipes: Collection[int],
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    limit: int | None = None,
    newest_first: bool = False,
    on_fault: OnFault = log_fault,
) -> Iterator[RequestRow]:
    """The rows that releases of these recipes answered, of all tenants; arguments as in ``requests_of``."""
    period = Period(since, until)
    where = f"recipe IN ({', '.join('?' * len(recipes))}) AND id >= ? AND id < ?"
    return _listed(ledger, period, where, [*sorted(recipes), *period.ids], limit, newest_first, on_fault)


def _listed(
    ledger: LedgerStore,
    period: Period,
    where: str,
    parameters: list[Value],
    limit: int | None,
    newest_first: bool,
    on_fault: OnFault,
) -> Iterator[RequestRow]:
    sql = f"SELECT {_ROW} FROM requests WHERE {where} ORDER BY id {'DESC' if newest_first else 'ASC'}"
    if limit is not None:
        sql, parameters = f"{sql} LIMIT ?", [*parameters, limit]
    found = query_days(ledger, period, sql, parameters, newest_first=newest_first, on_fault=on_fault)
    return islice(_rows(found, on_fault), limit)


def _rows(found: Iterator[tuple[date, Cells]], on_fault: OnFault) -> Iterator[RequestRow]:
    """The rows of cells; one that is damaged is told as a fault of its day, and left out."""
    for day, cells in found:
        try:
            row = row_from(cells)
        except ArtefactCorrupt as error:
            on_fault(DayFault(day, str(error)))
        else:
            yield row


def shares(
    ledger: LedgerStore,
    tenant: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_fault: OnFault = log_fault,
) -> list[Share]:
    """Which releases, in which arm, answered a tenant (or all) in a period, the most answers first."""
    period = Period(since, until)
    where, parameters = f"{_ANSWERS} AND id >= ? AND id < ?", list[Value](period.ids)
    if tenant is not None:
        where, parameters = f"tenant = ? AND {where}", [tenant, *parameters]
    # All of it stands in the index, so that no row is read.
    sql = f"SELECT recipe, build, arm, count(*) FROM requests WHERE {where} GROUP BY recipe, build, arm"
    counts: Counter[tuple[str, str]] = Counter()
    for _, (recipe, build, arm, count) in query_days(ledger, period, sql, parameters, has_ids=False, on_fault=on_fault):
        counts[release_text(recipe, build), arm] += count
    total = counts.total()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Share(release, arm, count, count / total) for (release, arm), count in ordered]


def served_tenant(
    ledger: LedgerStore, tenant: str, since: datetime | None, until: datetime | None, limit: int
) -> ServedTenant:
    """What served a tenant from ``since`` up to and without ``until``, with the newest ``limit`` rows."""
    faults: list[DayFault] = []
    found = shares(ledger, tenant, since, until, on_fault=faults.append)
    rows = requests_of(ledger, tenant, since, until, limit=limit, newest_first=True, on_fault=lambda fault: None)
    return ServedTenant(tenant, found, list(rows), faults)


def recipe_days(
    ledger: LedgerStore,
    recipes: Collection[int],
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_fault: OnFault = log_fault,
) -> list[ReleaseDay]:
    """How many rows of each day name releases of these recipes, oldest day first."""
    period = Period(since, until)
    marks = ", ".join("?" * len(recipes))
    sql = (
        "SELECT recipe, build, kind, count(*) FROM requests"
        f" WHERE recipe IN ({marks}) AND id >= ? AND id < ? GROUP BY recipe, build, kind"
    )
    counts: Counter[tuple[date, int, int, str]] = Counter()
    parameters: list[Value] = [*sorted(recipes), *period.ids]
    for day, (recipe, build, kind, count) in query_days(
        ledger, period, sql, parameters, has_ids=False, on_fault=on_fault
    ):
        counts[day, recipe, build, kind] += count
    return [
        ReleaseDay(day, release_text(recipe, build), kind, count)
        for (day, recipe, build, kind), count in sorted(counts.items())
    ]
