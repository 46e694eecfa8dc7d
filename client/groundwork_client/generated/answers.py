"""What the API answers, written by ``make client`` from its OpenAPI document: do not edit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from groundwork_client.answer import Answer


class AcceptedAnswer(Answer):
    """Files are kept durably, and are read now; the header `Location` says where to look."""

    collection: str
    uploads: list[UploadAnswer]


class AccountAnswer(Answer):
    """Where the text of a document's file went when it was read, in letters and digits."""

    reader: str
    """What read it, with the number of its rules."""
    raw: int
    """What the file holds."""
    kept: int
    """What stands in `text`."""
    left_out: dict[str, int]
    """What was left out, by reason."""
    unexplained: int
    """What is missing without a reason."""
    notes: list[str]
    """What else is to be known of it, such as pages that are pictures."""


class AlertAnswer(Answer):
    """Something about quality that a person should know."""

    id: int
    key: str
    """What it is about: while it is open, the same is said of no other alert."""
    tenant: str | None
    """Whose traffic it is about; null: everyone's."""
    severity: Literal["warning", "critical"] | str
    source: str
    """What said it, such as `drift`."""
    message: str
    evidence: dict[str, Any]
    """The figures behind it."""
    times: int
    """How often it was raised."""
    first_at: str
    last_at: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    note: str | None


class AlertsAnswer(Answer):
    """Alerts, the last raised first."""

    alerts: list[AlertAnswer]


class AnswersAnswer(Answer):
    """Which answers something had a part in."""

    requests: int
    by_release: list[dict[str, Any]]
    newest: list[dict[str, Any]]
    has_more: bool
    """True where they were not counted to the end."""
    unread: list[str]
    """Days of the ledger that could not be read."""


class BatchedAnswer(Answer):
    """One search of a batch: its answer, or why there is none."""

    status: int
    """As the search alone would be answered: 200, or 404, 412, 504 ..."""
    answer: SearchAnswer | None = None
    """There with status 200."""
    error: str | None = None
    """There with any other: what went wrong, in one word."""
    message: str | None = None
    """There beside `error`: the value, what was expected, what to do."""


class BuildRequestAnswer(Answer):
    """A build that is asked for and has not been done yet."""

    id: int
    """As in a write's `build_request`."""
    reason: str
    tenant: str | None
    """Whose write asked for it; null: the installation itself did."""
    created_at: str


class BuildRequestsAnswer(Answer):
    """A page of the open requests for builds, the oldest first, and what waits for them."""

    requests: list[BuildRequestAnswer]
    next: int | None
    """Give it as `after` for the next page; null at the end."""
    documents_waiting: int
    """Documents whose last version is found once a build is done."""
    builder: BuilderAnswer


class BuilderAnswer(Answer):
    """Whether a builder (`groundwork builder`) runs the builds that are asked for."""

    state: Literal["running", "none seen"] | str
    seen_at: str | None
    """When one was last seen; null: none was, or the last one was stopped."""


class CalibrationAnswer(Answer):
    """What the scores of a collection are fitted to."""

    source: Literal["judgments", "leg check", "general"] | str
    """`general`: the recipe's curve as it is; else what it was moved by for this collection."""
    samples: int
    """Judged queries, or sampled passages, that it was moved by; 0 for `general`."""
    modes: dict[str, MoveAnswer]
    """By mode; one that is left out has the recipe's curve."""


class ChunkingAnswer(Answer):
    """How files are cut; ``other`` while no recipe is in service."""

    type: Literal["static", "other"] | str
    static: StaticSizes | None = None


class CitedPassages(Answer):
    """A numbered entry of the block: neighbouring passages of one document."""

    number: int
    """As in the block, from 1."""
    document_id: str
    title: str
    url: str
    headings: list[str]
    """The headings that its passages stand under together."""
    score: float
    """The chance that it answers, 0..1, as in a search: its best passage's."""
    passages: list[str]
    """Ids of the passages it is made of, in reading order."""
    start: int
    """Where its first piece begins in the document's text."""
    end: int
    """Where its last piece ends."""
    pieces: list[CitedPiece]
    """Its text is the document's from start to end of each; only whitespace lies between them."""
    table_heading: str
    """As of a hit, of its first piece: the block holds it before the text; empty outside of tables."""
    is_cut: bool
    """Whether its text ends before its last passage does, at the end of a sentence."""


class CitedPiece(Answer):
    """A run of a document's text in the block, from ``start`` to ``end`` (code points)."""

    start: int
    end: int


class CohereAnswer(Answer):
    """Cohere's answer, and which model ranked."""

    id: str
    """The request's id."""
    results: list[CohereResult]
    model: str
    """What gave the scores: a reranker's id; or, where the recipe in service has none, the embedding model's
    with ` (embedding)` behind it, whose scores are those of a search in the mode dense.
    """
    meta: Meta | None = None


class CohereResult(Answer):
    """One text by its place in the request, best first."""

    index: int
    relevance_score: float
    """0..1; higher is better."""
    document: TextDocument | None = None
    """There where the request asked for it."""


class CollapsedHit(Answer):
    """A hit that is not shown, since a better one says the same."""

    collection: str
    document_id: str
    passage_id: str


class CollectionAnswer(Answer):
    """A collection."""

    name: str
    documents: int


class CollectionsAnswer(Answer):
    """A page of the tenant's collections, by name."""

    collections: list[CollectionAnswer]
    next: str | None
    """Give it as `after` for the next page; null at the end."""


class ContextAnswer(Answer):
    """A block of text for a prompt, where it comes from, and what is not in it."""

    request_id: str
    query_id: str
    """As of a search: this answer's name in the ledger."""
    release: str
    """The release that served this answer, RECIPE.BUILD."""
    snapshot: str
    seq: str
    """As of a search: every write up to this one that waits for no build is seen."""
    context: str
    """Entries like `[1] Title > Heading (URL)`, each with its text; may be empty."""
    tokens: int
    """Tokens of the block, by the tokenizer of the release's model."""
    citations: list[CitedPassages]
    left_out: list[LeftOutPassage]
    """Every other hit, best first."""
    timings_ms: dict[str, float]
    """Milliseconds by stage, as of a search, and `context`."""
    warnings: list[str]
    """What is missing from this answer; normally empty."""


class CountAnswer(Answer):
    """How many documents fit."""

    collection: str
    documents: int


class CreatedCollectionAnswer(Answer):
    """A collection that is there now."""

    name: str
    documents: int
    created: bool
    """False: it was there already."""


class DeletedAnswer(Answer):
    """A document was deleted."""

    collection: str
    id: str
    seq: str


class DeletedByFilterAnswer(Answer):
    """How many documents fit, and were deleted."""

    collection: str
    matched: int
    deleted: int
    """Fewer than matched only where others changed or deleted some in this moment."""
    seq: str | None
    """Null where nothing was deleted."""
    dry_run: bool


class DeletedCollectionAnswer(Answer):
    """A collection was deleted."""

    name: str
    deleted: int
    """How many documents it had."""
    seq: str


class DeletedFileAnswer(Answer):
    """A file was deleted."""

    id: str
    object: Literal["file"] | str = "file"
    deleted: Literal[True] = True


class DeletedStoreAnswer(Answer):
    """A vector store was deleted, with all its documents."""

    id: str
    object: Literal["vector_store.deleted"] | str = "vector_store.deleted"
    deleted: Literal[True] = True


class DeletedStoreFileAnswer(Answer):
    """A file was taken out of a vector store, with its documents; the file itself stays."""

    id: str
    object: Literal["vector_store.file.deleted"] | str = "vector_store.file.deleted"
    deleted: Literal[True] = True


class DeletedUploadAnswer(Answer):
    """A file was taken away, with its documents."""

    collection: str
    id: str
    state: Literal["deleted"] | str = "deleted"
    documents: list[str]
    """The documents that went with it."""


class DifyAnswer(Answer):
    """The records, best first."""

    records: list[Record]


class DocumentAnswer(Answer):
    """A document."""

    id: str
    title: str
    url: str
    metadata: dict[str, Any]
    content_type: str
    allow: list[str] | None
    seq: str
    updated_at: str
    searchable: bool
    """Whether searches of the release in service find this version now, in the process that answers. False: it
    is on its way, or waits for a build; an old version may answer until then.
    """
    collection: str
    text: str
    account: AccountAnswer | None
    """Null for a document that was written over HTTP."""


class DocumentSummary(Answer):
    """A document without its text."""

    id: str
    title: str
    url: str
    metadata: dict[str, Any]
    content_type: str
    allow: list[str] | None
    seq: str
    updated_at: str
    searchable: bool
    """Whether searches of the release in service find this version now, in the process that answers. False: it
    is on its way, or waits for a build; an old version may answer until then.
    """


class DocumentValues(Answer):
    """The values of one document."""

    id: str
    values: dict[str, Any]
    """By feature; null is a value, and {"absent": "missing" | "expired"} says why there is none."""


class DocumentsAnswer(Answer):
    """A page of documents, by id."""

    collection: str
    documents: list[DocumentSummary]
    next: str | None
    """Give it as `after` for the next page; null at the end."""


class Embedding(Answer):
    """The vector of one text, of unit norm."""

    object: Literal["embedding"] | str
    index: int
    """Which text, counted from 0."""
    embedding: list[float] | str


class EmbeddingsAnswer(Answer):
    """The vectors of texts, in their order."""

    object: Literal["list"] | str
    data: list[Embedding]
    model: str
    """`NAME@VERSION`."""
    usage: EmbeddingsUsage


class EmbeddingsUsage(Answer):
    """What the texts took, by the model's own tokenizer, without prompts and marks."""

    prompt_tokens: int
    total_tokens: int


class FeatureSkewAnswer(Answer):
    """How answers and recomputed values of a feature differ."""

    compared: int
    """Answers with both values."""
    mismatched: int
    """Of these, where they differ."""
    missing: int
    """Answers without a value though there was one."""
    extra: int
    """Answers with a value though there was none."""
    smape: float
    """Mean of 2 |a - b| / (|a| + |b|) over those compared."""
    share: float
    """Of all answers, the share in which something is wrong."""


class FeedbackAnswer(Answer):
    """What was taken. It is written within a second, and counts once however often it is sent."""

    query_id: str
    event: str
    """What identifies the event in the ledger: a keyed hash of its id."""
    action: str
    has_comment: bool
    """Whether a comment is kept: where the tenant's text may not be, it is not."""
    request_id: str


class FieldDifferenceAnswer(Answer):
    """A field of a recipe that two releases have otherwise."""

    part: str
    field: str
    """Empty where the part is a single value, or only one of both has it."""
    before: Any
    """Null where the recipe does not have it."""
    after: Any
    """As `before`."""


class FileAnswer(Answer):
    """A file."""

    id: str
    object: Literal["file"] | str = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: Literal["processed"] | str = "processed"
    status_details: None = None


class FileCounts(Answer):
    """How many files are in which state."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class FileUploadAnswer(Answer):
    """How a file that comes in parts stands."""

    id: str
    object: Literal["upload"] | str = "upload"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"] | str
    file: FileAnswer | None


class FilesAnswer(Answer):
    """A page of files."""

    object: Literal["list"] | str = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool
    data: list[FileAnswer]


class GuardAnswer(Answer):
    """What a guard says now."""

    guard: str
    outcome: Literal["pass", "fail", "inconclusive", "no_data"] | str
    reason: str


class Highlights(Answer):
    """Where the words that were looked for stand, by the words, parts and stems that the lexical leg goes by."""

    title: list[tuple[int, int]]
    """In `title`; in order, none overlaps another."""
    text: list[tuple[int, int]]
    """In `text`; likewise. Their offsets count from the beginning of `text`."""


class Hit(Answer):
    """A passage with its rank and score. ``text`` is the document's text from ``start`` to ``end`` (code
    points).

    Which fields it has beside the first ones says ``fields`` of the request; by default all but those of its
    options.
    """

    rank: int
    """From 1; after an `offset` from the one after it."""
    score: float
    """The chance that the document answers, as far as judgments say: of hits that score 0.6, about six in ten
    are right. It never rises with rank, and may be compared between queries of one mode and release. How far
    it can be trusted, and what `min_score` to choose, is drawn in the quality report.
    """
    collection: str
    """The collection whose document it is."""
    document_id: str
    passage_id: str
    release: str = ""
    """The release that found this hit: that of the answer, but in an interleaving, where hits of the candidate
    stand between them and scores of two releases are in no order.
    """
    scores: LegScores | None = None
    title: str = ""
    text: str = ""
    start: int = 0
    end: int = 0
    headings: list[str] = Field(default_factory=list)
    table_heading: str = ""
    """The heading row of the table among whose rows it begins, which says what its columns are; empty elsewhere,
    and under passage views from before there was one.
    """
    url: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    query_id: str | None = None
    """Of a search of several collections: the name in the ledger for feedback about this hit."""
    highlights: Highlights | None = None
    """There where `highlight` asks for it."""
    snippet: Snippet | None = None
    """There where `snippet` asks for it."""
    near_duplicates: list[CollapsedHit] | None = None
    """There where `collapse` asks for it: the hits left out for this one, best first, of the ranks that were
    looked at for this page.
    """


class Index(Answer):
    """What this is, and where to go."""

    name: str
    version: str
    docs: str
    """The API's description, to read and to try."""
    openapi: str
    """The same as an OpenAPI document."""
    live: str
    """Whether the process lives."""
    ready: str
    """Whether it can serve."""
    metrics: str
    """Its metrics, as Prometheus reads them."""


class KeyAnswer(Answer):
    """A key without its secret."""

    id: str
    """Public: how lists and logs name the key."""
    tenant: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    collections: list[str] | None
    """Those that it opens; null for all."""
    principals: list[str] | None
    """Whom it asks for; null for whom each request names."""


class KeysAnswer(Answer):
    """A page of keys."""

    keys: list[KeyAnswer]
    next: str | None
    """Give it as `after` for the next page; null at the end."""


class LanguageLegsAnswer(Answer):
    """The samples in one language."""

    language: str
    """ISO 639-1 code; `und` where none can be told."""
    name: str
    samples: int
    dense: int
    """How many of them the vectors find."""
    lexical: int
    """How many of them the words find."""
    tokens: int
    unknown_tokens: int
    """Tokens that the model's tokenizer does not know."""


class LastError(Answer):
    """Why a file gave no documents, or waits for long."""

    code: Literal["server_error", "unsupported_file", "invalid_file"] | str
    message: str


class LedgerFeedback(Answer):
    """What a user said or did about an answer."""

    at: str
    received_at: str
    kind: str
    """`explicit` or `implicit`."""
    action: str
    document_id: str | None
    position: int | None
    value: float | None
    """Of `rate` 0 to 1, of `dwell` milliseconds."""
    comment: str | None
    """Where the tenant's text may be kept."""
    user: str | None
    """A keyed hash, never the id itself."""


class LedgerHit(Answer):
    """A hit as it was answered; its passage is the document's text from ``start`` to ``end``."""

    document_id: str
    start: int
    end: int
    score: float
    dense: float | None
    lexical: float | None
    rerank: float | None
    features: dict[str, float]
    """Feature values that boosts used."""


class LedgerRequest(Answer):
    """A row of the ledger. Text, filters and principals are null where they may not be kept."""

    at: str
    id: str
    """Of the row; it says the moment."""
    kind: str
    request_id: str
    tenant: str
    collection: str
    user: str | None
    """A keyed hash, never the id itself."""
    release: str
    """`0.0` where it failed before a release was chosen."""
    rollout: int | None
    arm: str
    reason: str
    """Why it got that arm."""
    unit: str | None
    """A keyed hash of what was assigned."""
    mode: str
    k: int
    grouped: bool
    query_hash: str | None
    query: dict[str, Any] | None
    filters: dict[str, Any] | None
    principals: list[str] | None
    query_features: dict[str, float | str]
    is_reranked: bool
    hits: list[LedgerHit]
    """Best first."""
    timings_ms: dict[str, float]
    status: int
    error: str | None
    warnings: list[str]
    shadow_of: str | None
    comparison: dict[str, float] | None
    is_whole: bool
    """False where assignments alone are kept."""
    feedback: list[LedgerFeedback] | None = None
    """What was said and done about it, in the order in which it came; null in lists of requests."""
    is_erased: bool
    """True where hits of a document that was erased were taken out."""


class LedgerRequestsAnswer(Answer):
    """The requests of an id, oldest first: several where a caller gave one id to several."""

    requests: list[LedgerRequest]
    unread: list[UnreadDay]


class LeftOutPassage(Answer):
    """A hit that is not in the block."""

    passage_id: str
    document_id: str
    reason: Literal["budget", "duplicate", "empty"] | str
    """It does not fit; its text stands in another hit; it has no text."""
    of: str | None
    """The passage that a duplicate repeats or is part of."""


class LegScores(Answer):
    """The raw scores: cosine (-1..1) and BM25 (0 or more). A leg that the mode does not use is null.

    Grouped by document, each is the best that any passage of the document has, which need not be the passage
    shown.
    """

    dense: float | None
    lexical: float | None
    rerank: float | None = None
    """The reranker's logit for this passage; null without a second pass."""


class LegsAnswer(Answer):
    """What the build of the snapshot in service found out about the legs of a collection."""

    release: str
    snapshot: str
    model: str
    languages: list[LanguageLegsAnswer]
    """Most samples first; empty where it was not checked."""
    dense_weight: float
    """The vectors' share in hybrid search of the collection, 0..1."""
    recipe_dense_weight: float
    """That of the recipe."""
    calibration: CalibrationAnswer
    warnings: list[str]
    """What a leg cannot search, in words."""


class LineageAnswer(Answer):
    """What something is made of, what was made with it, and which answers it had a part in."""

    of: str
    id: str
    made_of: dict[str, Any]
    made: dict[str, Any]
    answers: AnswersAnswer


class MaterialisedAnswer(Answer):
    """What was computed of a document view."""

    view: str
    rows: int
    """How many were appended."""
    left_out: list[str]
    """Documents that went away meanwhile."""
    documents_lacking: int
    """How many are still to be computed: ask again."""


class ModelAnswersAnswer(Answer):
    """What the recipes that hold a model version answered in a period."""

    model: str
    recipes: list[int]
    answers: int
    """Searches and contexts."""
    shadows: int
    """Answers that were compared and never served."""
    by_day: list[ReleaseDayAnswer]
    newest: list[LedgerRequest]
    """Newest first; a reranker took part where `is_reranked`."""
    unread: list[UnreadDay]


class ModelLineageAnswer(Answer):
    """A model version and where it comes from."""

    id: str
    kind: str
    dimension: int | None
    max_tokens: int
    registered_at: str
    files: dict[str, str]
    """sha256 by file."""
    lineage: dict[str, Any]
    """As it was told: parent, sha256 of training data, parameters, metrics, licence, libraries."""
    ancestors: list[str]
    """The model versions that it comes from, nearest first."""


class MoveAnswer(Answer):
    """What is done to the log-odds of the recipe's curve: stretched, then shifted."""

    shift: float
    stretch: float
    """Above 0, so that no order changes; 1 where they are shifted alone."""


class NewKeyAnswer(Answer):
    """A key that was just made, with its secret."""

    id: str
    """Public: how lists and logs name the key."""
    tenant: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    collections: list[str] | None
    """Those that it opens; null for all."""
    principals: list[str] | None
    """Whom it asks for; null for whom each request names."""
    key: str
    """The secret, shown this once."""


class OpenAIModel(Answer):
    """A model that serves the tenant."""

    id: str
    """`NAME@VERSION`, as it is registered."""
    object: Literal["model"] | str = "model"
    created: int
    """When it was registered, in seconds since 1970."""
    owned_by: Literal["groundwork"] | str = "groundwork"


class OpenAIModels(Answer):
    """The models that serve the tenant, that of the release in service first."""

    object: Literal["list"] | str = "list"
    data: list[OpenAIModel]


class OpenRecipe(Answer):
    """A recipe that is open in this process, or is to be."""

    recipe: int
    role: str
    """live, candidate or standby."""
    release: str | None = None
    """Its newest release here; null while none is open."""
    snapshot: str | None = None
    own_bytes: int
    """What opening it made this process's own memory grow by, without mapped files; with its model where no
    recipe that was open has it.
    """
    live_bytes: int
    """Memory of its fresh writes."""
    message: str | None = None
    """Why its newest release is not open, if it is not."""


class PartAnswer(Answer):
    """A part was kept."""

    id: str
    object: Literal["upload.part"] | str = "upload.part"
    created_at: int
    upload_id: str


class PinAnswer(Answer):
    """A tenant that is outside shares and tests."""

    tenant: str
    kind: Literal["pinned", "held_back", "first"] | str
    recipe: int | None
    actor: str
    reason: str
    created_at: str


class PinsAnswer(Answer):
    """All of them by tenant."""

    pins: list[PinAnswer]


class PreparationAnswer(Answer):
    """A preparation as it stands."""

    id: int
    state: Literal["waiting", "building", "estimated", "proposed", "failed", "cancelled"] | str
    changes: list[str]
    """What differs from the recipe that was in service, in sentences."""
    tenants: list[str]
    dry_run: bool
    reason: str
    cost: PreparationCostAnswer | None
    """Null until the builder has estimated it."""
    job: int | None
    """The build that was last begun for it, as `groundwork jobs show` has it."""
    stage: str | None
    """What the builder does, such as `vectors`; null before it began."""
    done: int
    """Of `total`, in that stage."""
    total: int
    release: str | None
    """What was built, once it is proposed."""
    rollout: int | None
    """Go on with it: `POST /v1/rollouts/{rollout}/shadow` or `canary`."""
    error: str | None
    """Why it failed or waits, or who cancelled it."""
    created_at: str
    created_by: str
    ended_at: str | None
    builder: BuilderAnswer


class PreparationCostAnswer(Answer):
    """What a preparation costs."""

    documents: int
    passages: int
    embeddings: int
    """Vectors that are not stored yet."""
    shards: int
    passages_written: int
    """Those of the shards that are written."""
    seconds: float
    """For the embeddings, measured on a sample where the builder runs."""
    vector_bytes: int
    shard_bytes: int
    """Estimated from what a passage takes in the snapshot in service."""


class PreparationsAnswer(Answer):
    """A page of preparations, the newest first."""

    preparations: list[PreparationAnswer]
    next: int | None
    """Give it as `before` for the next page; null at the end."""


class PromotedAnswer(Answer):
    """What answers from now on."""

    release: str


class PushAnswer(Answer):
    """What became of pushed values."""

    view: str
    rows: int
    """How many were appended."""
    left_out: list[str]
    """Documents that are not there."""


class PutAnswer(Answer):
    """A document was stored durably."""

    id: str
    seq: str
    """Its last change, as an opaque text: a search's `min_seq` waits for it."""
    result: Literal["created", "updated", "unchanged"] | str
    searchable: bool
    """True: every process finds it within about two seconds. False: it waits for a build, and its old version,
    if it has one, answers until then.
    """
    collection: str
    build_request: int | None
    """The build that was asked for, where it waits for one."""
    warnings: list[str]
    """Why it may wait for long, such as that no builder runs; normally empty."""


class ReadAnswer(Answer):
    """The values of documents, in the order in which they were asked about."""

    documents: list[DocumentValues]


class Ready(Answer):
    """The state of this process."""

    status: Literal["ready", "not ready"] | str
    release: str | None = None
    snapshot: str | None = None
    passages: int | None = None
    recipe_fingerprint: str | None = None
    """Identifies everything a person decided about the ranking."""
    views: dict[str, str] | None = None
    """Fingerprints of the feature views."""
    broken_shards: dict[str, str] | None = None
    message: str | None = None
    recipes: list[OpenRecipe] | None = None
    """The one in service first."""


class RecallAnswer(Answer):
    """What was measured, on which release."""

    release: str
    snapshot: str
    recall: float
    """The share of the k exactly nearest passages that the search gives, 0..1."""
    k: int
    queries: int
    passages: int
    is_approximate: bool
    """Whether any of the collection is searched approximately."""
    search_ms: float
    """Median milliseconds of the search that serves."""
    exact_ms: float
    """Median milliseconds of exact search."""


class Record(Answer):
    """One passage."""

    content: str
    score: float
    """0..1, calibrated: comparable between questions."""
    title: str
    metadata: dict[str, Any]
    """The document's own, and `document_id`, `url` and `query_id` (for feedback) where it has none of that name."""


class ReleaseAnswer(Answer):
    """A release and what it does now."""

    number: str
    recipe: int
    snapshot: str
    created_at: str
    created_by: str
    is_in_service: bool
    state: str
    """Why it is open, in words; empty where it is not."""
    arm: str
    """What its answers are recorded under; empty where it is not open."""
    documents_behind: int | None
    """Documents that it lacks until it is built; null unless open."""


class ReleaseDayAnswer(Answer):
    """How many requests a release answered on a day."""

    day: str
    release: str
    kind: str
    requests: int


class ReleaseDiffAnswer(Answer):
    """What one release has otherwise than another."""

    before: str
    after: str
    sentences: list[str]
    """All of it in plain words; of documents the first few by name."""
    recipe: list[FieldDifferenceAnswer]
    added: int
    """Documents that `before` does not hold."""
    removed: int
    """Documents that `after` does not hold."""
    changed: int
    """Documents that both hold otherwise; with other views, see `sentences`."""


class ReleaseLineageAnswer(Answer):
    """Everything that went into a release, and what was decided about it."""

    release: str
    is_in_service: bool
    created_at: str
    created_by: str
    seq: int
    retired_at: str | None
    job: dict[str, Any] | None
    """The build that made it."""
    recipe_number: int
    recipe_fingerprint: str
    recipe: dict[str, Any]
    """Retrieval, approximate search, second pass, size of shards."""
    model: ModelLineageAnswer
    reranker: ModelLineageAnswer | None
    views: list[ViewUseAnswer]
    analyser: str
    """The language of the lexical leg."""
    snapshot: SnapshotLineageAnswer | None
    """Null once the release is retired."""
    deployments: list[dict[str, Any]]
    """When its recipe was put in service, by whom and why."""
    rollouts: list[dict[str, Any]]
    """Rollouts of its recipe with each transition: who, when, why, and the evidence."""
    verdicts: list[dict[str, Any]]
    """What gates and judges of trials said of its recipe."""
    kept_back: str | None
    """Why a gate keeps its recipe from going in service; null if it does not."""
    erasures: list[int]
    """Erasures that gave it another snapshot."""


class ReleaseShare(Answer):
    """What part of the answers one arm of one release gave."""

    release: str
    arm: str
    requests: int
    share: float


class ReleasesAnswer(Answer):
    """All releases, oldest first."""

    releases: list[ReleaseAnswer]


class ReplayAnswer(Answer):
    """What came of it."""

    id: str
    """Of the row in the ledger."""
    release: str
    """What had answered, and answered again."""
    outcome: str
    """`identical`: the same hits, order and scores to the bit; `different`; or why there is no answer."""
    message: str | None
    """Why it cannot be replayed, in a sentence."""
    differences: list[str]
    """Which hits differ."""
    notes: list[str]
    hits: list[LedgerHit]
    """The hits of now, best first."""


class RolledBackAnswer(Answer):
    """What a roll-back did."""

    release: str
    from_recipe: int
    """Gets nothing from now on."""
    rollout: int | None
    documents_behind: int
    """Documents that the release lacks until it is built again."""


class RolloutAnswer(Answer):
    """A rollout as it stands."""

    id: int
    version: int
    """Counts its changes; give it back to decide on this very state."""
    candidate: int
    """The recipe under trial."""
    baseline: int
    """The recipe that it is compared with."""
    mode: Literal["shadow", "canary", "ab", "interleaving"] | str
    state: Literal["proposed", "shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"] | str
    reads: str
    """The state in words; a canary or A/B test without a watcher is paused."""
    documents_behind: int | None
    """Documents that the candidate lacks and the recipe in service answers with; null once it is over."""
    share: float
    unit: Literal["tenant", "user", "request"] | str
    steps: list[StepBody]
    step: int
    """Which step it is in, from 0; as many as there are steps once all passed."""
    tenants: list[str] | None
    first: list[str]
    ends_at: str | None
    max_queries: int | None
    decides: str
    since_at: str
    created_at: str
    created_by: str


class RolloutPageAnswer(Answer):
    """A rollout with what its guards say now, every decision about it and every verdict, oldest first."""

    id: int
    version: int
    """Counts its changes; give it back to decide on this very state."""
    candidate: int
    """The recipe under trial."""
    baseline: int
    """The recipe that it is compared with."""
    mode: Literal["shadow", "canary", "ab", "interleaving"] | str
    state: Literal["proposed", "shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"] | str
    reads: str
    """The state in words; a canary or A/B test without a watcher is paused."""
    documents_behind: int | None
    """Documents that the candidate lacks and the recipe in service answers with; null once it is over."""
    share: float
    unit: Literal["tenant", "user", "request"] | str
    steps: list[StepBody]
    step: int
    """Which step it is in, from 0; as many as there are steps once all passed."""
    tenants: list[str] | None
    first: list[str]
    ends_at: str | None
    max_queries: int | None
    decides: str
    since_at: str
    created_at: str
    created_by: str
    guards: list[GuardAnswer]
    guards_since: str | None
    """From when on answers count here, ten minutes ago at most. A watcher, which decides, counts all since the
    step began. Null without guards.
    """
    transitions: list[TransitionAnswer]
    verdicts: list[VerdictAnswer]


class RolloutsAnswer(Answer):
    """All rollouts, the newest first."""

    rollouts: list[RolloutAnswer]


class SearchAnswer(Answer):
    """Ranked hits, what served them, and where the time went."""

    request_id: str
    query_id: str
    """This answer's name in the ledger: opaque, another each time, and of use to this tenant alone."""
    release: str
    """The release that served this answer, RECIPE.BUILD: the live one in an interleaving."""
    snapshot: str
    seq: str
    """Writes up to this one are in this answer, but for those that wait for a build: opaque, a `min_seq` of
    later searches; another text each time.
    """
    hits: list[Hit]
    timings_ms: dict[str, float]
    """Milliseconds by stage: encode, dense, lexical, fuse, hydrate, total."""
    warnings: list[str]
    """What is missing from this answer, such as a corrupt shard; normally empty."""
    below_min_score: int | None = None
    """There where `min_score` is given: how many hits were left out that would stand here else."""


class SearchBatchAnswer(Answer):
    """The answers of a batch, in the order of its searches."""

    request_id: str
    answers: list[BatchedAnswer]


class SearchContent(Answer):
    """A passage's text."""

    type: Literal["text"] | str
    text: str


class ServedAnswer(Answer):
    """What served a tenant in a period."""

    tenant: str
    answers: int
    shares: list[ReleaseShare]
    """The most answers first."""
    newest: list[LedgerRequest]
    """Newest first, shadows included."""
    unread: list[UnreadDay]


class ShardUseAnswer(Answer):
    """A shard of a snapshot."""

    name: str
    passages: int
    size_bytes: int


class ShownViewAnswer(Answer):
    """A document view, and what is stored of it."""

    view: str
    """Name and version."""
    fingerprint: str
    """The sha256 of all that can change its values."""
    definition: dict[str, Any]
    rows: int
    documents: int
    """Of how many documents it has rows."""
    known_at: str | None
    """When the last row came to be known."""
    is_from_ledger: bool
    """Whether its values are counted from the ledger."""
    documents_lacking: int | None
    """Documents that changed since it was computed of them; null where it is not computed."""
    recipes: list[int]
    """Recipes that use it and may serve; their values cannot be removed."""


class SkewAnswer(Answer):
    """Values that a tenant's answers used, against what is recomputed for the same moments."""

    tenant: str
    sampled: int
    """Values that were looked at."""
    unknown: int
    """Of these, whose document changed since: nothing can be said of them."""
    features: dict[str, FeatureSkewAnswer]


class SnapshotLineageAnswer(Answer):
    """What a snapshot is made of."""

    id: str
    model: str
    views: dict[str, str]
    """Fingerprints by kind."""
    passages: int
    documents: int
    size_bytes: int
    shards: list[ShardUseAnswer]
    legs: list[dict[str, Any]]
    """What its build found out about each collection: samples by language, those that each leg finds, unknown
    tokens, and the vectors' share in hybrid search where it is not the recipe's.
    """
    leg_warnings: list[str]
    """Collections that a leg cannot search, in words."""


class Snippet(Answer):
    """The best sentences of a hit, as they stand in its text."""

    text: str
    """The pieces in reading order; what is left out between two is one ` … `."""
    html: str
    """The same for a page: all that is markup in HTML is escaped, and what was looked for stands in `<mark>`."""
    pieces: list[SnippetPiece]
    """Where they stand in `text` of the hit."""
    is_cut: bool
    """Whether a sentence is longer than the snippet may be, so that only part is shown."""


class SnippetPiece(Answer):
    """A run of sentences of the hit's text, from ``start`` to ``end`` of ``text`` (code points)."""

    start: int
    end: int


class StaticSizes(Answer):
    """How large chunks are, in tokens."""

    max_chunk_size_tokens: int
    chunk_overlap_tokens: int


class StepBody(Answer):
    """One step of a canary."""

    share: float
    at_least_requests: int
    """Answers of the candidate."""
    at_least_seconds: float


class StoreAnswer(Answer):
    """A vector store: a collection."""

    id: str
    object: Literal["vector_store"] | str = "vector_store"
    created_at: int
    name: str
    description: str
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["expired", "in_progress", "completed"] | str
    expires_after: StoreExpiry | None
    expires_at: int | None
    last_active_at: int
    metadata: dict[str, str]


class StoreExpiry(Answer):
    """After how many days without use a store expires."""

    anchor: Literal["last_active_at"] | str
    days: int


class StoreFileAnswer(Answer):
    """A file in a vector store; ``completed``: searches find it."""

    id: str
    object: Literal["vector_store.file"] | str = "vector_store.file"
    created_at: int
    usage_bytes: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"] | str
    last_error: LastError | None
    chunking_strategy: ChunkingAnswer
    attributes: dict[str, Any]


class StoreFileContentAnswer(Answer):
    """What was read in a file."""

    object: Literal["vector_store.file_content.page"] | str = "vector_store.file_content.page"
    data: list[TextContent]
    has_more: Literal[False] = False
    next_page: None = None


class StoreFilesAnswer(Answer):
    """A page of the files in a vector store."""

    object: Literal["list"] | str = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool
    data: list[StoreFileAnswer]


class StoresAnswer(Answer):
    """A page of vector stores."""

    object: Literal["list"] | str = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool
    data: list[StoreAnswer]


class TeiResult(Answer):
    """One text by its place in the request, best first."""

    index: int
    score: float
    text: str | None = None
    """There where the request asked for it."""


class TenantAnswer(Answer):
    """A tenant with its limits and what it holds."""

    name: str
    created_at: str
    revoked_at: str | None
    collections: int
    documents: int
    passages: int
    """As counted by the newest build."""
    max_documents: int | None
    max_passages: int | None
    requests_per_minute: int | None
    log_queries: bool


class TenantsAnswer(Answer):
    """A page of tenants."""

    tenants: list[TenantAnswer]
    next: str | None
    """Give it as `after` for the next page; null at the end."""


class TextContent(Answer):
    """A text that was read."""

    type: Literal["text"] | str = "text"
    text: str


class TextDocument(Answer):
    """A document of which the text counts; its other fields count nothing."""

    text: str


class TransitionAnswer(Answer):
    """A decision about a rollout."""

    version: int
    from_state: Literal["proposed", "shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"] | str
    to_state: Literal["proposed", "shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"] | str
    share: float
    step: int
    actor: str
    reason: str
    at: str
    evidence: dict[str, Any]


class UnreadDay(Answer):
    """A day that an answer lacks, and why."""

    day: str
    reason: str


class UploadAnswer(Answer):
    """A file on its way to documents."""

    id: str
    """The file's id; `GET /v1/files/{id}/content` gives it back."""
    filename: str
    size_bytes: int
    state: Literal["in_progress", "completed", "cancelled", "failed"] | str
    """`completed`: searches find all of it."""
    step: Literal["waiting", "reading", "indexing", "done"] | str
    """`waiting` for its turn, `reading`, `indexing` until searches find it, then `done`."""
    documents: list[str]
    """The ids of its documents, once they are stored."""
    rejects: list[str]
    """Lines of a JSON Lines file that are not documents, and why."""
    error: UploadError | None
    metadata: dict[str, Any]
    """As it was given."""
    created_at: str
    ended_at: str | None
    warnings: list[str]
    """Why it may wait for long, such as that no builder runs; normally empty."""


class UploadError(Answer):
    """Why a file gave no documents."""

    code: Literal["server_error", "unsupported_file", "invalid_file"] | str
    """`unsupported_file`: no kind that is read. `invalid_file`: it is broken, empty or too much. `server_error`:
    the message says what to do.
    """
    message: str


class UploadsAnswer(Answer):
    """Files of a collection, the newest first."""

    collection: str
    uploads: list[UploadAnswer]
    next: str | None
    """Give it as `after` for the next page; null at the end."""


class VectorStoreResult(Answer):
    """A passage, and the file or document that it is of."""

    file_id: str
    """The uploaded file's id; of a document that came otherwise its own id."""
    filename: str
    """The file's name; of another document its title, or its id where it has none."""
    score: float
    """Calibrated to 0..1, comparable between queries; higher is better."""
    attributes: dict[str, str | float | bool] | None
    """What of the document's metadata OpenAI's shape can hold; null where that is nothing."""
    content: list[SearchContent]


class VectorStoreSearchAnswer(Answer):
    """The results, best first: there is one page."""

    object: Literal["vector_store.search_results.page"] | str
    search_query: list[str]
    """The queries as they were searched."""
    data: list[VectorStoreResult]
    has_more: Literal[False]
    next_page: None


class VerdictAnswer(Answer):
    """What a gate (`offline`) or a judge of the trial said about the candidate."""

    id: int
    kind: str
    verdict: str
    """PROMOTE, HOLD or REJECT of a gate; pass, fail, inconclusive or no_data of others."""
    reasons: list[str]
    at: str
    baseline: int | None
    """The recipe that it was held against."""
    release: str | None
    """The build that was judged."""
    policy: str | None
    """The fingerprint of the policy."""
    level: float | None
    is_synthetic: bool
    """Whether its queries were made from documents."""
    evidence: dict[str, Any]


class ViewAnswer(Answer):
    """A document view."""

    view: str
    """Name and version."""
    fingerprint: str
    """The sha256 of all that can change its values."""
    definition: dict[str, Any]


class ViewDiffAnswer(Answer):
    """What a document view has otherwise than another."""

    changes: dict[str, list[Any]]
    """By field of the definition: before and after."""


class ViewUseAnswer(Answer):
    """A feature view as the recipe uses it."""

    kind: str
    id: str
    fingerprint: str
    definition: dict[str, Any]


class ViewsAnswer(Answer):
    """All document views, by name and version."""

    views: list[ViewAnswer]


class WrittenAnswer(Answer):
    """What became of one document."""

    id: str
    seq: str
    """Its last change, as an opaque text: a search's `min_seq` waits for it."""
    result: Literal["created", "updated", "unchanged"] | str
    searchable: bool
    """True: every process finds it within about two seconds. False: it waits for a build, and its old version,
    if it has one, answers until then.
    """


class Billed(Answer):
    """Billed"""

    search_units: int = 1


class Meta(Answer):
    """Meta"""

    api_version: Version | None = None
    billed_units: Billed | None = None


class Version(Answer):
    """Version"""

    version: str = "2"


class DocumentsBatchAnswer(Answer):
    """Documents were stored durably."""

    collection: str
    seq: str
    """The last of theirs."""
    documents: list[WrittenAnswer]
    build_request: int | None
    """The build that was asked for, where they wait for one."""
    warnings: list[str]
    """Why it may wait for long, such as that no builder runs; normally empty."""


class OpenaiVectorStoresBatchAnswer(Answer):
    """Files that were attached together."""

    id: str
    object: Literal["vector_store.files_batch"] | str = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"] | str
    file_counts: FileCounts


RerankAnswer: TypeAlias = CohereAnswer | list[TeiResult]

RerankAnswerReader: TypeAdapter[RerankAnswer] = TypeAdapter(RerankAnswer)
