"""The shapes of answers about the ledger: what served a request, and what served a tenant."""

from typing import Any

from pydantic import BaseModel, Field


class LedgerHit(BaseModel):
    """A hit as it was answered; its passage is the document's text from ``start`` to ``end``."""

    document_id: str
    start: int
    end: int
    score: float
    dense: float | None
    lexical: float | None
    rerank: float | None
    features: dict[str, float] = Field(description="Feature values that boosts used.")


class LedgerFeedback(BaseModel):
    """What a user said or did about an answer."""

    at: str
    received_at: str
    kind: str = Field(description="`explicit` or `implicit`.")
    action: str
    document_id: str | None
    position: int | None
    value: float | None = Field(description="Of `rate` 0 to 1, of `dwell` milliseconds.")
    comment: str | None = Field(description="Where the tenant's text may be kept.")
    user: str | None = Field(description="A keyed hash, never the id itself.")


class LedgerRequest(BaseModel):
    """A row of the ledger. Text, filters and principals are null where they may not be kept."""

    at: str
    id: str = Field(description="Of the row; it says the moment.")
    kind: str
    request_id: str
    tenant: str
    collection: str
    user: str | None = Field(description="A keyed hash, never the id itself.")
    release: str = Field(description="`0.0` where it failed before a release was chosen.")
    rollout: int | None
    arm: str
    reason: str = Field(description="Why it got that arm.")
    unit: str | None = Field(description="A keyed hash of what was assigned.")
    mode: str
    k: int
    grouped: bool
    query_hash: str | None
    query: dict[str, Any] | None
    filters: dict[str, Any] | None
    principals: list[str] | None
    query_features: dict[str, float | str]
    is_reranked: bool
    hits: list[LedgerHit] = Field(description="Best first.")
    timings_ms: dict[str, float]
    status: int
    error: str | None
    warnings: list[str]
    shadow_of: str | None
    comparison: dict[str, float] | None
    is_whole: bool = Field(description="False where assignments alone are kept.")
    feedback: list[LedgerFeedback] | None = Field(
        None, description="What was said and done about it, in the order in which it came; null in lists of requests."
    )
    is_erased: bool = Field(description="True where hits of a document that was erased were taken out.")


class UnreadDay(BaseModel):
    """A day that an answer lacks, and why."""

    day: str
    reason: str


class LedgerRequestsAnswer(BaseModel):
    """The requests of an id, oldest first: several where a caller gave one id to several."""

    requests: list[LedgerRequest]
    unread: list[UnreadDay]


class ReleaseShare(BaseModel):
    """What part of the answers one arm of one release gave."""

    release: str
    arm: str
    requests: int
    share: float = Field(ge=0, le=1)


class ServedAnswer(BaseModel):
    """What served a tenant in a period."""

    tenant: str
    answers: int
    shares: list[ReleaseShare] = Field(description="The most answers first.")
    newest: list[LedgerRequest] = Field(description="Newest first, shadows included.")
    unread: list[UnreadDay]


class ReleaseDayAnswer(BaseModel):
    """How many requests a release answered on a day."""

    day: str
    release: str
    kind: str
    requests: int


class ModelAnswersAnswer(BaseModel):
    """What the recipes that hold a model version answered in a period."""

    model: str
    recipes: list[int]
    answers: int = Field(description="Searches and contexts.")
    shadows: int = Field(description="Answers that were compared and never served.")
    by_day: list[ReleaseDayAnswer]
    newest: list[LedgerRequest] = Field(description="Newest first; a reranker took part where `is_reranked`.")
    unread: list[UnreadDay]
