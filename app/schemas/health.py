"""The state of a process, as its probe tells it."""

from typing import Literal

from pydantic import BaseModel, Field


class Ready(BaseModel):
    """The state of this process."""

    status: Literal["ready", "not ready"]
    release: str | None = None
    snapshot: str | None = None
    passages: int | None = None
    recipe_fingerprint: str | None = Field(
        None, description="Identifies everything a person decided about the ranking."
    )
    views: dict[str, str] = Field(default_factory=dict, description="Fingerprints of the feature views.")
    broken_shards: dict[str, str] = Field(default_factory=dict)
    message: str | None = None
