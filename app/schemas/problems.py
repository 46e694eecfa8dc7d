"""Answers that are no success, and how routes describe them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """Any answer that is not a success."""

    error: str = Field(description="What went wrong, in one word: the error's class.")
    message: str = Field(description="The offending value, what was expected, and what to do.")
    request_id: str


def described(problems: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides a success, for its description: by status, in words."""
    return {status: {"model": Problem, "description": text} for status, text in problems.items()}


SEARCH_PROBLEMS = described(
    {
        400: "`min_seq`, a filter or a vector is not acceptable.",
        401: "No valid API key.",
        403: "The key lacks the scope `search`.",
        404: "The tenant has no such collection.",
        412: "The write `min_seq` cannot be found here yet.",
        422: "The request is malformed.",
        429: "The tenant sent too many requests; come back after `Retry-After` seconds.",
        503: "Too busy or not ready; come back after `Retry-After` seconds.",
        504: "Not answered within the time that the request may take.",
    }
)
"""What a route that searches may answer instead, for its description."""


def document_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route about documents or collections may answer besides a success."""
    texts = {
        400: "A value is not acceptable.",
        401: "No valid API key.",
        403: "The key lacks a scope.",
        404: "The tenant has no such collection or document.",
        413: "The body is larger than 8 MiB.",
        422: "The request is malformed.",
        429: "Too many requests or documents; come back after `Retry-After` seconds.",
        507: "No room on the disk; nothing was stored.",
    }
    return described({status: texts[status] for status in (401, 403, 422, 429, *statuses)})
