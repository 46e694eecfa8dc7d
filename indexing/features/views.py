"""Feature views: named, versioned definitions of computed values, and the fingerprints that identify them.

Four kinds: a *passage* view (how a document becomes passages), an *embedding* view (how a passage becomes a vector),
a *lexical* view (how a text becomes terms) and a *conversation* view (how a chat becomes a query). A definition is what
a person writes; the fingerprint of the first three also covers the model's files, so it is the sha256 of everything
that can change a value that a shard holds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from pydantic import ConfigDict, Field

from indexing.records import Json, fingerprint

ALGORITHM = 1
"""The number of the passage algorithm that this code is; it changes when the same definition gives other passages."""
MAX_VERSION = 1_000_000
"""Of a view; our choice."""
Role: TypeAlias = Literal["user", "assistant", "system"]
"""Who speaks a turn of a chat."""
ROLES: tuple[Role, ...] = get_args(Role)
MAX_EARLIER_TURNS = 32
"""Of a conversation view: bounds what one search has to encode."""
MIN_TOKENS = 16
"""Of a passage; our choice: fewer leave no room for a sentence beside the special tokens."""

# What people may add says of each field what is expected; ``view_registry`` reads it from JSON and says it in messages.
_STRICT = ConfigDict(extra="forbid", strict=True)
_Name = Annotated[str, Field(min_length=1, description="a name")]
_Version = Annotated[int, Field(ge=1, le=MAX_VERSION, description=f"a whole number from 1 to {MAX_VERSION}")]
_Algorithm = Annotated[int, Field(ge=ALGORITHM, le=ALGORITHM, description=f"{ALGORITHM}")]
_Tokens = Annotated[int, Field(ge=0, description="a whole number of tokens, at least 0")]
_MaxTokens = Annotated[int, Field(ge=MIN_TOKENS)]
_Weight = Annotated[float, Field(ge=0, lt=1, description="a number of at least 0 and below 1")]


@dataclass(frozen=True, slots=True)
class PassageView:
    """How a document becomes passages.

    ``strategy`` is ``headings`` (split at headings, then at sentences, up to the token limit, with overlap) or
    ``head`` (one passage: the beginning, up to the token limit). ``max_tokens`` counts the whole encoder input with
    its special
    tokens; ``None`` means the model's own limit. ``overlap_tokens`` of a passage's end are repeated in the next one;
    ``context_tokens`` bounds the title and heading path before the text.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    kind: ClassVar[str] = "passage"
    name: _Name
    version: _Version
    strategy: Annotated[Literal["headings", "head"], Field(description="'headings' or 'head'")]
    max_tokens: Annotated[_MaxTokens | None, Field(description=f"null or a whole number of at least {MIN_TOKENS}")]
    overlap_tokens: _Tokens
    context_tokens: _Tokens
    algorithm: _Algorithm = ALGORITHM


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
    """How a text becomes lexical terms: a Snowball language (``english``, ``german``, ...) or ``none``."""

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
    is what a term of one of them counts where a term of the question counts 1.
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
    algorithm: _Algorithm = ALGORITHM


FeatureView: TypeAlias = PassageView | EmbeddingView | LexicalView | ConversationView

DEFAULT_PASSAGES = PassageView("default", 1, "headings", None, overlap_tokens=32, context_tokens=48)
FIRST_256 = PassageView("first-256", 1, "head", 256, overlap_tokens=0, context_tokens=256)
PASSAGE_VIEWS: Mapping[str, PassageView] = {view.name: view for view in (DEFAULT_PASSAGES, FIRST_256)}
EMBEDDING_VIEWS: Mapping[str, EmbeddingView] = {
    "int8": EmbeddingView("int8", 1, "int8"),
    "fp32": EmbeddingView("fp32", 1, "fp32"),
}
# The weights are measured: benchmarks/results/conversation.json.
DEFAULT_CONVERSATION = ConversationView("default", 1, ("user",), earlier_turns=8, dense_weight=0.3, lexical_weight=0.1)
CONVERSATION_VIEWS: Mapping[str, ConversationView] = {DEFAULT_CONVERSATION.name: DEFAULT_CONVERSATION}
BUILT_IN: Mapping[str, Mapping[str, FeatureView]] = {
    PassageView.kind: PASSAGE_VIEWS,
    ConversationView.kind: CONVERSATION_VIEWS,
}


def lexical_view(language: str) -> LexicalView:
    """The lexical view of a language."""
    return LexicalView(language, 1, language)


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
    return {"kind": view.kind, **plain}
