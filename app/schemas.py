"""The shapes of requests and answers on the wire."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.retrieval.retriever import Result

MAX_K = 1000
MAX_QUERY_CHARACTERS = 20_000


class SearchBody(BaseModel):
    """One search. Unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"query": "why was my card declined", "collection": "helpdesk", "k": 5}]},
    )

    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY_CHARACTERS)] = (
        Field(
            description="What to look for, in the user's words. Beyond the model's limit, text counts only lexically."
        )
    )
    collection: str = Field("default", description="The set of documents to search.")
    k: int = Field(10, ge=1, le=MAX_K, description="How many hits to return.")
    mode: Literal["hybrid", "dense", "lexical"] = Field(
        "hybrid", description="Which legs rank: both, the vectors alone, or BM25 alone."
    )
    group_by_document: bool = Field(
        True, description="One hit a document (its best passage); false: every passage counts."
    )


class LegScores(BaseModel):
    """The raw scores: cosine (-1..1) and BM25 (0 or more). A leg that the mode does not use is null.

    Grouped by document, each is the best that any passage of the document has, which need not be the passage shown.
    """

    dense: float | None
    lexical: float | None


class Hit(BaseModel):
    """A passage with its rank and score. ``text`` is the document's text from ``start`` to ``end`` (code points)."""

    rank: int = Field(description="From 1.")
    score: float = Field(description="Calibrated to 0..1, comparable between queries; higher is better.")
    scores: LegScores
    passage_id: str
    document_id: str
    title: str
    text: str
    start: int
    end: int
    headings: list[str]
    url: str
    metadata: dict[str, Any]


class SearchAnswer(BaseModel):
    """Ranked hits, what served them, and where the time went."""

    request_id: str
    release: str = Field(description="The release that served this answer, RECIPE.BUILD.")
    snapshot: str
    hits: list[Hit]
    timings_ms: dict[str, float] = Field(
        description="Milliseconds by stage: encode, dense, lexical, fuse, hydrate, total."
    )
    warnings: list[str] = Field(
        description="What is missing from this answer, such as a corrupt shard; normally empty."
    )


class Problem(BaseModel):
    """Any answer that is not a success."""

    error: str = Field(description="What went wrong, in one word: the error's class.")
    message: str = Field(description="The offending value, what was expected, and what to do.")
    request_id: str


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


def answer_of(result: Result, release: str, snapshot: str, request_id: str) -> SearchAnswer:
    """A search result as it goes over the wire."""
    hits = [
        Hit(
            rank=hit.rank,
            score=hit.score,
            scores=LegScores(dense=hit.dense, lexical=hit.lexical),
            passage_id=hit.passage.id,
            document_id=hit.passage.document_id,
            title=hit.passage.title,
            text=hit.passage.text,
            start=hit.passage.start,
            end=hit.passage.end,
            headings=list(hit.passage.headings),
            url=hit.passage.url,
            metadata=hit.passage.metadata,
        )
        for hit in result.hits
    ]
    timings_ms = {stage: round(milliseconds, 3) for stage, milliseconds in result.timings_ms.items()}
    return SearchAnswer(
        request_id=request_id,
        release=release,
        snapshot=snapshot,
        hits=hits,
        timings_ms=timings_ms,
        warnings=result.warnings,
    )
