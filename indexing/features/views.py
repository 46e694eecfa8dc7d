"""Feature views: named, versioned definitions of computed values, and the fingerprints that identify them.

Four kinds: a *passage* view (how a document becomes passages), an *embedding* view (how a passage becomes a vector),
a *lexical* view (how a text becomes terms) and a *conversation* view (how a chat becomes a query). A definition is what
a person writes; the fingerprint of the first three also covers the model's files, so it is the sha256 of everything
that can change a value that a shard holds.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal, TypeAlias, TypeVar

from indexing.catalogue.database import Catalogue, utc_now
from indexing.errors import FeatureViewChanged, InvalidInput, NotFound
from indexing.records import Json, fingerprint


@dataclass(frozen=True, slots=True)
class PassageView:
    """How a document becomes passages.

    ``strategy`` is ``headings`` (split at headings, then at sentences, up to the token limit, with overlap) or
    ``head`` (one passage: the beginning, up to the token limit). ``max_tokens`` counts the whole encoder input with
    its special
    tokens; ``None`` means the model's own limit. ``overlap_tokens`` of a passage's end are repeated in the next one;
    ``context_tokens`` bounds the title and heading path before the text.
    """

    kind: ClassVar[str] = "passage"
    name: str
    version: int
    strategy: Literal["headings", "head"]
    max_tokens: int | None
    overlap_tokens: int
    context_tokens: int
    algorithm: int = 1


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

    kind: ClassVar[str] = "conversation"
    name: str
    version: int
    roles: tuple[str, ...]
    earlier_turns: int
    dense_weight: float
    lexical_weight: float
    algorithm: int = 1


ALGORITHM = 1
"""The number of the passage algorithm that this code is; it changes when the same definition gives other passages."""
MAX_VERSION = 1_000_000
ROLES = ("user", "assistant", "system")
MAX_EARLIER_TURNS = 32
"""Of a conversation view: bounds what one search has to encode."""
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
_BUILT_IN: Mapping[str, Mapping[str, FeatureView]] = {
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


def record_view(catalogue: Catalogue, view: FeatureView) -> None:
    """Write a view's definition down at its first use, and hold it to that for ever.

    Raises:
        FeatureViewChanged: the same kind, name and version was written down with another definition.
    """
    text = json.dumps(definition(view), sort_keys=True)
    built_in = _BUILT_IN.get(view.kind, {}).get(view.name)
    if built_in is not None and built_in.version == view.version and built_in != view:
        raise FeatureViewChanged(
            f"The {view.kind} view {view.name}@{view.version} is built in with another definition:"
            f" give yours another name or version {view.version + 1}."
        )
    key = (view.kind, view.name, view.version)
    with catalogue.write() as db:
        old = db.conn.execute(
            "SELECT definition FROM feature_views WHERE kind = ? AND name = ? AND version = ?", key
        ).fetchone()
        if old is None:
            db.conn.execute("INSERT INTO feature_views VALUES (?, ?, ?, ?, ?)", (*key, text, utc_now()))
        elif old[0] != text:
            raise FeatureViewChanged(
                f"The {view.kind} view {view.name}@{view.version} was used as {old[0]} and is now {text}."
                f" What was computed with the old definition would be mixed with the new:"
                f" give the new one version {view.version + 1}."
            )


def passage_view(catalogue: Catalogue, name: str) -> PassageView:
    """The newest version of the named passage view, built in or added.

    Raises:
        NotFound: there is none of that name.
    """
    stored = _newest_definition(catalogue, PassageView.kind, name)
    added = None if stored is None else passage_view_from(stored)
    return _newest_view(catalogue, PassageView.kind, name, PASSAGE_VIEWS.get(name), added)


def conversation_view(catalogue: Catalogue, name: str) -> ConversationView:
    """The newest version of the named conversation view, built in or added.

    Raises:
        NotFound: there is none of that name.
    """
    stored = _newest_definition(catalogue, ConversationView.kind, name)
    added = None if stored is None else conversation_view_from(stored)
    return _newest_view(catalogue, ConversationView.kind, name, CONVERSATION_VIEWS.get(name), added)


def _newest_definition(catalogue: Catalogue, kind: str, name: str) -> Json:
    row = catalogue.row(
        "SELECT definition FROM feature_views WHERE kind = ? AND name = ? ORDER BY version DESC", (kind, name)
    )
    return None if row is None else json.loads(row["definition"])


_View = TypeVar("_View", PassageView, ConversationView)


def _newest_view(catalogue: Catalogue, kind: str, name: str, built_in: _View | None, stored: _View | None) -> _View:
    candidates = [view for view in (built_in, stored) if view is not None]
    if not candidates:
        added = {row["name"] for row in catalogue.rows("SELECT name FROM feature_views WHERE kind = ?", (kind,))}
        known = sorted(added | set(_BUILT_IN[kind]))
        raise NotFound(f"No {kind} view {name!r}; there are {', '.join(known)}. Add one with 'groundwork views add'.")
    return max(candidates, key=lambda view: view.version)


def view_from(value: Json) -> PassageView | ConversationView:
    """A view of a kind that people add, from JSON; without a ``kind`` it is a passage view.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    is_conversation = isinstance(value, dict) and value.get("kind") == ConversationView.kind
    return conversation_view_from(value) if is_conversation else passage_view_from(value)


def conversation_view_from(value: Json) -> ConversationView:
    """A conversation view from JSON.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    fields = {"kind", "name", "version", "roles", "earlier_turns", "dense_weight", "lexical_weight"}
    if not isinstance(value, dict) or not fields <= set(value) <= fields | {"algorithm"}:
        raise InvalidInput(f"{value!r} is not a conversation view: expected the fields {', '.join(sorted(fields))}.")
    roles, turns = value["roles"], value["earlier_turns"]
    if value["kind"] != ConversationView.kind or not isinstance(value["name"], str) or not value["name"]:
        raise InvalidInput(f"{value!r} is not a conversation view: expected kind 'conversation' and a name.")
    if type(value["version"]) is not int or not 1 <= value["version"] <= MAX_VERSION or value.get("algorithm", 1) != 1:
        raise InvalidInput(f"{value!r}: expected algorithm 1 and a version from 1 to {MAX_VERSION}.")
    if not isinstance(roles, list) or not roles or not all(role in ROLES for role in roles):
        raise InvalidInput(f"roles {roles!r}: expected a list of at least one of {', '.join(ROLES)}.")
    if type(turns) is not int or not 0 <= turns <= MAX_EARLIER_TURNS:
        raise InvalidInput(f"earlier_turns {turns!r}: expected a whole number from 0 to {MAX_EARLIER_TURNS}.")
    for name in ("dense_weight", "lexical_weight"):
        if type(value[name]) not in (int, float) or not 0 <= value[name] < 1:
            raise InvalidInput(f"{name} {value[name]!r}: expected a number of at least 0 and below 1.")
    return ConversationView(
        value["name"],
        value["version"],
        tuple(roles),
        earlier_turns=turns,
        dense_weight=float(value["dense_weight"]),
        lexical_weight=float(value["lexical_weight"]),
    )


def passage_view_from(value: Json) -> PassageView:
    """A passage view from JSON.

    Raises:
        InvalidInput: a field is missing, unknown or out of range.
    """
    fields = {"name", "version", "strategy", "max_tokens", "overlap_tokens", "context_tokens"}
    if not isinstance(value, dict) or not fields <= set(value) <= fields | {"kind", "algorithm"}:
        raise InvalidInput(f"{value!r} is not a passage view: expected an object with {', '.join(sorted(fields))}.")
    view = PassageView(**{name: value[name] for name in value if name != "kind"})
    numbers = (view.version, view.overlap_tokens, view.context_tokens, view.algorithm)
    if value.get("kind", "passage") != "passage" or not isinstance(view.name, str) or not view.name:
        raise InvalidInput(f"{value!r} is not a passage view: expected kind 'passage' and a name.")
    if not all(type(number) is int and number >= 0 for number in numbers) or view.version < 1:
        raise InvalidInput(f"{value!r}: version must be at least 1 and token numbers whole and not negative.")
    if view.algorithm != ALGORITHM or view.version > MAX_VERSION:
        raise InvalidInput(f"{value!r}: expected algorithm {ALGORITHM} and a version of at most {MAX_VERSION}.")
    if view.strategy not in ("headings", "head"):
        raise InvalidInput(f"strategy {view.strategy!r} is unknown: expected 'headings' or 'head'.")
    if view.max_tokens is not None and (type(view.max_tokens) is not int or view.max_tokens < 16):
        raise InvalidInput(f"max_tokens {view.max_tokens!r}: expected null or at least 16.")
    limit = view.max_tokens or 16
    if view.strategy == "headings" and view.max_tokens and view.overlap_tokens + view.context_tokens > limit // 2:
        raise InvalidInput(f"overlap_tokens plus context_tokens must be at most half of max_tokens {limit}.")
    return view
