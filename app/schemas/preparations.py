"""The shapes of requests and answers about preparations: another recipe, built beside the one in service."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.build_requests import BuilderAnswer
from app.schemas.rollouts import ReasonBody, TenantName, Whole
from app.schemas.scalars import NO_TEXT, Flag, Number
from indexing.catalogue.preparations import State
from indexing.features.boosts import MAX_BOOSTS
from indexing.records import MAX_INTEGER
from indexing.releases.recipe_choices import WEIGHT_RANGES

_Name = Annotated[str, Field(min_length=1, max_length=200)]


def _within(name: str) -> Any:
    """What a recipe may have, for a type with a validator: bounds outside of that are missing from the document."""
    least, most = WEIGHT_RANGES[name]
    return Field(ge=least, le=most)


def _between(name: str, description: str) -> Any:
    """A field that changes nothing by default, within what a recipe may have; any, as pydantic's own are."""
    least, most = WEIGHT_RANGES[name]
    return Field(None, ge=least, le=most, description=description)


class PreparationBody(ReasonBody):
    """What of the recipe in service is changed; what is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"dense_weight": 0.6, "reason": "questions are sentences now"}]},
    )

    model: _Name | None = Field(None, description="Model version, as `groundwork models list` has it.")
    view: _Name | None = Field(None, description="Passage view.")
    precision: Literal["int8", "fp32"] | None = Field(None, description="Compiled form of the model.")
    language: _Name | None = Field(
        None, description="Of the lexical leg: a Snowball language, chinese, japanese, thai, korean, none, or auto."
    )
    approximate_above: Annotated[int, Field(ge=0, le=MAX_INTEGER), NO_TEXT] | None = Field(
        None, description="Passages above which a collection gets an approximate index; 0 for never."
    )
    conversation: _Name | None = Field(None, description="Conversation view, or `none`.")
    reranker: _Name | None = Field(None, description="A registered reranker for the second pass, or `none`.")
    rerank_depth: Annotated[int, Field(ge=1, le=200), NO_TEXT] | None = Field(
        None, description="How many hits it scores again."
    )
    rerank_budget_ms: Annotated[int, Field(ge=1, le=60_000), NO_TEXT] | None = Field(
        None, description="Milliseconds for that; late is skipped."
    )
    dense_weight: Number | None = _between("dense_weight", "What meaning counts beside words in mode hybrid.")
    bm25_k1: Number | None = _between("bm25_k1", "How much a further occurrence of a word counts.")
    bm25_b: Number | None = _between("bm25_b", "How much a passage's length counts against it.")
    candidates: Annotated[int, _within("candidates"), NO_TEXT] | None = Field(
        None, description="Passages that each leg gives to be fused."
    )
    boost: list[_Name] = Field(
        [], max_length=MAX_BOOSTS, description="Each `VIEW:COLUMN=WEIGHT,SATURATION`; `none` alone takes all out."
    )
    leg_rule: Literal["self-retrieval", "none"] | None = Field(
        None, description="Whether a leg that cannot find a collection's own documents loses its weight there."
    )
    calibration: Literal["leg-check", "general"] | None = Field(
        None, description="Score by the curves of this version, moved for each collection as its build finds, or not."
    )
    tenants: list[TenantName] | None = Field(
        None, max_length=10_000, description="Whose requests try it; null for all. It is built for all the same."
    )
    dry_run: Flag = Field(False, description="Only say what it costs.")


class PreparationCostAnswer(BaseModel):
    """What a preparation costs."""

    documents: int
    passages: int
    embeddings: int = Field(description="Vectors that are not stored yet.")
    shards: int
    passages_written: int = Field(description="Those of the shards that are written.")
    seconds: float = Field(description="For the embeddings, measured on a sample where the builder runs.")
    vector_bytes: int
    shard_bytes: int = Field(description="Estimated from what a passage takes in the snapshot in service.")


class PreparationAnswer(BaseModel):
    """A preparation as it stands."""

    id: int
    state: State
    changes: list[str] = Field(description="What differs from the recipe that was in service, in sentences.")
    tenants: list[str]
    dry_run: bool
    reason: str
    cost: PreparationCostAnswer | None = Field(description="Null until the builder has estimated it.")
    job: int | None = Field(description="The build that was last begun for it, as `groundwork jobs show` has it.")
    stage: str | None = Field(description="What the builder does, such as `vectors`; null before it began.")
    done: int = Field(description="Of `total`, in that stage.")
    total: int
    release: str | None = Field(description="What was built, once it is proposed.")
    rollout: int | None = Field(description="Go on with it: `POST /v1/rollouts/{rollout}/shadow` or `canary`.")
    error: str | None = Field(description="Why it failed or waits, or who cancelled it.")
    created_at: str
    created_by: str
    ended_at: str | None
    builder: BuilderAnswer


class PreparationsAnswer(BaseModel):
    """A page of preparations, the newest first."""

    preparations: list[PreparationAnswer]
    next: Whole | None = Field(description="Give it as `before` for the next page; null at the end.")
