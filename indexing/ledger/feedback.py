"""Feedback: what users said and did about an answer, as rows of a day's file, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from indexing.errors import ArtefactCorrupt, InvalidInput
from indexing.ledger.row_columns import Value, hash_bytes, hash_text, storable_text
from indexing.records import Json

EXPLICIT = ("rate", "comment", "answered", "not_answered")
"""What users say: a rating, words, that this hit answered it, that nothing did."""
IMPLICIT = ("click", "copy", "cite", "dwell", "impression", "reformulate", "abandon")
"""What users do, or what an application sees of it: ``cite`` is a hit that an answer cites, ``impression`` one that was
shown."""
ACTIONS = (*EXPLICIT, *IMPLICIT)
POSITIVE = ("click", "copy", "cite", "answered")
"""Actions that speak for a hit."""

NEGATIVE = ("not_answered", "reformulate", "abandon")
"""Actions that speak against an answer, as does a rating below ``MIDDLE``."""
MIDDLE = 0.5
"""Of ratings, from 0 to 1."""

COLUMNS: Final[dict[str, str]] = {
    "query_id": "BLOB",
    "event": "BLOB",
    "tenant": "TEXT",
    "at_ms": "INTEGER",
    "received_ms": "INTEGER",
    "action": "TEXT",
    "document_id": "TEXT",
    "position": "INTEGER",
    "value": "REAL",
    "comment": "TEXT",
    "user_hash": "BLOB",
}
"""Each column of the table ``feedback`` with its type."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """One thing that was said or done about the answer to one query.

    It stands in the file of the day of its query, whether the query's own row is there yet or not.
    """

    id: str
    """``keyed_hash`` of the client's id of the event; of one query it is stored once."""
    query_id: UUID
    """The ledger id of the query's row."""
    at: datetime
    """When it happened, as the client says, but neither before the query nor after ``received_at``."""
    received_at: datetime
    """When the service got it: since then it is known."""
    tenant: str
    action: str
    """One of ``ACTIONS``."""
    document_id: str | None = None
    position: int | None = None
    """The rank at which the user saw the hit, from 1, as the client says."""
    value: float | None = None
    """Of ``rate`` the rating, 0 (worst) to 1 (best); of ``dwell`` milliseconds."""
    comment: str | None = None
    """Where the tenant's text may be kept."""
    user: str | None = None
    """``keyed_hash`` of the user's id, else of the client's; never the id itself."""

    @property
    def kind(self) -> str:
        """``explicit`` for what was said, ``implicit`` for what was done."""
        return "explicit" if self.action in EXPLICIT else "implicit"

    @property
    def is_negative(self) -> bool:
        """Whether it speaks against the answer."""
        return self.action in NEGATIVE or (self.action == "rate" and (self.value or 0.0) < MIDDLE)


def feedback_values(row: FeedbackRow) -> tuple[Value, ...]:
    """A row's cells in the order of ``COLUMNS``.

    Raises:
        InvalidInput: a hash has another form than ``keyed_hash`` gives, or the action is unknown.
    """
    if row.action not in ACTIONS:
        raise InvalidInput(f"Feedback {row.action[:40]!r} is unknown: expected one of {', '.join(ACTIONS)}.")
    return (
        *(row.query_id.bytes, hash_bytes("id", row.id), row.tenant, _milliseconds(row.at)),
        *(_milliseconds(row.received_at), row.action, storable_text(row.document_id), row.position, row.value),
        *(storable_text(row.comment), hash_bytes("user", row.user)),
    )


def feedback_from(values: Sequence[Json]) -> FeedbackRow:
    """The row whose cells ``feedback_values`` gave.

    Raises:
        ArtefactCorrupt: the cells are something else.
    """
    cell: dict[str, Json] = dict(zip(COLUMNS, values, strict=True))
    try:
        return FeedbackRow(
            id=cell["event"].hex(),
            query_id=UUID(bytes=cell["query_id"]),
            at=_moment(cell["at_ms"]),
            received_at=_moment(cell["received_ms"]),
            tenant=cell["tenant"],
            action=cell["action"],
            document_id=cell["document_id"],
            position=cell["position"],
            value=cell["value"],
            comment=cell["comment"],
            user=hash_text(cell["user_hash"]),
        )
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ArtefactCorrupt(f"Feedback in the ledger cannot be read ({error}): its file is damaged.") from error


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(at_ms: int) -> datetime:
    return _EPOCH + at_ms * _MILLISECOND
