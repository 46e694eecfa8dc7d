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
