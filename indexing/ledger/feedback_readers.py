"""Reading feedback: by itself, and beside the answers that it is about; what comes late is joined when it is read."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from indexing.errors import GroundworkError
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.feedback import COLUMNS, MIDDLE, NEGATIVE, FeedbackRow, feedback_from
from indexing.ledger.hit_packing import unpack_hits
from indexing.ledger.ids import moment_of
from indexing.ledger.row_columns import Value, hash_text, parsed_json, release_text
from indexing.ledger.store import LedgerStore

_Made = TypeVar("_Made")
_FEEDBACK = ", ".join(COLUMNS)
_ANSWER = "id, kind, tenant, collection, recipe, build, rollout, arm, mode, user_hash, query_hash, is_erased"
SHOWN_RANKS = 10
"""Ranks down to which hits count as shown, where no ``impression`` says what was. Source: our choice, a first page."""
_FAILED = 400
"""Statuses from here on are no answers: nothing was shown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query was answered, as far as feedback is about it."""

    id: UUID
    kind: str
    tenant: str
    collection: str
    release: str
    rollout: int | None
    arm: str
    mode: str
    user: str | None
    query_hash: str | None
    is_erased: bool = False
    """Whether hits were taken out, so that those after them stand at other ranks than they were shown at."""
    document_ids: tuple[str, ...] = ()
    """Of the hits, best first, each document once, by its best passage; empty unless asked for."""
    first_rank: int | None = 1
    """Where the first of them stood: after an ``offset`` further down. ``None`` where hits of other collections stood
    between them."""
    language: str | None = None
    """As it was guessed; ``None`` unless asked for."""
    query: str | None = None
    """The text of a single query, where it was kept; ``None`` unless asked for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which answers are read, all unless said otherwise, and what of them beside their assignment."""

    tenant: str | None = None
    collection: str | None = None
    rollout: int | None = None
    hits: bool = False
    language: bool = False
    text: bool = False

    @property
    def where(self) -> tuple[str, list[Value]]:
        """The condition in SQL, with its parameters."""
        given = (("tenant", self.tenant), ("collection", self.collection), ("rollout", self.rollout))
        asked: list[tuple[str, Value]] = [(name, value) for name, value in given if value is not None]
        return "".join(f" AND {name} = ?" for name, _ in asked), [value for _, value in asked]

    @property
    def columns(self) -> str:
        """What is selected: always as many columns, NULL for what is not asked for."""
        wanted = (("hits", self.hits), ("query_features", self.hits or self.language), ("query", self.text))
        return ", ".join((_ANSWER, *(name if is_asked else "NULL" for name, is_asked in wanted)))


ALL = Asked()


def feedback_of(
    ledger: LedgerStore,
    tenant: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    known_at: datetime | None = None,
    limit: int | None = None,
    newest_first: bool = False,
    on_fault: OnFault = log_fault,
) -> Iterator[FeedbackRow]:
    """Feedback about the queries of a period, in the order of their ids.

    Args:
        ledger: Whose.
        tenant: Of one tenant alone.
        since: Of queries from this moment on; ``None`` for all that is kept.
        until: Of queries before this moment.
        known_at: Only what the service had got by then.
        limit: At most so many.
        newest_first: Backwards.
        on_fault: Told of each day that cannot be read.
    """
    period = Period(since, until)
    where, parameters = "query_id >= ? AND query_id < ?", list[Value](period.ids)
    if tenant is not None:
        where, parameters = f"{where} AND tenant = ?", [*parameters, tenant]
    if known_at is not None:
        where, parameters = f"{where} AND received_ms <= ?", [*parameters, int(known_at.timestamp() * 1000)]
    order = "DESC" if newest_first else "ASC"
    sql = f"SELECT {_FEEDBACK} FROM feedback WHERE {where} ORDER BY query_id {order}, received_ms {order}, event"
    rows = _read(ledger, period, sql, parameters, feedback_from, on_fault, newest_first=newest_first)
    return islice(rows, limit)


def feedback_about(ledger: LedgerStore, query_id: UUID, *, on_fault: OnFault = log_fault) -> list[FeedbackRow]:
    """All feedback about one query, in the order in which it came."""
    moment = moment_of(query_id)
    sql = f"SELECT {_FEEDBACK} FROM feedback WHERE query_id = ? ORDER BY received_ms, event"
    period = Period(moment, moment + timedelta(milliseconds=1))
    return list(_read(ledger, period, sql, [query_id.bytes], feedback_from, on_fault))


def _read(
    ledger: LedgerStore,
    period: Period,
    sql: str,
    parameters: Sequence[Value],
    made: Callable[[Cells], _Made],
    on_fault: OnFault,
    *,
    newest_first: bool = False,
) -> Iterator[_Made]:
    """What is ``made`` of cells of feedback, which stands in the days' databases alone, compacted or not."""
    days = [one for one in list_days(ledger.folder) if period.covers(one.day)]
    for one in reversed(days) if newest_first else days:
        if one.database is None:
            continue
        try:
            with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
                yield from map(made, file.rows(sql, parameters))
        except GroundworkError as error:
            on_fault(DayFault(one.day, str(error)))


def negative_queries(
    ledger: LedgerStore,
    among: Collection[UUID],
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_fault: OnFault = log_fault,
) -> tuple[frozenset[UUID], bool]:
    """Those of some queries of a period whose answers users spoke against, and whether any feedback is of the period.

    Only the ids of what users spoke against are read, so that it may be asked each minute.
    """
    period, marks = Period(since, until), ", ".join("?" * len(NEGATIVE))
    within = "FROM feedback WHERE query_id >= ? AND query_id < ?"
    sql = (
        f"SELECT DISTINCT query_id {within}"
        f" AND (action IN ({marks}) OR (action = 'rate' AND coalesce(value, 0) < {MIDDLE}))"
    )
    negative = _read(ledger, period, sql, [*period.ids, *NEGATIVE], _query_id, on_fault)
    found = frozenset(negative).intersection(among)
    some = _read(ledger, period, f"SELECT query_id {within} LIMIT 1", period.ids, _query_id, lambda fault: None)
    return found, bool(found) or next(some, None) is not None


def _query_id(cells: Cells) -> UUID:
    return UUID(bytes=bytes(cells[0]))


def answers_of(
    ledger: LedgerStore,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    asked: Asked = ALL,
    on_fault: OnFault = log_fault,
) -> Iterator[Answer]:
    """What was answered in a period, without shadows and failures, in the order of the ids."""
    period = Period(since, until)
    more, parameters = asked.where
    sql = (
        f"SELECT {asked.columns} FROM requests WHERE kind IN ('search', 'context')"
        f" AND status < {_FAILED} AND id >= ? AND id < ?{more} ORDER BY id"
    )
    for day, cells in query_days(ledger, period, sql, [*period.ids, *parameters], on_fault=on_fault):
        try:
            answer = _answer(cells)
        except (GroundworkError, ValueError, AttributeError) as error:
            on_fault(DayFault(day, str(error)))
        else:
            yield answer


def _answer(cells: Cells) -> Answer:
    row_id, kind, tenant, collection, recipe, build, rollout, arm, mode, user, query_hash, *rest = cells
    is_erased, hits, packed, query = rest
    features = parsed_json(packed) or {}
    return Answer(
        *(UUID(bytes=bytes(row_id)), kind, tenant, collection, release_text(recipe, build), rollout, arm, mode),
        *(hash_text(user), hash_text(query_hash), bool(is_erased)),
        document_ids=tuple(dict.fromkeys(hit.document_id for hit in unpack_hits(hits))),
        first_rank=None if "collections" in features else 1 + int(features.get("offset", 0)),
        language=features.get("language"),
        query=parsed_json(query).get("query") if query else None,
    )


def answers_with_feedback(
    ledger: LedgerStore,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    asked: Asked = ALL,
    known_at: datetime | None = None,
    on_unjoined: Callable[[FeedbackRow], None] = lambda row: None,
    on_fault: OnFault = log_fault,
) -> Iterator[tuple[Answer, tuple[FeedbackRow, ...]]]:
    """Each answer of a period with all feedback about it, in the order of the ids.

    ``on_unjoined`` is told of feedback that no such answer is there for: its row is still to come, was lost or erased,
    or is not one of those ``asked`` for. ``known_at`` as in ``feedback_of``.
    """
    feedback = feedback_of(ledger, asked.tenant, since, until, known_at=known_at, on_fault=on_fault)
    waiting = next(feedback, None)
    for answer in answers_of(ledger, since, until, asked=asked, on_fault=on_fault):
        about = []
        while waiting is not None and waiting.query_id.bytes <= answer.id.bytes:
            if waiting.query_id == answer.id:
                about.append(waiting)
            else:
                on_unjoined(waiting)
            waiting = next(feedback, None)
        yield answer, tuple(about)
    while waiting is not None:
        on_unjoined(waiting)
        waiting = next(feedback, None)


def shown_documents(answer: Answer, about: Sequence[FeedbackRow], depth: int) -> Iterator[tuple[int, str]]:
    """The documents of an answer that its user saw, as ``(rank, document id)``, rank counted from 1.

    Where its feedback has an ``impression`` only documents with one were shown, else those of the first ``depth``
    ranks. The answer must have been read with its hits; none of one whose hits' ranks are not known.
    """
    if answer.first_rank is None:
        return
    seen = {row.document_id for row in about if row.action == "impression"}
    for rank, name in enumerate(answer.document_ids, answer.first_rank):
        if name in seen if seen else rank <= depth:
            yield rank, name
