"""Feature views: named, versioned definitions of computed values, and the fingerprints that identify them.

Five kinds: a *passage* view (how a document becomes passages), an *embedding* view (how a passage becomes a vector),
a *lexical* view (how a text becomes terms), a *conversation* view (how a chat becomes a query) and a *document* view
(typed values of a document that may boost it). A definition is what a person writes; the fingerprint of the first three
also covers the model's files, so it is the sha256 of everything that can change a value that a shard holds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field

from indexing.records import Json, fingerprint

ALGORITHM = 1
"""The number of the algorithm of document views."""
FIRST_WITH_ANSWERS = 2
"""The first conversation algorithm for which the assistant's last message counts, by how much a question refers."""
CONVERSATION_ALGORITHM = 2
"""The newest conversation algorithm. All stay."""
FIRST_WITH_TABLES = 2
"""The first passage algorithm whose passages carry the heading row of the table in which they begin."""
PASSAGE_ALGORITHM = 2
"""The newest passage algorithm; another one comes when the same definition gives other passages. All stay."""
LEXICAL_ALGORITHM = 2
"""The newest lexical algorithm, that of new recipes; older ones keep theirs."""
MAX_VERSION = 1_000_000
"""Of a view; our choice."""
Role: TypeAlias = Literal["user", "assistant", "system"]
"""Who speaks a turn of a chat."""
ROLES: tuple[Role, ...] = get_args(Role)
MAX_EARLIER_TURNS = 32
"""Of a conversation view: bounds what one search has to encode. Our choice."""
MIN_TOKENS = 16
"""Of a passage; our choice: fewer leave no room for a sentence beside the special tokens."""

Scalar: TypeAlias = int | float | bool | str | None
"""A value of a document view's column; ``None`` is null: it was looked for, and there is none."""
ColumnType: TypeAlias = Literal["int", "float", "bool", "str"]
"""Of a document view's column."""

# What people may add says of each field what is expected; ``view_registry`` reads it from JSON and says it in messages.
_STRICT = ConfigDict(extra="forbid", strict=True)
_Name = Annotated[str, Field(min_length=1, description="a name")]
_Version = Annotated[int, Field(ge=1, le=MAX_VERSION, description=f"a whole number from 1 to {MAX_VERSION}")]
_Algorithm = Annotated[int, Field(ge=ALGORITHM, le=ALGORITHM, description=f"{ALGORITHM}")]
_PassageAlgorithm = Annotated[
    int, Field(ge=1, le=PASSAGE_ALGORITHM, description=" or ".join(map(str, range(1, PASSAGE_ALGORITHM + 1))))
]
_ConversationAlgorithm = Annotated[
    int, Field(ge=1, le=CONVERSATION_ALGORITHM, description=" or ".join(map(str, range(1, CONVERSATION_ALGORITHM + 1))))
]
_Tokens = Annotated[int, Field(ge=0, description="a whole number of tokens, at least 0")]
_MaxTokens = Annotated[int, Field(ge=MIN_TOKENS)]
_COLUMN_NAME = r"^[a-z][a-z0-9_]{0,63}$"
_DOCUMENT_VIEW_NAME = r"^[a-z][a-z0-9_-]{0,63}$"
_Weight = Annotated[float, Field(ge=0, lt=1, description="a number of at least 0 and below 1")]


@dataclass(frozen=True, slots=True)
class PassageView:
    """How a document becomes passages.

    ``strategy`` is ``headings`` (split at headings, then at sentences, up to the token limit, with overlap) or
    ``head`` (one passage: the beginning, up to the token limit). ``max_tokens`` counts the whole encoder input with
    its special
    tokens; ``None`` means the model's own limit. ``overlap_tokens`` of a passage's end are repeated in the next one;
    ``context_tokens`` bounds the title and heading path before the text. From ``algorithm`` 2 on a passage that begins
    among the rows of a table carries the table's heading row as well, and rows are cut only where they do not fit.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    kind: ClassVar[str] = "passage"
    name: _Name
    version: _Version
    strategy: Annotated[Literal["headings", "head"], Field(description="'headings' or 'head'")]
    max_tokens: Annotated[_MaxTokens | None, Field(description=f"null or a whole number of at least {MIN_TOKENS}")]
    overlap_tokens: _Tokens
    context_tokens: _Tokens
    algorithm: _PassageAlgorithm = 1


@dataclass(frozen=True, slots=True)
class EmbeddingView:
    """How an encoder input becomes a vector: by which compiled form of the model (``int8`` or ``fp32``)."""

    kind: ClassVar[str] = "embedding"
    name: str
    version: int
    precision: Literal["fp32", "int8"]
    algorithm: int = 1


@dataclass(frozen=True, slots=True)
class LexicalView:
    """How a text becomes lexical terms: by a language, and by an algorithm.

    ``language`` is a Snowball language, one without spaces (``chinese``, ``thai``, ...), ``none``, or ``auto``, under
    which a build decides one for each collection. Algorithm 1 gives words alone, 2 also their parts, their folded forms
    and bigrams.
    """

    kind: ClassVar[str] = "lexical"
    name: str
    version: int
    language: str
    algorithm: int = 1


@dataclass(frozen=True, slots=True)
class ConversationView:
    """How a conversation becomes a query: what its earlier turns count beside the question, which is its last turn.

    The last ``earlier_turns`` turns before the question count, of those whose role is one of ``roles``.
    ``dense_weight`` is the share of their mean vector in the query's vector, at least 0 and below 1; ``lexical_weight``
    is what a term of one of them counts where a term of the question counts 1. From ``algorithm`` 2 on the assistant's
    message right before the question counts, too: ``answer_dense_weight`` is its share of the query's vector and
    ``answer_lexical_weight`` what one of its terms counts where a question refers as much as can be; less where it
    refers less, and nothing where it does not (see ``reference_share``).
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    kind: ClassVar[str] = "conversation"
    name: _Name
    version: _Version
    roles: Annotated[
        tuple[Role, ...],
        Field(min_length=1, description=f"a list of at least one of {', '.join(ROLES)}"),
    ]
    earlier_turns: Annotated[
        int, Field(ge=0, le=MAX_EARLIER_TURNS, description=f"a whole number from 0 to {MAX_EARLIER_TURNS}")
    ]
    dense_weight: _Weight
    lexical_weight: _Weight
    algorithm: _ConversationAlgorithm = 1
    answer_dense_weight: _Weight = 0.0
    answer_lexical_weight: _Weight = 0.0


@dataclass(frozen=True, slots=True)
class Column:
    """A value of a document view: ``stored`` in its rows, or computed from a row's moment whenever it is read.

    ``age_days`` is a ``float``: the days from the row's ``event_time`` to the moment that is asked about.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: Annotated[str, Field(pattern=_COLUMN_NAME)]
    type: ColumnType
    source: Literal["stored", "age_days"] = "stored"


@dataclass(frozen=True, slots=True)
class DocumentView:
    """Typed values of a document, computed from it or pushed.

    ``transformation`` names the code that computes the stored columns and ``code_sha256`` is that code's hash; both
    ``None`` mean that values are pushed. A value counts for ``ttl_seconds`` from its ``event_time`` on; ``None`` is
    for ever. All of it is part of the fingerprint.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    kind: ClassVar[str] = "document"
    name: Annotated[str, Field(pattern=_DOCUMENT_VIEW_NAME, description="lower-case letters, digits, '_' or '-'")]
    version: _Version
    columns: Annotated[
        tuple[Column, ...],
        Field(
            min_length=1,
            max_length=64,
            description="a list of 1 to 64 objects, each with a name, a type (int, float, bool, str) and perhaps a"
            " source (stored, age_days)",
        ),
    ]
    ttl_seconds: Annotated[int | None, Field(ge=1, description="null or a whole number of seconds, at least 1")]
    transformation: Annotated[str | None, Field(description="null or the name of a transformation")] = None
    code_sha256: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{64}$", description="null or the sha256 of the transformation's code")
    ] = None
    entity: Annotated[Literal["document"], Field(description="'document'")] = "document"
    algorithm: _Algorithm = ALGORITHM

    @property
    def id(self) -> str:
        """Its name and version, such as ``document_stats@1``."""
        return f"{self.name}@{self.version}"

    @property
    def fingerprint(self) -> str:
        """Identifies a document's values, given the document or what was pushed."""
        return _fingerprint_of(self)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that rows hold, in their order."""
        return tuple(column for column in self.columns if column.source == "stored")

    def column(self, name: str) -> Column | None:
        """The column of that name, or ``None``."""
        return next((column for column in self.columns if column.name == name), None)


@lru_cache(maxsize=256)
def _fingerprint_of(view: DocumentView) -> str:
    """Asked for with every search that boosts."""
    return fingerprint(definition(view))


FeatureView: TypeAlias = PassageView | EmbeddingView | LexicalView | ConversationView | DocumentView

DEFAULT_PASSAGES = PassageView(
    "default", 2, "headings", None, overlap_tokens=32, context_tokens=48, algorithm=PASSAGE_ALGORITHM
)
FIRST_PASSAGES = PassageView("default", 1, "headings", None, overlap_tokens=32, context_tokens=48)
"""What ``default`` was before tables carried their heading row; recipes that have it keep it."""
FIRST_256 = PassageView("first-256", 1, "head", 256, overlap_tokens=0, context_tokens=256)
PASSAGE_VIEWS: Mapping[str, PassageView] = {view.name: view for view in (DEFAULT_PASSAGES, FIRST_256)}
EMBEDDING_VIEWS: Mapping[str, EmbeddingView] = {
    "int8": EmbeddingView("int8", 1, "int8"),
    "fp32": EmbeddingView("fp32", 1, "fp32"),
}
# The weights are measured: benchmarks/results/conversation.json and conversation_answers.json.
FIRST_CONVERSATION = ConversationView("default", 1, ("user",), earlier_turns=8, dense_weight=0.3, lexical_weight=0.1)
"""What ``default`` was before the assistant's last message counted; recipes that have it keep it."""
DEFAULT_CONVERSATION = replace(
    FIRST_CONVERSATION,
    version=2,
    algorithm=CONVERSATION_ALGORITHM,
    answer_dense_weight=0.4,
    answer_lexical_weight=0.2,
)
CONVERSATION_VIEWS: Mapping[str, ConversationView] = {DEFAULT_CONVERSATION.name: DEFAULT_CONVERSATION}
_ENGAGEMENT_COLUMNS: tuple[tuple[str, ColumnType], ...] = (
    ("impressions", "int"),
    ("clicks", "int"),
    ("click_rate", "float"),
    ("opinions", "int"),
    ("approval", "float"),
)
DOCUMENT_STATS = DocumentView(
    "document_stats",
    1,
    (
        Column("length", "int"),
        Column("age", "float", "age_days"),
        Column("headings", "int"),
        Column("links", "int"),
        Column("passages", "int"),
    ),
    ttl_seconds=None,
    transformation="document_stats",
    code_sha256="c0c6c4fda3fbaf34a5bc70714ff20d0db3e19c8ad75f736f5bd09dc95510491a",
)
ENGAGEMENT_DAYS = (7, 30)
"""Windows of the view ``document_engagement``: a week, and what the ledger keeps by default."""
DOCUMENT_ENGAGEMENT = DocumentView(
    "document_engagement",
    1,
    tuple(Column(f"{name}_{days}d", kind) for days in ENGAGEMENT_DAYS for name, kind in _ENGAGEMENT_COLUMNS),
    ttl_seconds=2_592_000,
)
DOCUMENT_VIEWS: Mapping[str, DocumentView] = {view.name: view for view in (DOCUMENT_STATS, DOCUMENT_ENGAGEMENT)}
FROM_LEDGER: tuple[str, ...] = (DOCUMENT_ENGAGEMENT.name,)
"""Document views without a transformation whose values come from the ledger: people push none."""
SUPERSEDED: tuple[FeatureView, ...] = (FIRST_PASSAGES, FIRST_CONVERSATION)
"""What views of ``BUILT_IN`` were in earlier versions."""
BUILT_IN: Mapping[str, Mapping[str, FeatureView]] = {
    PassageView.kind: PASSAGE_VIEWS,
    ConversationView.kind: CONVERSATION_VIEWS,
    DocumentView.kind: DOCUMENT_VIEWS,
}


def lexical_view(language: str, algorithm: int = LEXICAL_ALGORITHM) -> LexicalView:
    """The lexical view of a language; its version is the number of its algorithm."""
    return LexicalView(language, algorithm, language, algorithm)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What of a model version can change a value: the sha256 of each file, its token limit and its document prompt."""

    tokenizer_sha256: str
    onnx_sha256: Mapping[str, str]
    max_tokens: int
    document_prompt: str


@dataclass(frozen=True, slots=True)
class FeatureViews:
    """The three views a shard is made with, bound to a model version."""

    passage: PassageView
    embedding: EmbeddingView
    lexical: LexicalView
    model: ModelFiles

    @property
    def passage_fingerprint(self) -> str:
        """Identifies a document's passages, given the document."""
        model = self.model
        return fingerprint([definition(self.passage), model.tokenizer_sha256, model.max_tokens, model.document_prompt])

    @property
    def embedding_fingerprint(self) -> str:
        """Identifies a vector, given the exact encoder input."""
        return fingerprint(
            [
                definition(self.embedding),
                self.model.onnx_sha256[self.embedding.precision],
                self.model.tokenizer_sha256,
                self.model.max_tokens,
                self.model.document_prompt,
            ]
        )

    @property
    def lexical_fingerprint(self) -> str:
        """Identifies the terms of a text."""
        return fingerprint(definition(self.lexical))

    @property
    def fingerprint(self) -> str:
        """Identifies everything a shard holds, given its documents."""
        return fingerprint([self.passage_fingerprint, self.embedding_fingerprint, self.lexical_fingerprint])


def definition(view: FeatureView) -> dict[str, Json]:
    """A view as plain JSON, its kind included."""
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(view).items()}
    if isinstance(view, ConversationView) and view.algorithm < FIRST_WITH_ANSWERS:
        del plain["answer_dense_weight"], plain["answer_lexical_weight"]  # there were none
    return {"kind": view.kind, **plain}
