"""The shapes of ``POST /rerank``: Cohere's, which infinity, vLLM and Jina share, and TEI's, told apart by a field."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, StringConstraints, Tag

from app.schemas.scalars import NO_TEXT, Flag
from app.schemas.search import QueryText
from indexing.records import MAX_INTEGER

MAX_TEXTS = 1_000
"""Texts of one request. Source: what Cohere's documentation of its rerank endpoint advises at most."""
MAX_TEXT_CHARACTERS = 100_000
"""The longest text, in code points; models read only its beginning. Our choice."""

_Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARACTERS)]
_Count = Annotated[int, Field(ge=1, le=MAX_INTEGER), NO_TEXT]


class TextDocument(BaseModel):
    """A document of which the text counts; its other fields count nothing."""

    model_config = ConfigDict(extra="ignore")

    text: _Text


class CohereRerankBody(BaseModel):
    """What Cohere's clients send, and those of the servers that took over its shape."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"query": "late invoice", "documents": ["Invoices are due in 30 days."]}]},
    )

    query: QueryText
    documents: list[_Text | TextDocument] = Field(min_length=1, max_length=MAX_TEXTS)
    model: str | None = Field(
        None, max_length=256, description="`default`, or the name or id of the model that ranks: any other is refused."
    )
    top_n: _Count | None = Field(None, description="How many results, the best; by default all.")
    return_documents: Flag = Field(False, description="Whether each result holds its text.")
    rank_fields: list[Literal["text"]] | None = Field(None, description="Only `text` is read of a document.")
    max_tokens_per_doc: _Count | None = Field(
        None, description="A bound on what is read of each text; the model's own limit is mostly lower, and holds."
    )
    max_chunks_per_doc: Annotated[int, Field(ge=1, le=1), NO_TEXT] | None = Field(
        None, description="Each text is read once, from its beginning."
    )
    priority: Annotated[int, Field(ge=0, le=MAX_INTEGER), NO_TEXT] | None = Field(None, description="Counts nothing.")

    @property
    def passages(self) -> list[str]:
        """The texts in order."""
        return [one if isinstance(one, str) else one.text for one in self.documents]


class TeiRerankBody(BaseModel):
    """What clients of Text Embeddings Inference send."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"query": "late invoice", "texts": ["Invoices are due in 30 days."]}]},
    )

    query: QueryText
    texts: list[_Text] = Field(min_length=1, max_length=MAX_TEXTS)
    raw_scores: Flag = Field(False, description="The model's own numbers (logits, or cosines) instead of 0..1.")
    return_text: Flag = Field(False, description="Whether each result holds its text.")
    truncate: Literal[True] | None = Field(None, description="Texts are always cut at the model's limit.")
    truncation_direction: Literal["right", "Right"] = Field("right", description="Texts are cut at their end.")

    @property
    def model(self) -> None:
        """TEI's clients name no model."""

    @property
    def passages(self) -> list[str]:
        """The texts in order."""
        return self.texts


def _shape(body: Any) -> str:
    is_tei = "texts" in body if isinstance(body, dict) else isinstance(body, TeiRerankBody)
    return "tei" if is_tei else "cohere"


class RerankBody(
    RootModel[
        Annotated[
            Annotated[CohereRerankBody, Tag("cohere")] | Annotated[TeiRerankBody, Tag("tei")], Discriminator(_shape)
        ]
    ]
):
    """Either shape: ``texts`` makes it TEI's, anything else is read as Cohere's."""


class CohereResult(BaseModel):
    """One text by its place in the request, best first."""

    index: int
    relevance_score: float = Field(description="0..1; higher is better.")
    document: TextDocument | None = Field(None, description="There where the request asked for it.")


class _Version(BaseModel):
    version: str = "2"


class _Billed(BaseModel):
    search_units: int = 1


class _Meta(BaseModel):
    api_version: _Version = _Version()
    billed_units: _Billed = _Billed()


class CohereAnswer(BaseModel):
    """Cohere's answer, and which model ranked."""

    id: str = Field(description="The request's id.")
    results: list[CohereResult]
    model: str = Field(
        description="What gave the scores: a reranker's id; or, where the recipe in service has none, the embedding"
        " model's with ` (embedding)` behind it, whose scores are those of a search in the mode dense."
    )
    meta: _Meta = _Meta()


class TeiResult(BaseModel):
    """One text by its place in the request, best first."""

    index: int
    score: float
    text: str | None = Field(None, description="There where the request asked for it.")


class RerankAnswer(RootModel[CohereAnswer | list[TeiResult]]):
    """Cohere's answer to ``documents``, TEI's bare list to ``texts``."""


def rerank_answer(
    body: CohereRerankBody | TeiRerankBody,
    order: Sequence[int],
    scores: Sequence[float],
    raw: Sequence[float],
    *,
    name: str,
    model: str,
) -> RerankAnswer:
    """What a body's clients expect.

    Args:
        body: What was asked.
        order: All places of its texts, best first.
        scores: The calibrated score of each, by place.
        raw: The model's own number of each, by place.
        name: The request's id.
        model: What gave the scores.
    """
    passages = body.passages
    if isinstance(body, TeiRerankBody):
        told = raw if body.raw_scores else scores
        return RerankAnswer(
            [TeiResult(index=one, score=told[one], text=passages[one] if body.return_text else None) for one in order]
        )
    results = [
        CohereResult(
            index=one,
            relevance_score=scores[one],
            document=TextDocument(text=passages[one]) if body.return_documents else None,
        )
        for one in order[: body.top_n]
    ]
    return RerankAnswer(CohereAnswer(id=name, results=results, model=model))
