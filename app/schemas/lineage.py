"""The shapes of answers about lineage: what a release is made of, and what came of a thing."""

from typing import Any

from pydantic import BaseModel, Field


class ModelLineageAnswer(BaseModel):
    """A model version and where it comes from."""

    id: str
    kind: str
    dimension: int | None
    max_tokens: int
    registered_at: str
    files: dict[str, str] = Field(description="sha256 by file.")
    lineage: dict[str, Any] = Field(
        description="As it was told: parent, sha256 of training data, parameters, metrics, licence, libraries."
    )
    ancestors: list[str] = Field(description="The model versions that it comes from, nearest first.")


class ViewUseAnswer(BaseModel):
    """A feature view as the recipe uses it."""

    kind: str
    id: str
    fingerprint: str
    definition: dict[str, Any]


class ShardUseAnswer(BaseModel):
    """A shard of a snapshot."""

    name: str
    passages: int
    size_bytes: int


class SnapshotLineageAnswer(BaseModel):
    """What a snapshot is made of."""

    id: str
    model: str
    views: dict[str, str] = Field(description="Fingerprints by kind.")
    passages: int
    documents: int
    size_bytes: int
    shards: list[ShardUseAnswer]
    legs: list[dict[str, Any]] = Field(
        description="What its build found out about each collection: samples by language, those that each leg finds,"
        " unknown tokens, and the vectors' share in hybrid search where it is not the recipe's."
    )
    leg_warnings: list[str] = Field(description="Collections that a leg cannot search, in words.")


class ReleaseLineageAnswer(BaseModel):
    """Everything that went into a release, and what was decided about it."""

    release: str
    is_in_service: bool
    created_at: str
    created_by: str
    seq: int
    retired_at: str | None
    job: dict[str, Any] | None = Field(description="The build that made it.")
    recipe_number: int
    recipe_fingerprint: str
    recipe: dict[str, Any] = Field(description="Retrieval, approximate search, second pass, size of shards.")
    model: ModelLineageAnswer
    reranker: ModelLineageAnswer | None
    views: list[ViewUseAnswer]
    analyser: str = Field(description="The language of the lexical leg.")
    snapshot: SnapshotLineageAnswer | None = Field(description="Null once the release is retired.")
    deployments: list[dict[str, Any]] = Field(description="When its recipe was put in service, by whom and why.")
    rollouts: list[dict[str, Any]] = Field(
        description="Rollouts of its recipe with each transition: who, when, why, and the evidence."
    )
    verdicts: list[dict[str, Any]] = Field(description="What gates and judges of trials said of its recipe.")
    kept_back: str | None = Field(description="Why a gate keeps its recipe from going in service; null if it does not.")
    erasures: list[int] = Field(description="Erasures that gave it another snapshot.")


class FieldDifferenceAnswer(BaseModel):
    """A field of a recipe that two releases have otherwise."""

    part: str
    field: str = Field(description="Empty where the part is a single value, or only one of both has it.")
    before: Any = Field(description="Null where the recipe does not have it.")
    after: Any = Field(description="As `before`.")


class ReleaseDiffAnswer(BaseModel):
    """What one release has otherwise than another."""

    before: str
    after: str
    sentences: list[str] = Field(description="All of it in plain words; of documents the first few by name.")
    recipe: list[FieldDifferenceAnswer]
    added: int = Field(description="Documents that `before` does not hold.")
    removed: int = Field(description="Documents that `after` does not hold.")
    changed: int = Field(description="Documents that both hold otherwise; with other views, see `sentences`.")


class AnswersAnswer(BaseModel):
    """Which answers something had a part in."""

    requests: int
    by_release: list[dict[str, Any]]
    newest: list[dict[str, Any]]
    has_more: bool = Field(description="True where they were not counted to the end.")
    unread: list[str] = Field(description="Days of the ledger that could not be read.")


class LineageAnswer(BaseModel):
    """What something is made of, what was made with it, and which answers it had a part in."""

    of: str
    id: str
    made_of: dict[str, Any]
    made: dict[str, Any]
    answers: AnswersAnswer
