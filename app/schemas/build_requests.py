"""The shapes of answers about builds that are asked for, and about the builder that runs them."""

from typing import Literal

from pydantic import BaseModel, Field


class BuildRequestAnswer(BaseModel):
    """A build that is asked for and has not been done yet."""

    id: int = Field(description="As in a write's `build_request`.")
    reason: str
    tenant: str | None = Field(description="Whose write asked for it; null: the installation itself did.")
    created_at: str


class BuilderAnswer(BaseModel):
    """Whether a builder (`groundwork builder`) runs the builds that are asked for."""

    state: Literal["running", "none seen"]
    seen_at: str | None = Field(description="When one was last seen; null: none was, or the last one was stopped.")


class BuildRequestsAnswer(BaseModel):
    """A page of the open requests for builds, the oldest first, and what waits for them."""

    requests: list[BuildRequestAnswer]
    next: int | None = Field(description="Give it as `after` for the next page; null at the end.")
    documents_waiting: int = Field(description="Documents whose last version is found once a build is done.")
    builder: BuilderAnswer
