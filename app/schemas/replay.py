"""The shapes of ``POST /v1/replay`` on the wire: a request of the ledger answered again."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.schemas.ledger import LedgerHit

_EXAMPLE = "AaIkLz9qf3mYk0Qd1bN8uQx0Jm5k2s7P"


class ReplayBody(BaseModel):
    """Which request."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query_id": _EXAMPLE}]})

    query_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="The `query_id` of an answer, or a ledger id."
    )


class ReplayAnswer(BaseModel):
    """What came of it."""

    id: str = Field(description="Of the row in the ledger.")
    release: str = Field(description="What had answered, and answered again.")
    outcome: str = Field(
        description="`identical`: the same hits, order and scores to the bit; `different`; or why there is no answer."
    )
    message: str | None = Field(description="Why it cannot be replayed, in a sentence.")
    differences: list[str] = Field(description="Which hits differ.")
    notes: list[str]
    hits: list[LedgerHit] = Field(description="The hits of now, best first.")
