"""What a search may ask beside its question: which part of the ranking, and how its hits are shown."""

from typing import Annotated, Literal, TypeAlias, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from app.schemas.scalars import NO_TEXT, Flag, Number
from indexing.catalogue.names import MAX_NAME_CHARS

MAX_COLLECTIONS = 10
"""Collections of one search; our choice: each costs as much as a search of its own, but for the encoding."""
MAX_WINDOW = 2_000
"""The last rank that can be asked for, offset and k together; our choice: each page ranks all that stand before it."""
MIN_SNIPPET, MAX_SNIPPET = 40, 2_000
"""Code points of a snippet; our choice: a short sentence, and the longest passages."""

CollectionName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS)]
HitField: TypeAlias = Literal[
    "rank",
    "score",
    "collection",
    "document_id",
    "passage_id",
    "release",
    "scores",
    "title",
    "text",
    "start",
    "end",
    "headings",
    "table_heading",
    "url",
    "metadata",
]
"""What can be asked for of a hit."""
ALWAYS_SENT = ("rank", "score", "collection", "document_id", "passage_id")
"""What names a hit and says where it stands: sent whatever ``fields`` says."""


_Name = TypeVar("_Name", bound=str)


def _each_once(names: list[_Name]) -> list[_Name]:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is named more than once: name each once")
    return names


Collections: TypeAlias = Annotated[
    Annotated[
        list[CollectionName],
        Field(min_length=1, max_length=MAX_COLLECTIONS, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_each_once),
    ]
    | None,
    Field(
        description="Several sets of documents to search at once, instead of `collection`: one ranking by score, in"
        " which each hit names its collection.",
    ),
]
Offset: TypeAlias = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_WINDOW - 1,
        description=f"How many hits to pass over: pages of the same `k` join to one ranking, of which {MAX_WINDOW:,}"
        " ranks can be asked for, as long as the answers name the same release and snapshot and nothing is written.",
    ),
    NO_TEXT,
]
MinScore: TypeAlias = Annotated[
    Annotated[Number, Field(ge=0.0, le=1.0)] | None,
    Field(
        description="Leave out hits whose score is lower; `below_min_score` of the answer says how many those were.",
    ),
]
Fields: TypeAlias = Annotated[
    Annotated[
        list[HitField],
        Field(min_length=1, max_length=len(get_args(HitField)), json_schema_extra={"uniqueItems": True}),
        AfterValidator(_each_once),
    ]
    | None,
    Field(
        description=f"Which fields of a hit to send beside {', '.join(ALWAYS_SENT)}, which always are; left out: all.",
    ),
]
Highlight: TypeAlias = Annotated[
    Flag,
    Field(description="Say in `highlights` of each hit where the words that were looked for stand in title and text."),
]
SnippetLength: TypeAlias = Annotated[
    Annotated[int, Field(ge=MIN_SNIPPET, le=MAX_SNIPPET), NO_TEXT] | None,
    Field(
        description="Give of each hit, in `snippet`, the sentences that hold most of what was looked for, in at most so"
        " many code points.",
    ),
]
Collapse: TypeAlias = Annotated[
    Flag,
    Field(
        description="Show near-duplicates once: a hit whose text is that of a better one but for a few words, numbers"
        " aside, is named in `near_duplicates` of that one, and the next takes its place."
    ),
]

Span: TypeAlias = Annotated[
    tuple[int, int], Field(description="From and to, in code points; the end is not part of it.")
]


class Highlights(BaseModel):
    """Where the words that were looked for stand, by the words, parts and stems that the lexical leg goes by."""

    title: list[Span] = Field(description="In `title`; in order, none overlaps another.")
    text: list[Span] = Field(description="In `text`; likewise. Their offsets count from the beginning of `text`.")


class SnippetPiece(BaseModel):
    """A run of sentences of the hit's text, from ``start`` to ``end`` of ``text`` (code points)."""

    start: int
    end: int


class Snippet(BaseModel):
    """The best sentences of a hit, as they stand in its text."""

    text: str = Field(description="The pieces in reading order; what is left out between two is one ` … `.")
    html: str = Field(
        description="The same for a page: all that is markup in HTML is escaped, and what was looked for stands in"
        " `<mark>`."
    )
    pieces: list[SnippetPiece] = Field(description="Where they stand in `text` of the hit.")
    is_cut: bool = Field(
        description="Whether a sentence is longer than the snippet may be, so that only part is shown."
    )


class CollapsedHit(BaseModel):
    """A hit that is not shown, since a better one says the same."""

    collection: str
    document_id: str
    passage_id: str
