"""What users said and did about requests, as rates that drift compares: of each request, whether it got any."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from eval.feedback.rates import LONG_DWELL_MS
from indexing.home import Home
from indexing.ledger.feedback import POSITIVE, FeedbackRow
from indexing.ledger.feedback_readers import feedback_of
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow

BAD_RATING = 0.5
"""A rating below it is bad: the middle of worst and best. Source: our choice."""
_KINDS: Final[Mapping[str, Callable[[FeedbackRow], bool]]] = {
    "helped": lambda row: row.action in POSITIVE,
    "read": lambda row: row.action == "dwell" and (row.value or 0.0) >= LONG_DWELL_MS,
    "rated badly": lambda row: row.action == "rate" and row.value is not None and row.value < BAD_RATING,
    "not answered": lambda row: row.action == "not_answered",
    "reformulated": lambda row: row.action == "reformulate",
    "abandoned": lambda row: row.action == "abandon",
}


def feedback_of_requests(home: Home, rows: Sequence[RequestRow]) -> Mapping[str, Sequence[bool]]:
    """By kind of feedback, of each row in order whether it got any; see ``FeedbackOfRequests``.

    Nothing where no row got any feedback at all: then none is collected, or it is still to come.
    """
    if not rows:
        return {}
    moments = [moment_of(row.id) for row in rows]
    since, until = min(moments), max(moments) + timedelta(milliseconds=1)
    tenants = {row.tenant for row in rows}
    only = tenants.pop() if len(tenants) == 1 else None
    wanted = {row.id for row in rows}
    got: dict[UUID, list[FeedbackRow]] = {}
    for event in feedback_of(home.ledger, only, since, until):
        if event.query_id in wanted:
            got.setdefault(event.query_id, []).append(event)
    if not got:
        return {}
    return {name: [any(map(is_so, got.get(row.id, ()))) for row in rows] for name, is_so in _KINDS.items()}
