"""The shapes of OpenAI's ``POST /v1/vector_stores/{id}/search`` on the wire."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from app.schemas.filters import MAX_COMPARISONS, MAX_DEPTH, FilterBody
from app.schemas.scalars import NO_TEXT, Flag, Number
from app.schemas.search import MAX_QUERY_CHARACTERS, QueryText, UserId
from indexing.records import Json

MAX_RESULTS = 50
"""Of one search. Source: OpenAI's reference of vector stores."""
MAX_QUERIES = 16
"""Of one request, each of which is a search; our choice: OpenAI names no bound."""
MAX_ATTRIBUTES = 16
"""Pairs that a file's attributes may have. Source: OpenAI's reference of vector stores, as the next two."""
MAX_KEY_CHARACTERS = 64
"""Of an attribute's name. Source: OpenAI's API."""
MAX_VALUE_CHARACTERS = 512
"""Of an attribute's value that is a text. Source: OpenAI's API."""

_TEXT: Json = {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARACTERS}


def _as_list(value: Json) -> Json:
    return [value] if isinstance(value, str) else value


Queries = Annotated[
    list[QueryText],
    Field(min_length=1, max_length=MAX_QUERIES),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MAX_QUERIES}]}),
]
"""One query, or several."""


class RankingOptions(BaseModel):
    """How results are ranked and cut."""

    model_config = ConfigDict(extra="forbid")

    ranker: Annotated[str, StringConstraints(pattern=r"^(auto|none|default[-_0-9]{0,20})$")] = Field(
        "auto",
        description="`auto` and every `default-...` rank as the release does; `none` is refused while that reranks.",
    )
    score_threshold: Annotated[Number, Field(ge=0, le=1)] = Field(
        0.0, description="The lowest score of a result: 0 to 1, calibrated."
    )


class VectorStoreSearchBody(BaseModel):
    """One search, or several whose results are fused. Unknown fields are refused, so that none is silently ignored."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query": "why was my card declined"}]})

    query: Queries = Field(
        description=f"What to look for, or up to {MAX_QUERIES} such texts: a passage then has its best score of all."
    )
    filters: FilterBody | None = Field(
        None,
        description="Which documents may be found, by their attributes: {type: eq|ne|gt|gte|lt|lte|in|nin, key, value}"
        f" or {{type: and|or, filters: [...]}}, at most {MAX_DEPTH} deep and with {MAX_COMPARISONS} comparisons.",
    )
    max_num_results: Annotated[int, Field(ge=1, le=MAX_RESULTS), NO_TEXT] = Field(
        10, description="How many results at most, each a passage."
    )
    ranking_options: RankingOptions | None = Field(None, description="How results are ranked and cut.")
    rewrite_query: Flag = Field(
        False,
        description="Accepted, and changes nothing: queries are searched as they are, and `search_query` says so.",
    )
    user: UserId | None = Field(
        None,
        description="Whose request this is, as in `POST /v1/search`: for rollouts by user; else that of the header"
        " `x-groundwork-user`. Not a field of OpenAI's.",
    )

    @property
    def ranking(self) -> RankingOptions:
        """How results are ranked and cut, by default where it does not say."""
        return self.ranking_options or RankingOptions()


class SearchContent(BaseModel):
    """A passage's text."""

    type: Literal["text"]
    text: str


class VectorStoreResult(BaseModel):
    """A passage, and the file or document that it is of."""

    file_id: str = Field(description="The uploaded file's id; of a document that came otherwise its own id.")
    filename: str = Field(description="The file's name; of another document its title, or its id where it has none.")
    score: float = Field(description="Calibrated to 0..1, comparable between queries; higher is better.")
    attributes: dict[str, str | float | bool] | None = Field(
        description="What of the document's metadata OpenAI's shape can hold; null where that is nothing."
    )
    content: list[SearchContent]


class VectorStoreSearchAnswer(BaseModel):
    """The results, best first: there is one page."""

    object: Literal["vector_store.search_results.page"]
    search_query: list[str] = Field(description="The queries as they were searched.")
    data: list[VectorStoreResult]
    has_more: Literal[False]
    next_page: None


def attributes_of(metadata: Mapping[str, Json]) -> dict[str, Json] | None:
    """What of a document's metadata OpenAI's shape can hold: the first 16 pairs with short names and single values.

    Lists, objects, null and long texts are left out, not cut: what stands here can be filtered by.
    """
    found = {key: value for key, value in metadata.items() if len(key) <= MAX_KEY_CHARACTERS and _is_single(value)}
    return dict(list(found.items())[:MAX_ATTRIBUTES]) or None


def _is_single(value: Json) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_VALUE_CHARACTERS
    return isinstance(value, bool | int | float)
