"""The rows of the ledger: one for each request that was answered, shadowed or sent to a language model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from indexing.records import Json

KINDS = ("search", "context", "shadow", "model_call")
"""What a row may be about."""
ANSWER_KINDS = ("search", "context")
"""Those that a caller was answered: neither shadows nor calls of language models."""
ARMS = ("live", "candidate", "standby", "pinned", "interleaved")
"""Which part of the serving plan answered; ``interleaved``: the live one, with hits of the candidate in between."""


@dataclass(frozen=True, slots=True)
class QuerySketch:
    """A query vector under a fixed projection (``indexing.ledger.query_sketches``); those of one model compare."""

    model: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class ServedHit:
    """One hit as it was answered; its passage is ``document.text[start:end]``. Legs that did not score are ``None``."""

    document_id: str
    start: int
    end: int
    score: float
    dense: float | None
    lexical: float | None
    rerank: float | None
    features: Mapping[str, float] = field(default_factory=dict)
    """Feature values that boosts used; empty without boosts."""


@dataclass(slots=True)
class RequestRow:
    """One request: who asked, what served it and why, and what it was answered. It is changed by ``replace`` alone.

    It is not frozen, since making one of so many fields would take four times as long, for every request.

    Where the policy keeps no text, ``query``, ``filters`` and ``principals`` are ``None``. With
    ``GROUNDWORK_LEDGER=off`` a row says its assignment alone: it is not whole.
    """

    id: UUID
    """UUIDv7 (``indexing.ledger.ids``): it says the moment, and so the day's file."""
    process: str
    """Made at each start of a process."""
    number: int
    """1, 2, 3 ... in that process, without gaps: what is missing was lost or dropped."""
    kind: str
    """One of ``KINDS``."""
    request_id: str
    """The caller's ``x-request-id``."""
    tenant: str
    collection: str
    user: str | None
    """``keyed_hash`` of the user's id, never the id itself."""
    release: str
    """What answered, ``RECIPE.BUILD`` such as ``12.3``; ``0.0`` where it failed before a release was chosen."""
    rollout: int | None
    arm: str
    """One of ``ARMS``."""
    reason: str
    """Why it got that arm: ``live``, ``share 0.05 by tenant``, ``pinned``, ``held back``, ``chosen first``."""
    unit: str | None
    """``keyed_hash`` of what was assigned, the tenant, user or request; ``None`` outside a rollout."""
    mode: str
    k: int
    grouped: bool
    query_hash: str | None
    """``keyed_hash`` of the text, of the messages, or of the vector's bytes."""
    query: Mapping[str, Json] | None
    """``{"query": ...}``, ``{"messages": [...]}`` or ``{"vector": [...]}``, where text may be kept. Messages are
    ``{"role": ..., "content": TEXT}``; rows of earlier versions may hold ``[{"type": "text", ...}]`` instead. Beside
    them ``offset``, ``min_score`` and ``collapse`` where they were asked for. A search of several collections has a row
    for each, with ``part``: the ``places`` of its own ranking that were shown, and the ``max_score`` that its lexical
    scores were shares of."""
    filters: Mapping[str, Json] | None
    principals: Sequence[str] | None
    query_features: Mapping[str, float | str]
    """Computed while the text was at hand: length, terms, language, share of unknown words, zero overlap."""
    is_reranked: bool
    seq: int
    """The last write that the live view reflected."""
    view: int
    """Number of the live view's last change in this process, 0 before the first."""
    hits: Sequence[ServedHit]
    """Best first."""
    timings_ms: Mapping[str, float]
    """By stage; kept to the microsecond."""
    status: int
    """The HTTP status of the answer."""
    error: str | None
    warnings: Sequence[str]
    shadow_of: UUID | None = None
    """Of a shadow: the id of the row whose query it answered."""
    comparison: Mapping[str, float | str] | None = None
    """Of a shadow: how its answer differs from the one that was given. Of an interleaved answer: what
    ``indexing.ledger.interleaving`` says."""
    is_whole: bool = True
    """False where assignments alone are kept."""
    is_erased: bool = False
    """True where hits were taken out of it, since their document was erased."""
    sketch: QuerySketch | None = None
    """Of its query vector, where one was computed and the sample took it. It is stored beside the row; readers of rows
    do not give it, ``read_sketches`` does."""


@dataclass(frozen=True, slots=True)
class ViewChange:
    """A change of a process's live view, so that a later replay can see what a request saw."""

    process: str
    number: int
    """1, 2, 3 ... in that process; ``RequestRow.view`` names the last one before it."""
    at: str
    """When, UTC, ISO 8601 with milliseconds."""
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Counters:
    """How many rows a process has taken since its start, how many of them it dropped, and how many it wrote."""

    process: str
    accepted: int
    dropped: int
    written: int


def asked_text(query: Mapping[str, Json] | None) -> str:
    """The text of ``RequestRow.query``: of a chat its question; empty of a vector alone, and where none is kept."""
    if not query:
        return ""
    said = [turn["content"] for turn in query.get("messages", ()) if turn["role"] == "user"]
    texts = [one if isinstance(one, str) else "\n".join(part["text"] for part in one) for one in said]
    question = next((text for text in reversed(texts) if text.strip()), "")
    return str(query.get("query", question))
