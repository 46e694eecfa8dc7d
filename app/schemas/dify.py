"""The shapes of Dify's external knowledge API, which RAGFlow and others took over, and its conditions as our filters.

Source: docs.dify.ai, External Knowledge API.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.retrieval.hits import Result
from app.schemas.filters import MAX_COMPARISONS
from app.schemas.problems import Descriptions, problems
from app.schemas.scalars import NO_TEXT, Number
from app.schemas.search import QueryText, SearchBody
from app.schemas.search_options import CollectionName
from indexing.errors import InvalidInput
from indexing.records import Json

MAX_TOP_K = 1_000
"""Records of one answer; Dify's own form offers 10. Our choice: as many hits as a search gives."""
_TYPES: Mapping[str, str] = {
    "is": "eq",
    "=": "eq",
    "is not": "ne",
    "≠": "ne",
    "in": "in",
    "not in": "nin",
    ">": "gt",
    "<": "lt",
    "≥": "gte",
    "≤": "lte",
    "after": "gt",
    "before": "lt",
}
"""Our type of comparison for each of Dify's operators that our metadata can answer."""
_NUMERIC = ("=", "≠", ">", "<", "≥", "≤")
"""Operators of which Dify's clients may send the number as a text."""
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?")

_Value = Annotated[str, StringConstraints(max_length=2_000)]


class RetrievalSetting(BaseModel):
    """How many records, and from which score on."""

    model_config = ConfigDict(extra="ignore")

    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K), NO_TEXT]
    score_threshold: Annotated[Number, Field(ge=0, le=1)] | None = Field(
        0.0, description="Records with a lower score are left out; the score is the calibrated one."
    )


class Condition(BaseModel):
    """One comparison of a metadata field."""

    model_config = ConfigDict(extra="ignore")

    name: _Value | Annotated[list[_Value], Field(min_length=1, max_length=1)] = Field(
        description="The name of a metadata field, by itself or alone in a list."
    )
    comparison_operator: Annotated[str, StringConstraints(max_length=40)] = Field(
        description=f"One of {', '.join(_TYPES)}. Texts are compared whole: contains, start with, end with and empty"
        " are refused."
    )
    value: _Value | Number | bool | Annotated[list[_Value | Number], Field(max_length=1_000)] | None = None

    def filter(self) -> Json:
        """It in our grammar.

        Raises:
            InvalidInput: our metadata cannot answer the operator.
        """
        kind = _TYPES.get(self.comparison_operator)
        if kind is None:
            raise InvalidInput(
                f"comparison_operator {self.comparison_operator!r} is not understood: expected one of"
                f" {', '.join(_TYPES)}."
            )
        key = self.name if isinstance(self.name, str) else self.name[0]
        return {"type": kind, "key": key, "value": self._value(kind)}

    def _value(self, kind: str) -> Json:
        value = self.value
        if kind in ("in", "nin") and isinstance(value, str):
            return [part.strip() for part in value.split(",")]
        if self.comparison_operator in _NUMERIC and isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            return float(value) if "." in value else int(value)
        return value


class MetadataCondition(BaseModel):
    """Comparisons that all or any must hold; none of them lets everything through."""

    model_config = ConfigDict(extra="ignore")

    logical_operator: Literal["and", "or"] = "and"
    conditions: Annotated[list[Condition], Field(max_length=MAX_COMPARISONS)] | None = None

    def filter(self) -> Json | None:
        """It in our grammar, ``None`` where nothing is compared.

        Raises:
            InvalidInput: as ``Condition.filter``.
        """
        if not self.conditions:
            return None
        return {"type": self.logical_operator, "filters": [one.filter() for one in self.conditions]}


class DifyBody(BaseModel):
    """What Dify sends; a field that it adds one day counts nothing."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "knowledge_id": "helpdesk",
                    "query": "why was my card declined",
                    "retrieval_setting": {"top_k": 3, "score_threshold": 0.2},
                }
            ]
        },
    )

    knowledge_id: CollectionName = Field(description="The collection.")
    query: QueryText
    retrieval_setting: RetrievalSetting
    metadata_condition: MetadataCondition | None = None

    def search(self) -> SearchBody:
        """The search that it asks for.

        Raises:
            InvalidInput: a condition cannot be answered; the message names it.
        """
        setting, condition = self.retrieval_setting, self.metadata_condition
        wanted: dict[str, Json] = {
            "query": self.query,
            "collection": self.knowledge_id,
            "k": setting.top_k,
            "min_score": setting.score_threshold,
            "filters": None if condition is None else condition.filter(),
        }
        try:
            return SearchBody.model_validate(wanted)
        except ValidationError as error:
            raise InvalidInput(f"metadata_condition: {error.errors()[0]['msg']}") from error


def dify_problems(*statuses: int) -> Descriptions:
    """As ``problems``, for the route that speaks Dify's shapes."""
    described = problems(*statuses, takes_body=True)
    return {status: {**one, "model": DifyProblem} for status, one in described.items()}


class Record(BaseModel):
    """One passage."""

    content: str
    score: float = Field(description="0..1, calibrated: comparable between questions.")
    title: str
    metadata: dict[str, Any] = Field(
        description="The document's own, and `document_id`, `url` and `query_id` (for feedback) where it has none of"
        " that name."
    )


class DifyAnswer(BaseModel):
    """The records, best first."""

    records: list[Record]


class DifyProblem(BaseModel):
    """How Dify tells a failure."""

    error_code: int = Field(description="1001 or 1002: no valid key; 2001: no such collection; else the HTTP status.")
    error_msg: str = Field(description="The offending value, what was expected, and what to do.")
    request_id: str


def records_of(result: Result, query_id: str) -> DifyAnswer:
    """What a search found, as records."""
    return DifyAnswer(
        records=[
            Record(
                content=hit.passage.text,
                score=hit.score,
                title=hit.passage.title,
                metadata={
                    "document_id": hit.passage.document_id,
                    "url": hit.passage.url,
                    "query_id": query_id,
                    **hit.passage.metadata,
                },
            )
            for hit in result.hits
        ]
    )
