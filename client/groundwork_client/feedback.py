"""Feedback in few words, as the event of the User Behavior Insights schema that the API takes."""

from datetime import UTC, datetime
from typing import Literal, TypeAlias

from groundwork_client.generated import bodies

Action: TypeAlias = Literal[
    "rate",
    "comment",
    "answered",
    "not_answered",
    "click",
    "copy",
    "cite",
    "dwell",
    "impression",
    "reformulate",
    "abandon",
]
"""What a user said or did; docs/operations.md says which are about a hit."""


def attributes(
    document_id: str | int | None, position: int | None, rating: float | None, dwell_ms: float | None
) -> bodies.FeedbackAttributes:
    """The details of an event; what is not given is left out."""
    found: bodies.FeedbackAttributes = {}
    if document_id is not None:
        found["object"] = {"object_id": document_id}
    if position is not None:
        found["position"] = {"ordinal": position}
    if rating is not None:
        found["rating"] = rating
    if dwell_ms is not None:
        found["dwell_ms"] = dwell_ms
    return found


def now() -> datetime:
    """The moment of an event that tells none, read once a call: each try sends the same event."""
    return datetime.now(UTC)
