"""Parts of what is sent, written by ``make client`` from the OpenAPI document of the API: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, TypeAlias, TypedDict


class ChatMessage(TypedDict):
    """One turn of a chat, as OpenAI's chat completions have it; the texts of its parts are joined by line
    breaks.

    Only what users and assistants said counts, and the system's turns under a conversation view that names
    them. What
    else a message holds, such as ``name``, ``tool_calls`` and ``tool_call_id``, is accepted and not looked
    at.
    """

    role: Required[Literal["user", "assistant", "system", "developer", "tool", "function"]]
    content: NotRequired[str | Sequence[ContentPart] | None]
    """A text, or a list of parts; null or left out where a message has none, as beside `tool_calls`. A message
    of the user has one.
    """


class ChunkingBody(TypedDict):
    """How a file is cut: ``auto``, or exactly as the recipe does."""

    type: Required[Literal["auto", "static"]]
    static: NotRequired[StaticSizes | None]


class CohereRerankBody(TypedDict):
    """What Cohere's clients send, and those of the servers that took over its shape."""

    query: Required[str]
    documents: Required[Sequence[str | TextDocument]]
    model: NotRequired[str | None]
    """`default`, or the name or id of the model that ranks: any other is refused."""
    top_n: NotRequired[int | None]
    """How many results, the best; by default all."""
    return_documents: NotRequired[bool]
    """Whether each result holds its text."""
    rank_fields: NotRequired[Sequence[Literal["text"]] | None]
    """Only `text` is read of a document."""
    max_tokens_per_doc: NotRequired[int | None]
    """A bound on what is read of each text; the model's own limit is mostly lower, and holds."""
    max_chunks_per_doc: NotRequired[int | None]
    """Each text is read once, from its beginning."""
    priority: NotRequired[int | None]
    """Counts nothing."""


class CompoundFilter(TypedDict):
    """A document fits all (``and``) or at least one (``or``) of some filters."""

    type: Required[Literal["and", "or"]]
    filters: Required[Sequence[EqualityFilter | OrderFilter | MembershipFilter | CompoundFilter]]


class Condition(TypedDict):
    """One comparison of a metadata field."""

    name: Required[str | Sequence[str]]
    """The name of a metadata field, by itself or alone in a list."""
    comparison_operator: Required[str]
    """One of is, =, is not, ≠, in, not in, >, <, ≥, ≤, after, before. Texts are compared whole: contains, start
    with, end with and empty are refused.
    """
    value: NotRequired[str | float | bool | Sequence[str | float] | None]


class ContentPart(TypedDict):
    """A piece of a message: a text, or an image, a sound, a file or a call, which is accepted and counts
    nothing.
    """

    type: Required[str]
    """The texts of text, input_text, output_text count; parts of any other type do not."""
    text: NotRequired[str | None]
    """The text of a part that is one."""


class EqualityFilter(TypedDict):
    """A document fits by whether its metadata has the value under the key; without the key it fits ``ne`` only."""

    key: Required[str]
    """The name of a metadata field."""
    type: Required[Literal["eq", "ne"]]
    value: Required[str | int | float | bool]


class FeedbackAttributes(TypedDict):
    """The details of an event. What is not listed here is allowed, as UBI has it, and not kept."""

    object: NotRequired[FeedbackObject | None]
    """Needed by all actions that are about a hit."""
    position: NotRequired[FeedbackPosition | None]
    rating: NotRequired[float | None]
    """Of `rate`: 0 is worst, 1 is best; thumbs are 0 and 1, stars of five (stars - 1) / 4."""
    dwell_ms: NotRequired[float | None]
    """Of `dwell`: how long the user read, in milliseconds."""


class FeedbackObject(TypedDict):
    """The hit that an event is about."""

    object_id: Required[str | int]
    """The `document_id` of the hit."""


class FeedbackPosition(TypedDict):
    """Where the user saw it. UBI's `xy` is read and not kept."""

    ordinal: NotRequired[int | None]
    """The rank of the hit as it was shown, from 1; left out, the rank in the answer counts."""


class FileExpiry(TypedDict):
    """When a file goes by itself."""

    anchor: Required[Literal["created_at"]]
    seconds: Required[int]


class MembershipFilter(TypedDict):
    """A document fits by whether its metadata has one of the values; without the key it fits ``nin`` only."""

    key: Required[str]
    """The name of a metadata field."""
    type: Required[Literal["in", "nin"]]
    value: Required[Sequence[str | int | float | bool]]


class MetadataCondition(TypedDict):
    """Comparisons that all or any must hold; none of them lets everything through."""

    logical_operator: NotRequired[Literal["and", "or"]]
    conditions: NotRequired[Sequence[Condition] | None]


class NamedDocumentBody(TypedDict):
    """A document with its id."""

    title: NotRequired[str]
    text: NotRequired[str]
    """What is searched; cut into passages."""
    url: NotRequired[str]
    metadata: NotRequired[Mapping[str, Any]]
    """What filters look at: at most 64 KiB of JSON and 10,000 values."""
    content_type: NotRequired[Literal["text/plain", "text/markdown", "text/rows"]]
    allow: NotRequired[Sequence[str] | None]
    """Who may see it: users, groups, roles. Left out, every caller of the tenant."""
    id: Required[str]
    """1 to 512 characters, unique in its collection; slashes are fine."""


class OrderFilter(TypedDict):
    """A document fits by where its metadata's value stands; strings are ordered by code point."""

    key: Required[str]
    """The name of a metadata field."""
    type: Required[Literal["gt", "gte", "lt", "lte"]]
    value: Required[str | int | float]


class PushedRow(TypedDict):
    """Values of one document. A column that is left out is null."""

    id: Required[str]
    values: Required[Mapping[str, Any]]
    """By column."""
    event_time: NotRequired[str | None]
    """Since when it is so, ISO 8601; left out, now."""


class RankingOptions(TypedDict):
    """How results are ranked and cut."""

    ranker: NotRequired[str]
    """`auto` and every `default-...` rank as the release does; `none` is refused while that reranks."""
    score_threshold: NotRequired[float]
    """The lowest score of a result: 0 to 1, calibrated."""


class RetrievalSetting(TypedDict):
    """How many records, and from which score on."""

    top_k: Required[int]
    score_threshold: NotRequired[float | None]
    """Records with a lower score are left out; the score is the calibrated one."""


class SearchBody(TypedDict):
    """One search: a question, which part of the ranking is wanted, and how its hits are shown."""

    query: NotRequired[str | None]
    """What to look for, in the user's words. Beyond the model's limit, text counts only lexically. Either this
    or messages.
    """
    messages: NotRequired[Sequence[ChatMessage] | None]
    """The chat so far, oldest first, instead of a query. Its last message of the user is the question; what the
    turns before it count is part of the recipe (its conversation view). As clients of chat completions send
    them: messages of tools and developers, calls, images and names are accepted and count nothing.
    """
    vector: NotRequired[Sequence[float] | None]
    """The query's vector, by the model of the release; it is set to unit norm. Alone with mode dense, or beside
    a query with mode hybrid, which is then not encoded.
    """
    collection: NotRequired[str]
    """The set of documents to search."""
    k: NotRequired[int]
    """How many hits to return."""
    mode: NotRequired[Literal["hybrid", "dense", "lexical"]]
    """Which legs rank: both, the vectors alone, or BM25 alone."""
    group_by_document: NotRequired[bool]
    """One hit a document (its best passage); false: every passage counts."""
    min_seq: NotRequired[str | int | None]
    """See at least the write that was answered with this `seq`; waits a little for it, else answers 412. A
    number, as earlier versions gave, is deprecated: the next version refuses it.
    """
    filters: NotRequired[EqualityFilter | OrderFilter | MembershipFilter | CompoundFilter | None]
    """Which documents may be found, by their metadata: {type: eq|ne|gt|gte|lt|lte|in|nin, key, value} or {type:
    and|or, filters: [...]}, at most 8 deep and with 100 comparisons.
    """
    principals: NotRequired[Sequence[str]]
    """Who asks: the user, its groups and roles, as your backend knows them. A document that names who may see it
    is found by those alone; without principals only documents without an `allow` list are found.
    """
    user: NotRequired[str | None]
    """Whose request this is, by any id that stays the same for one person. It changes no hit: a rollout by user
    gives the same user the same release, and the ledger keeps a keyed hash of it, never the id itself.
    """
    min_score: NotRequired[float | None]
    """Leave out hits whose score is lower; `below_min_score` of the answer says how many those were."""
    collapse: NotRequired[bool]
    """Show near-duplicates once: a hit whose text is that of a better one but for a few words, numbers aside, is
    named in `near_duplicates` of that one, and the next takes its place.
    """
    collections: NotRequired[Sequence[str] | None]
    """Several sets of documents to search at once, instead of `collection`: one ranking by score, in which each
    hit names its collection.
    """
    offset: NotRequired[int]
    """How many hits to pass over: pages of the same `k` join to one ranking, of which 2,000 ranks can be asked
    for, as long as the answers name the same release and snapshot and nothing is written.
    """
    fields: NotRequired[
        Sequence[
            Literal[
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
        ]
        | None
    ]
    """Which fields of a hit to send beside rank, score, collection, document_id, passage_id, which always are;
    left out: all.
    """
    highlight: NotRequired[bool]
    """Say in `highlights` of each hit where the words that were looked for stand in title and text."""
    snippet: NotRequired[int | None]
    """Give of each hit, in `snippet`, the sentences that hold most of what was looked for, in at most so many
    code points.
    """


class StaticSizes(TypedDict):
    """How large chunks are, in tokens."""

    max_chunk_size_tokens: Required[int]
    chunk_overlap_tokens: Required[int]


class StepBody(TypedDict):
    """One step of a canary."""

    share: Required[float]
    at_least_requests: Required[int]
    """Answers of the candidate."""
    at_least_seconds: Required[float]


class StoreExpiry(TypedDict):
    """After how many days without use a store expires."""

    anchor: Required[Literal["last_active_at"]]
    days: Required[int]


class StoreFileBody(TypedDict):
    """A file that is to be read into a store."""

    chunking_strategy: NotRequired[ChunkingBody | None]
    file_id: Required[str]
    attributes: NotRequired[Mapping[str, bool | int | float | str] | None]


class TeiRerankBody(TypedDict):
    """What clients of Text Embeddings Inference send."""

    query: Required[str]
    texts: Required[Sequence[str]]
    raw_scores: NotRequired[bool]
    """The model's own numbers (logits, or cosines) instead of 0..1."""
    return_text: NotRequired[bool]
    """Whether each result holds its text."""
    truncate: NotRequired[Literal[True] | None]
    """Texts are always cut at the model's limit."""
    truncation_direction: NotRequired[Literal["right", "Right"]]
    """Texts are cut at their end."""


class TextDocument(TypedDict):
    """A document of which the text counts; its other fields count nothing."""

    text: Required[str]


RerankBody: TypeAlias = CohereRerankBody | TeiRerankBody
