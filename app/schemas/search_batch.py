"""The shapes of ``POST /v1/search:batch`` on the wire."""

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.search import SearchAnswer, SearchBody

MAX_BATCH = 50
"""Searches of one batch; our choice."""


class SearchBatchBody(BaseModel):
    """Several searches, each answered by itself."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "searches": [
                        {"query": "why was my card declined", "collection": "helpdesk", "k": 5},
                        {"query": "how do refunds work", "collection": "helpdesk", "k": 5},
                    ]
                }
            ]
        },
    )

    searches: list[SearchBody] = Field(
        min_length=1, max_length=MAX_BATCH, description="Each as the body of `POST /v1/search`; counts as one request."
    )


class BatchedAnswer(BaseModel):
    """One search of a batch: its answer, or why there is none."""

    status: int = Field(description="As the search alone would be answered: 200, or 404, 412, 504 ...")
    answer: SearchAnswer | None = Field(None, description="There with status 200.")
    error: str | None = Field(None, description="There with any other: what went wrong, in one word.")
    message: str | None = Field(None, description="There beside `error`: the value, what was expected, what to do.")


class SearchBatchAnswer(BaseModel):
    """The answers of a batch, in the order of its searches."""

    request_id: str
    answers: list[BatchedAnswer]
