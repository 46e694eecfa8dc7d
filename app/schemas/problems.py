"""Answers that are no success, and how routes describe them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Problem(BaseModel):
    """Any answer that is not a success."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": "NotFound",
                    "message": "No collection 'helpdsk': check the name, or ingest into it first.",
                    "request_id": "6b0f4d5e9c1f4b0f8f0b2a8f6f5f3f62",
                }
            ]
        }
    )

    error: str = Field(description="What went wrong, in one word: the error's class.")
    message: str = Field(description="The offending value, what was expected, and what to do.")
    request_id: str


RETRY_AFTER = {
    "Retry-After": {"description": "Seconds after which to come back.", "schema": {"type": "integer", "minimum": 1}}
}
_HEADERS: Mapping[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "The scheme of the key.", "schema": {"const": "Bearer"}}},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
_TEXTS: Mapping[int, str] = {
    400: "A value is not acceptable, or the path or the query string is not UTF-8.",
    401: "No valid API key.",
    403: "The key lacks the scope, or would give more than it has.",
    404: "Nothing of this name is there, or it belongs to another tenant.",
    408: "The form did not come within half an hour.",
    409: "There is one of this name already, or another decision came first: the message says which.",
    412: "The write `min_seq` cannot be found here yet, or `If-Match` or `If-None-Match` does not hold.",
    413: "The body is larger than 256 KiB; or, of a batch of searches, 2 MiB; or, where it brings documents, 8 MiB.",
    415: "The body is compressed, or its `Content-Type` is not JSON.",
    422: "The request is malformed: the message names the field.",
    429: "The tenant sent too many requests, or has too many documents; come back after `Retry-After` seconds.",
    503: "Too busy or not ready; come back after `Retry-After` seconds.",
    504: "Not answered within the time that the request may take.",
    507: "No room on the disk; nothing was stored.",
}
_ALWAYS = (400, 401, 403, 422, 429, 503)
"""What any route behind a key may answer."""
_WITH_BODY = (413, 415)
"""What any route that takes a body may answer, too."""
Descriptions = dict[int | str, dict[str, Any]]
"""What FastAPI takes as a route's ``responses``."""


def described(statuses: Mapping[int, str]) -> Descriptions:
    """Statuses with a text of their own, for a route's description."""
    return {
        status: {
            "model": Problem,
            "description": text,
            **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        }
        for status, text in sorted(statuses.items())
    }


def problems(*statuses: int, takes_body: bool = False) -> Descriptions:
    """What a route behind a key may answer besides a success, for its description.

    Args:
        statuses: What it answers beyond what any such route does.
        takes_body: Whether it takes a body.
    """
    return described({status: _TEXTS[status] for status in (*_ALWAYS, *(_WITH_BODY if takes_body else ()), *statuses)})


SEARCH_PROBLEMS = problems(404, 412, 504, takes_body=True)
"""What a route that searches may answer instead, for its description."""

BATCH_PROBLEMS = problems(takes_body=True)
"""What a batch of searches may be answered as a whole, for its description."""

OPEN_PROBLEMS = described({400: "The path or the query string is not UTF-8."})
"""What a route that asks for no key may answer instead, for its description."""
