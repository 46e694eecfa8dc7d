"""The shapes of ``POST /v1/search`` on the wire, which other searches extend."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.retrieval.hits import Result
from app.schemas.chats import MAX_MESSAGES, ChatMessage, spoken
from app.schemas.filters import MAX_COMPARISONS, MAX_DEPTH, FilterBody
from app.schemas.principals import MAX_PRINCIPALS, Principals
from app.schemas.scalars import NO_TEXT, Flag, Number
from app.schemas.search_options import (
    ALWAYS_SENT,
    MAX_WINDOW,
    Collapse,
    CollapsedHit,
    CollectionName,
    Collections,
    Fields,
    Highlight,
    Highlights,
    MinScore,
    Offset,
    Snippet,
    SnippetLength,
)
from indexing.features.conversation import USER, Message, Turns, read_conversation
from indexing.features.views import ConversationView
from indexing.records import MAX_INTEGER, Json

MAX_K = 1000
"""The most hits of one search. Our choice."""
MAX_QUERY_CHARACTERS = 20_000
"""The longest query, in code points. Our choice."""
MAX_DIMENSION = 8_192
"""Components of a vector that is read at all; the model's dimension decides later. Our choice."""
MAX_USER_CHARACTERS = 512
"""The longest id of a user, in code points. Our choice."""

SequenceToken = Annotated[str, StringConstraints(min_length=1, max_length=64)]
OldSequenceNumber = Annotated[int, Field(strict=True, ge=0, le=MAX_INTEGER, json_schema_extra={"deprecated": True})]
UserId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_USER_CHARACTERS)]
QueryText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY_CHARACTERS)]


_TEXT, _LIST, _NULL = {"type": "string"}, {"type": "array"}, {"type": "null"}
WHAT_TO_LOOK_FOR: list[Json] = [
    {"title": "Query", "required": ["query"], "properties": {"query": _TEXT, "messages": _NULL}},
    {"title": "Messages", "required": ["messages"], "properties": {"messages": _LIST, "query": _NULL}},
    {
        "title": "Vector",
        "required": ["vector", "mode"],
        "properties": {"vector": _LIST, "mode": {"const": "dense"}, "query": _NULL, "messages": _NULL},
    },
]
"""What ``SearchBody`` demands of several fields together, for the OpenAPI document."""


class QuestionBody(BaseModel):
    """What is asked of one collection. Unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"oneOf": WHAT_TO_LOOK_FOR})

    query: QueryText | None = Field(
        None,
        description="What to look for, in the user's words. Beyond the model's limit, text counts only lexically."
        " Either this or messages.",
    )
    messages: list[ChatMessage] | None = Field(
        None,
        min_length=1,
        max_length=MAX_MESSAGES,
        description="The chat so far, oldest first, instead of a query. Its last message of the user is the question;"
        " what the turns before it count is part of the recipe (its conversation view). As clients of chat completions"
        " send them: messages of tools and developers, calls, images and names are accepted and count nothing.",
    )
    vector: list[Number] | None = Field(
        None,
        max_length=MAX_DIMENSION,
        description="The query's vector, by the model of the release; it is set to unit norm. Alone with mode dense, or"
        " beside a query with mode hybrid, which is then not encoded.",
    )
    collection: CollectionName = Field("default", description="The set of documents to search.")
    k: Annotated[int, Field(ge=1, le=MAX_K), NO_TEXT] = Field(10, description="How many hits to return.")
    mode: Literal["hybrid", "dense", "lexical"] = Field(
        "hybrid", description="Which legs rank: both, the vectors alone, or BM25 alone."
    )
    group_by_document: Flag = Field(
        True, description="One hit a document (its best passage); false: every passage counts."
    )
    min_seq: SequenceToken | OldSequenceNumber | None = Field(
        None,
        description="See at least the write that was answered with this `seq`; waits a little for it, else answers 412."
        " A number, as earlier versions gave, is deprecated: the next version refuses it.",
    )
    filters: FilterBody | None = Field(
        None,
        description="Which documents may be found, by their metadata: {type: eq|ne|gt|gte|lt|lte|in|nin, key, value} or"
        f" {{type: and|or, filters: [...]}}, at most {MAX_DEPTH} deep and with {MAX_COMPARISONS} comparisons.",
    )
    principals: Principals = Field(
        default_factory=list,
        max_length=MAX_PRINCIPALS,
        description="Who asks: the user, its groups and roles, as your backend knows them. A document that names who"
        " may see it is found by those alone; without principals only documents without an `allow` list are found.",
    )
    user: UserId | None = Field(
        None,
        description="Whose request this is, by any id that stays the same for one person. It changes no hit: a rollout"
        " by user gives the same user the same release, and the ledger keeps a keyed hash of it, never the id itself.",
    )
    min_score: MinScore = None
    collapse: Collapse = False

    @model_validator(mode="after")
    def _say_what_to_look_for(self) -> Self:
        if self.query is not None and self.messages is not None:
            raise ValueError("give either query or messages, not both: the question is the last of the messages")
        if self.query is None and self.messages is None and (self.vector is None or self.mode != "dense"):
            raise ValueError("give a query or messages; a vector alone is enough only with mode 'dense'")
        if self.vector is not None and self.mode == "lexical":
            raise ValueError("mode 'lexical' takes no vector: leave it out, or choose another mode")
        return self

    @model_validator(mode="after")
    def _have_a_question(self) -> Self:
        if self.messages is not None:
            asked = [message.content.strip() for message in self.spoken if message.role == USER]
            question = next((text for text in reversed(asked) if text), "")
            if not 0 < len(question) <= MAX_QUERY_CHARACTERS:
                raise ValueError(
                    f"the question, the last of the messages whose role is user, has {len(question)} characters:"
                    f" expected 1 to {MAX_QUERY_CHARACTERS}"
                )
        return self

    @property
    def spoken(self) -> list[Message]:
        """The messages that a conversation view can count, each as one text; none beside a query."""
        return spoken(self.messages or [])

    def turns(self, view: ConversationView | None) -> Turns:
        """The question, empty beside a vector alone, and the turns before it that count under a conversation view."""
        if self.messages is None:
            return Turns(self.query or "")
        return read_conversation(view, self.spoken)

    @property
    def skipped(self) -> int:
        """How many hits of the ranking stand before the first that is wanted."""
        return 0

    @property
    def takes_time(self) -> bool:
        """Whether what is asked beside the question takes as long as a search, or longer."""
        return self.collapse


class SearchBody(QuestionBody):
    """One search: a question, which part of the ranking is wanted, and how its hits are shown."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "why was my card declined", "collection": "helpdesk", "k": 5}],
            "oneOf": WHAT_TO_LOOK_FOR,
        },
    )

    collections: Collections = None
    offset: Offset = 0
    fields: Fields = None
    highlight: Highlight = False
    snippet: SnippetLength = None

    @model_validator(mode="after")
    def _stay_in_bounds(self) -> Self:
        if self.collections is not None and "collection" in self.model_fields_set:
            raise ValueError("give either collection or collections, not both")
        if self.offset + self.k > MAX_WINDOW:
            raise ValueError(
                f"offset {self.offset} and k {self.k} reach beyond rank {MAX_WINDOW:,}: narrow the search with filters"
            )
        return self

    @property
    def skipped(self) -> int:
        """See ``QuestionBody``."""
        return self.offset

    @property
    def takes_time(self) -> bool:
        """See ``QuestionBody``."""
        return self.collapse or self.offset > 0 or self.highlight or self.snippet is not None

    def part(self, collection: str) -> "SearchBody":
        """What is asked of one collection of several: its own ranking, of which all that is wanted is taken."""
        only = {"collections": None, "collection": collection, "offset": 0, "min_score": None, "collapse": False}
        return self.model_copy(update=only)


class LegScores(BaseModel):
    """The raw scores: cosine (-1..1) and BM25 (0 or more). A leg that the mode does not use is null.

    Grouped by document, each is the best that any passage of the document has, which need not be the passage shown.
    """

    dense: float | None
    lexical: float | None
    rerank: float | None = Field(None, description="The reranker's logit for this passage; null without a second pass.")


class Hit(BaseModel):
    """A passage with its rank and score. ``text`` is the document's text from ``start`` to ``end`` (code points).

    Which fields it has beside the first ones says ``fields`` of the request; by default all but those of its options.
    """

    rank: int = Field(description="From 1; after an `offset` from the one after it.")
    score: float = Field(
        ge=0,
        le=1,
        description="The chance that the document answers, as far as judgments say: of hits that score 0.6, about"
        " six in ten are right. It never rises with rank, and may be compared between queries of one mode and release."
        " How far it can be trusted, and what `min_score` to choose, is drawn in the quality report.",
    )
    collection: str = Field(description="The collection whose document it is.")
    document_id: str
    passage_id: str
    release: str = Field(
        "",
        description="The release that found this hit: that of the answer, but in an interleaving, where hits of the"
        " candidate stand between them and scores of two releases are in no order.",
    )
    scores: LegScores = Field(LegScores(dense=None, lexical=None))
    title: str = ""
    text: str = ""
    start: int = 0
    end: int = 0
    headings: list[str] = Field([])
    table_heading: str = Field(
        "",
        description="The heading row of the table among whose rows it begins, which says what its columns are; empty"
        " elsewhere, and under passage views from before there was one.",
    )
    url: str = ""
    metadata: dict[str, Any] = Field({})
    query_id: str | None = Field(
        None, description="Of a search of several collections: the name in the ledger for feedback about this hit."
    )
    highlights: Highlights | None = Field(None, description="There where `highlight` asks for it.")
    snippet: Snippet | None = Field(None, description="There where `snippet` asks for it.")
    near_duplicates: list[CollapsedHit] | None = Field(
        None,
        description="There where `collapse` asks for it: the hits left out for this one, best first, of the ranks that"
        " were looked at for this page.",
    )


class SearchAnswer(BaseModel):
    """Ranked hits, what served them, and where the time went."""

    request_id: str
    query_id: str = Field(
        description="This answer's name in the ledger: opaque, another each time, and of use to this tenant alone."
    )
    release: str = Field(
        description="The release that served this answer, RECIPE.BUILD: the live one in an interleaving."
    )
    snapshot: str
    seq: str = Field(
        description="Writes up to this one are in this answer, but for those that wait for a build: opaque, a `min_seq`"
        " of later searches; another text each time."
    )
    hits: list[Hit]
    timings_ms: dict[str, float] = Field(
        description="Milliseconds by stage: encode, dense, lexical, fuse, hydrate, total."
    )
    warnings: list[str] = Field(
        description="What is missing from this answer, such as a corrupt shard; normally empty."
    )
    below_min_score: int | None = Field(
        None, description="There where `min_score` is given: how many hits were left out that would stand here else."
    )


def answer_of(
    result: Result,
    release: str,
    snapshot: str,
    request_id: str,
    *,
    query_id: str,
    seq: str | int,
    asked: SearchBody | None = None,
    details: Sequence[Mapping[str, Json]] = (),
) -> dict[str, Json]:
    """A search result as it goes over the wire: what ``SearchAnswer`` describes, not checked against it once more.

    ``seq`` is a token for a tenant, and a number for the command line; ``details`` are those of each hit, or none.
    ``asked`` says which of a hit's fields are sent.
    """
    hits = [
        {
            "rank": hit.rank,
            "score": hit.score,
            "collection": hit.passage.partition.collection,
            "document_id": hit.passage.document_id,
            "passage_id": hit.passage.id,
            "release": hit.release or release,
            "scores": {"dense": hit.dense, "lexical": hit.lexical, "rerank": hit.rerank},
            "title": hit.passage.title,
            "text": hit.passage.text,
            "start": hit.passage.start,
            "end": hit.passage.end,
            "headings": hit.passage.headings,
            "table_heading": hit.passage.table_heading,
            "url": hit.passage.url,
            "metadata": hit.passage.metadata,
        }
        for hit in result.hits
    ]
    if asked is not None and asked.fields is not None:
        sent = {*ALWAYS_SENT, *asked.fields}
        hits = [{name: value for name, value in hit.items() if name in sent} for hit in hits]
    if details:
        hits = [{**hit, **more} for hit, more in zip(hits, details, strict=True)]
    bounded = {"below_min_score": result.below_min_score} if asked is not None and asked.min_score is not None else {}
    return {
        "request_id": request_id,
        "query_id": query_id,
        "release": release,
        "snapshot": snapshot,
        "seq": seq,
        "hits": hits,
        "timings_ms": {stage: round(milliseconds, 3) for stage, milliseconds in result.timings_ms.items()},
        "warnings": result.warnings,
        **bounded,
    }
