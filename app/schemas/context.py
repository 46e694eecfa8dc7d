"""The shapes of ``POST /v1/context`` on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.retrieval.prompt_context import Context, Piece
from app.schemas.scalars import NO_TEXT, Flag
from app.schemas.search import WHAT_TO_LOOK_FOR, QuestionBody

MAX_CONTEXT_K = 100
"""The most hits that one block is made of. Our choice."""
MAX_CONTEXT_TOKENS = 100_000
"""The largest budget of a block, in tokens. Our choice."""


class ContextBody(QuestionBody):
    """A search whose hits are wanted as one block for a prompt."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "why was my card declined", "collection": "helpdesk", "max_tokens": 1000}],
            "oneOf": WHAT_TO_LOOK_FOR,
        },
    )

    k: Annotated[int, Field(ge=1, le=MAX_CONTEXT_K), NO_TEXT] = Field(
        20, description="How many hits the block is made of, at most."
    )
    group_by_document: Flag = Field(
        False, description="True: one hit a document (its best passage); false: every passage counts."
    )
    max_tokens: Annotated[int, Field(ge=1, le=MAX_CONTEXT_TOKENS), NO_TEXT] = Field(
        2000,
        description="The budget of the block, counted by the tokenizer of the release's model; for another model it is"
        " an estimate.",
    )


class CitedPiece(BaseModel):
    """A run of a document's text in the block, from ``start`` to ``end`` (code points)."""

    start: int
    end: int


class CitedPassages(BaseModel):
    """A numbered entry of the block: neighbouring passages of one document."""

    number: int = Field(description="As in the block, from 1.")
    document_id: str
    title: str
    url: str
    headings: list[str] = Field(description="The headings that its passages stand under together.")
    score: float = Field(description="The chance that it answers, 0..1, as in a search: its best passage's.")
    passages: list[str] = Field(description="Ids of the passages it is made of, in reading order.")
    start: int = Field(description="Where its first piece begins in the document's text.")
    end: int = Field(description="Where its last piece ends.")
    pieces: list[CitedPiece] = Field(
        description="Its text is the document's from start to end of each; only whitespace lies between them."
    )
    table_heading: str = Field(
        description="As of a hit, of its first piece: the block holds it before the text; empty outside of tables."
    )
    is_cut: bool = Field(description="Whether its text ends before its last passage does, at the end of a sentence.")


class LeftOutPassage(BaseModel):
    """A hit that is not in the block."""

    passage_id: str
    document_id: str
    reason: Literal["budget", "duplicate", "empty"] = Field(
        description="It does not fit; its text stands in another hit; it has no text."
    )
    of: str | None = Field(description="The passage that a duplicate repeats or is part of.")


class ContextAnswer(BaseModel):
    """A block of text for a prompt, where it comes from, and what is not in it."""

    request_id: str
    query_id: str = Field(description="As of a search: this answer's name in the ledger.")
    release: str = Field(description="The release that served this answer, RECIPE.BUILD.")
    snapshot: str
    seq: str = Field(description="As of a search: every write up to this one that waits for no build is seen.")
    context: str = Field(description="Entries like `[1] Title > Heading (URL)`, each with its text; may be empty.")
    tokens: int = Field(description="Tokens of the block, by the tokenizer of the release's model.")
    citations: list[CitedPassages]
    left_out: list[LeftOutPassage] = Field(description="Every other hit, best first.")
    timings_ms: dict[str, float] = Field(description="Milliseconds by stage, as of a search, and `context`.")
    warnings: list[str] = Field(description="What is missing from this answer; normally empty.")


def citations_of(context: Context) -> list[CitedPassages]:
    """A context's citations as they go over the wire."""
    return [
        CitedPassages(
            number=citation.number,
            document_id=citation.document_id,
            title=citation.title,
            url=citation.url,
            headings=list(citation.headings),
            score=citation.score,
            passages=list(citation.passages),
            start=citation.pieces[0].start,
            end=citation.pieces[-1].end,
            pieces=[_piece(piece) for piece in citation.pieces],
            table_heading=citation.table_heading,
            is_cut=citation.is_cut,
        )
        for citation in context.citations
    ]


def _piece(piece: Piece) -> CitedPiece:
    return CitedPiece(start=piece.start, end=piece.end)


def left_out_of(context: Context) -> list[LeftOutPassage]:
    """What a context left out, as it goes over the wire."""
    return [
        LeftOutPassage(passage_id=one.passage_id, document_id=one.document_id, reason=one.reason, of=one.of)
        for one in context.left_out
    ]
