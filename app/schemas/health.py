"""The state of a process, as its probe tells it."""

from typing import Literal

from pydantic import BaseModel, Field


class OpenRecipe(BaseModel):
    """A recipe that is open in this process, or is to be."""

    recipe: int
    role: str = Field(description="live, candidate or standby.")
    release: str | None = Field(None, description="Its newest release here; null while none is open.")
    snapshot: str | None = None
    own_bytes: int = Field(
        description="What opening it made this process's own memory grow by, without mapped files; with its model where"
        " no recipe that was open has it."
    )
    live_bytes: int = Field(description="Memory of its fresh writes.")
    message: str | None = Field(None, description="Why its newest release is not open, if it is not.")


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
    recipes: list[OpenRecipe] = Field(default_factory=list, description="The one in service first.")
