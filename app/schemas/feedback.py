"""The shapes of ``POST /v1/feedback``: an event of the User Behavior Insights schema 1.3, tied to a query.

Source: o19s/ubi, schema/1.3.0/event.schema.json.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.schemas.scalars import NO_TEXT, Moment, Number
from app.schemas.search import MAX_USER_CHARACTERS
from indexing.records import MAX_INTEGER

MAX_NAME, MAX_COMMENT, MAX_DOCUMENT_ID = 100, 1024, 512
"""Code points of names and of a comment at most (source: UBI 1.3), and of a document id (ours; UBI allows 256)."""
MAX_POSITION = 1_000_000
"""A rank that is taken at most; our choice: far behind any that is shown."""
MAX_DWELL_MS = 86_400_000
"""A day: what is longer was no reading. Our choice."""
Name = Annotated[str, StringConstraints(max_length=MAX_NAME)]
Person = Annotated[str, StringConstraints(max_length=MAX_USER_CHARACTERS)]
ActionName: TypeAlias = Literal[
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
    "click_through",
    "view",
]
"""``indexing.ledger.feedback.ACTIONS``, and what UBI calls some of them; a test holds them equal."""
ALSO_CALLED = {"click_through": "click", "view": "impression"}
"""Names that UBI has for the same."""
_ABOUT_A_HIT = ("answered", "click", "copy", "cite", "dwell", "impression")
"""Actions that say nothing without the document that they are about."""


class FeedbackObject(BaseModel):
    """The hit that an event is about."""

    object_id: (
        Annotated[str, StringConstraints(min_length=1, max_length=MAX_DOCUMENT_ID)]
        | Annotated[int, Field(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER)]
    ) = Field(description="The `document_id` of the hit.")


class FeedbackPosition(BaseModel):
    """Where the user saw it. UBI's `xy` is read and not kept."""

    ordinal: Annotated[int, Field(ge=1, le=MAX_POSITION), NO_TEXT] | None = Field(
        None, description="The rank of the hit as it was shown, from 1; left out, the rank in the answer counts."
    )


class FeedbackAttributes(BaseModel):
    """The details of an event. What is not listed here is allowed, as UBI has it, and not kept."""

    object: FeedbackObject | None = Field(None, description="Needed by all actions that are about a hit.")
    position: FeedbackPosition | None = None
    rating: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        None, description="Of `rate`: 0 is worst, 1 is best; thumbs are 0 and 1, stars of five (stars - 1) / 4."
    )
    dwell_ms: Annotated[Number, Field(ge=0, le=MAX_DWELL_MS)] | None = Field(
        None, description="Of `dwell`: how long the user read, in milliseconds."
    )


class FeedbackEvent(BaseModel):
    """One event of the User Behavior Insights schema 1.3. Further fields are allowed, as UBI has it, and not kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "action_name": "click",
                    "query_id": "AZ38m2Q1cAC3hQvW7m2Xo0PAeT6hHk2b",
                    "timestamp": "2026-11-29T09:30:00Z",
                    "user_id": "u-4711",
                    "event_id": "7f3e2a90-click-1",
                    "event_attributes": {"object": {"object_id": "refunds"}, "position": {"ordinal": 2}},
                },
                {
                    "action_name": "rate",
                    "query_id": "AZ38m2Q1cAC3hQvW7m2Xo0PAeT6hHk2b",
                    "timestamp": "2026-11-29T09:31:10Z",
                    "message": "The second article had it.",
                    "event_attributes": {"rating": 1},
                },
            ]
        }
    )

    action_name: ActionName = Field(
        description="What was said (rate, comment, answered: this hit answered it, not_answered: nothing did) or done"
        " (click, copy, cite, dwell, impression, reformulate, abandon). UBI's click_through and view are click and"
        " impression."
    )
    query_id: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)] = Field(
        description="The `query_id` of the answer that it is about, as it was given."
    )
    timestamp: Moment = Field(description="When it happened, with its time zone.")
    event_id: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)] | None = Field(
        None,
        description="Your id of the event: of one query it counts once, however often it is sent. Left out, an event"
        " that is the same in all that is kept counts once. Beyond UBI.",
    )
    user_id: Person | None = Field(None, description="The person, by the same id as the `user` of searches.")
    client_id: Person | None = Field(None, description="The browser or service; stands for the person without one.")
    session_id: Name | None = Field(None, description="Read and not kept.")
    application: Name | None = Field(None, description="Read and not kept.")
    message_type: Name | None = Field(None, description="Read and not kept.")
    message: Annotated[str, StringConstraints(max_length=MAX_COMMENT)] | None = Field(
        None, description="A comment, kept where the tenant's text may be."
    )
    event_attributes: FeedbackAttributes | None = None

    @property
    def action(self) -> str:
        """What was said or done, by our name."""
        return ALSO_CALLED.get(self.action_name, self.action_name)

    @property
    def attributes(self) -> FeedbackAttributes:
        """The details, if only empty ones."""
        return self.event_attributes or FeedbackAttributes()

    @property
    def lacking(self) -> list[str]:
        """What its action cannot do without and is not there."""
        given, action = self.attributes, self.action
        missing = {
            "event_attributes.rating": action == "rate" and given.rating is None,
            "event_attributes.dwell_ms": action == "dwell" and given.dwell_ms is None,
            "message": action == "comment" and not (self.message or "").strip(),
            "event_attributes.object.object_id": action in _ABOUT_A_HIT and given.object is None,
        }
        return [name for name, is_lacking in missing.items() if is_lacking]


class FeedbackAnswer(BaseModel):
    """What was taken. It is written within a second, and counts once however often it is sent."""

    query_id: str
    event: str = Field(description="What identifies the event in the ledger: a keyed hash of its id.")
    action: str
    has_comment: bool = Field(description="Whether a comment is kept: where the tenant's text may not be, it is not.")
    request_id: str
