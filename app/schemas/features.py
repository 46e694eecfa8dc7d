"""The shapes of requests and answers about document features."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from indexing.features.materialise import BATCH
from indexing.sources.field_checks import MAX_ID_CHARS

MAX_FEATURES = 64
"""Features asked about at once; our choice."""
MAX_IDS = 1_000
"""Documents asked about at once; our choice."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARS)]
Value = Annotated[Any, Field(description="A number, a claim, a text or null, as the column's type says.")]


class ViewAnswer(BaseModel):
    """A document view."""

    view: str = Field(description="Name and version.")
    fingerprint: str = Field(description="The sha256 of all that can change its values.")
    definition: dict[str, Any]


class ShownViewAnswer(ViewAnswer):
    """A document view, and what is stored of it."""

    rows: int
    documents: int = Field(description="Of how many documents it has rows.")
    known_at: str | None = Field(description="When the last row came to be known.")
    is_from_ledger: bool = Field(description="Whether its values are counted from the ledger.")
    documents_lacking: int | None = Field(
        description="Documents that changed since it was computed of them; null where it is not computed."
    )
    recipes: list[int] = Field(description="Recipes that use it and may serve; their values cannot be removed.")


class ViewDiffAnswer(BaseModel):
    """What a document view has otherwise than another."""

    changes: dict[str, list[Value]] = Field(description="By field of the definition: before and after.")


class MaterialisedAnswer(BaseModel):
    """What was computed of a document view."""

    view: str
    rows: int = Field(description="How many were appended.")
    left_out: list[str] = Field(description="Documents that went away meanwhile.")
    documents_lacking: int = Field(description="How many are still to be computed: ask again.")


class FeatureSkewAnswer(BaseModel):
    """How answers and recomputed values of a feature differ."""

    compared: int = Field(description="Answers with both values.")
    mismatched: int = Field(description="Of these, where they differ.")
    missing: int = Field(description="Answers without a value though there was one.")
    extra: int = Field(description="Answers with a value though there was none.")
    smape: float = Field(ge=0, le=2, description="Mean of 2 |a - b| / (|a| + |b|) over those compared.")
    share: float = Field(ge=0, le=1, description="Of all answers, the share in which something is wrong.")


class SkewAnswer(BaseModel):
    """Values that a tenant's answers used, against what is recomputed for the same moments."""

    tenant: str
    sampled: int = Field(description="Values that were looked at.")
    unknown: int = Field(description="Of these, whose document changed since: nothing can be said of them.")
    features: dict[str, FeatureSkewAnswer]


class ViewsAnswer(BaseModel):
    """All document views, by name and version."""

    views: list[ViewAnswer]


class PushedRow(BaseModel):
    """Values of one document. A column that is left out is null."""

    model_config = ConfigDict(extra="forbid")

    id: Id
    values: dict[str, Value] = Field(description="By column.")
    event_time: str | None = Field(None, description="Since when it is so, ISO 8601; left out, now.")


class PushBody(BaseModel):
    """Values to append."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"view": "clicks", "rows": [{"id": "refunds", "values": {"clicks": 12}}]}]},
    )

    view: str = Field(min_length=1, max_length=128, description="A document view, NAME or NAME@VERSION.")
    rows: list[PushedRow] = Field(min_length=1, max_length=BATCH)


class PushAnswer(BaseModel):
    """What became of pushed values."""

    view: str
    rows: int = Field(description="How many were appended.")
    left_out: list[str] = Field(description="Documents that are not there.")


class ReadBody(BaseModel):
    """Which values of which documents, now or as they were known at a moment."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"features": ["document_stats:age"], "ids": ["refunds"]}]}
    )

    features: list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=MAX_FEATURES, description="VIEW:COLUMN or VIEW@VERSION:COLUMN."
    )
    ids: list[Id] = Field(min_length=1, max_length=MAX_IDS)
    as_of: str | None = Field(None, description="As it was known then, ISO 8601; left out, as a search gets it now.")


class DocumentValues(BaseModel):
    """The values of one document."""

    id: str
    values: dict[str, Value] = Field(
        description='By feature; null is a value, and {"absent": "missing" | "expired"} says why there is none.'
    )


class ReadAnswer(BaseModel):
    """The values of documents, in the order in which they were asked about."""

    documents: list[DocumentValues]
