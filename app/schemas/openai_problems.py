"""OpenAI's shape of answers that are no success, and how the routes that speak it describe them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.problems import Descriptions, problems


class OpenAIError(BaseModel):
    """What went wrong, as OpenAI's clients read it."""

    message: str = Field(description="The offending value, what was expected, and what to do.")
    type: str = Field(
        description="`invalid_request_error`; with 429 `requests` or `insufficient_quota`; from 500 on `server_error`."
    )
    param: str | None = Field(description="The field of the request that is wrong, such as `input[3]`, where one is.")
    code: str | None = Field(description="What went wrong, in one word.")


class OpenAIProblem(BaseModel):
    """Any answer of an OpenAI route that is not a success; the request's id is in the header `x-request-id`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "message": "No collection 'helpdsk': check the name, or ingest into it first.",
                        "type": "invalid_request_error",
                        "param": None,
                        "code": "not_found",
                    }
                }
            ]
        }
    )

    error: OpenAIError


def openai_problems(*statuses: int, takes_body: bool = False) -> Descriptions:
    """As ``problems``, for a route that speaks OpenAI's shapes: what is malformed is 400 there, and never 422."""
    described: Mapping[int | str, dict[str, Any]] = problems(*statuses, takes_body=takes_body)
    return {status: {**one, "model": OpenAIProblem} for status, one in described.items() if status != 422}
