"""OpenAI's shapes of vector stores, of the files in them, and of batches of these."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.schemas.openai_files import ListAnswer, unix
from app.schemas.openai_search import MAX_ATTRIBUTES, MAX_KEY_CHARACTERS, MAX_VALUE_CHARACTERS
from app.schemas.scalars import NO_TEXT, Flag, Number
from indexing.catalogue.file_readings import Attachment, ErrorCode, Reading, ReadingCounts, State
from indexing.catalogue.vector_stores import FileBatch, VectorStore
from indexing.errors import InvalidInput
from indexing.records import MAX_INTEGER, Json
from indexing.sources.field_checks import refuse_surrogates
from indexing.sources.permission_slips import refuse_misplaced
from indexing.sources.refusals import Refused

MAX_BATCH_FILES = 2_000
"""Files of one batch. Source: OpenAI's."""
MAX_CREATED_FILES = 500
"""Files that a store may be made with. Source: OpenAI's."""
_Key = Annotated[str, Field(min_length=1, max_length=MAX_KEY_CHARACTERS)]
_Whole = Annotated[int, Field(strict=True, ge=-MAX_INTEGER, le=MAX_INTEGER)]
_Text = Annotated[str, Field(max_length=MAX_VALUE_CHARACTERS)]
FileId: TypeAlias = Annotated[str, Field(min_length=1, max_length=100)]
"""The id of a file in a body."""
StoreMetadata: TypeAlias = Annotated[dict[_Key, _Text], Field(max_length=MAX_ATTRIBUTES)]
"""What is said of a store: 16 pairs of texts at most."""
Attributes: TypeAlias = Annotated[dict[_Key, Flag | _Whole | Number | _Text], Field(max_length=MAX_ATTRIBUTES)]
"""What is said of a file in a store; it becomes the metadata of its documents, which filters look at."""


class StaticSizes(BaseModel):
    """How large chunks are, in tokens."""

    max_chunk_size_tokens: Annotated[int, Field(ge=1, le=MAX_INTEGER), NO_TEXT]
    chunk_overlap_tokens: Annotated[int, Field(ge=0, le=MAX_INTEGER), NO_TEXT]


class ChunkingBody(BaseModel):
    """How a file is cut: ``auto``, or exactly as the recipe does."""

    type: Literal["auto", "static"]
    static: StaticSizes | None = None

    @model_validator(mode="after")
    def _has_sizes(self) -> "ChunkingBody":
        if self.type == "static" and self.static is None:
            raise ValueError("static: is missing: give max_chunk_size_tokens and chunk_overlap_tokens")
        return self


class _Chunked(BaseModel):
    """A body that may say how files are cut."""

    chunking_strategy: ChunkingBody | None = None

    def chunking(self) -> dict[str, Any] | None:
        """What was asked for; ``None`` where nothing was."""
        asked = self.chunking_strategy
        return None if asked is None else asked.model_dump(exclude_none=True)


class ChunkingAnswer(BaseModel):
    """How files are cut; ``other`` while no recipe is in service."""

    type: Literal["static", "other"]
    static: StaticSizes | None = None


class StoreExpiry(BaseModel):
    """After how many days without use a store expires."""

    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365), NO_TEXT]


class StoreBody(_Chunked):
    """A vector store that is to be made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Support FAQ"}]})

    name: str | None = Field(None, max_length=256)
    description: str | None = Field(None, max_length=4_000)
    file_ids: list[FileId] = Field(default_factory=list, max_length=MAX_CREATED_FILES)
    expires_after: StoreExpiry | None = None
    metadata: StoreMetadata | None = None


class StoreChangeBody(BaseModel):
    """What is to be other of a vector store; null takes it away, what is left out stays."""

    name: str | None = Field(None, max_length=256)
    expires_after: StoreExpiry | None = None
    metadata: StoreMetadata | None = None


class StoreFileBody(_Chunked):
    """A file that is to be read into a store."""

    file_id: FileId
    attributes: Attributes | None = None


class AttributesBody(BaseModel):
    """Other attributes of a file in a store; null for none."""

    attributes: Attributes | None


class BatchBody(_Chunked):
    """Files that are to be read into a store together: by id, or each with its own attributes."""

    file_ids: list[FileId] | None = Field(None, min_length=1, max_length=MAX_BATCH_FILES)
    files: list[StoreFileBody] | None = Field(None, min_length=1, max_length=MAX_BATCH_FILES)
    attributes: Attributes | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "BatchBody":
        if (self.file_ids is None) == (self.files is None):
            raise ValueError("give either file_ids or files")
        return self

    def each(self) -> Sequence[StoreFileBody]:
        """Every file with what is to be said of it; what is said of all counts only where they come by id."""
        if self.files is not None:
            return self.files
        return [
            StoreFileBody(file_id=one, attributes=self.attributes, chunking_strategy=self.chunking_strategy)
            for one in self.file_ids or ()
        ]


class FileCounts(BaseModel):
    """How many files are in which state."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class StoreAnswer(BaseModel):
    """A vector store: a collection."""

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str
    description: str
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["expired", "in_progress", "completed"]
    expires_after: StoreExpiry | None
    expires_at: int | None
    last_active_at: int
    metadata: dict[str, str]


class StoresAnswer(ListAnswer):
    """A page of vector stores."""

    data: list[StoreAnswer]


class DeletedStoreAnswer(BaseModel):
    """A vector store was deleted, with all its documents."""

    id: str
    object: Literal["vector_store.deleted"] = "vector_store.deleted"
    deleted: Literal[True] = True


class LastError(BaseModel):
    """Why a file gave no documents, or waits for long."""

    code: ErrorCode
    message: str


class StoreFileAnswer(BaseModel):
    """A file in a vector store; ``completed``: searches find it."""

    id: str
    object: Literal["vector_store.file"] = "vector_store.file"
    created_at: int
    usage_bytes: int
    vector_store_id: str
    status: State
    last_error: LastError | None
    chunking_strategy: ChunkingAnswer
    attributes: dict[str, Any]


class StoreFilesAnswer(ListAnswer):
    """A page of the files in a vector store."""

    data: list[StoreFileAnswer]


class DeletedStoreFileAnswer(BaseModel):
    """A file was taken out of a vector store, with its documents; the file itself stays."""

    id: str
    object: Literal["vector_store.file.deleted"] = "vector_store.file.deleted"
    deleted: Literal[True] = True


class TextContent(BaseModel):
    """A text that was read."""

    type: Literal["text"] = "text"
    text: str


class StoreFileContentAnswer(BaseModel):
    """What was read in a file."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: list[TextContent]
    has_more: Literal[False] = False
    next_page: None = None


class BatchAnswer(BaseModel):
    """Files that were attached together."""

    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"]
    file_counts: FileCounts


def checked_attributes(attributes: Mapping[str, Json] | None) -> dict[str, Json]:
    """Attributes that may be metadata of documents.

    Raises:
        InvalidInput: one looks like a permission, or holds what no UTF-8 can.
    """
    found = dict(attributes or {})
    try:
        refuse_surrogates(found)
        refuse_misplaced(found, "attributes")
    except Refused as refused:
        raise InvalidInput(f"{refused}.") from refused
    return found


def attachment_of(body: StoreFileBody, chunking: Mapping[str, Json]) -> Attachment:
    """A file that is to be read, from its body; ``chunking`` was accepted already."""
    return Attachment(body.file_id, checked_attributes(body.attributes), chunking, {})


def counts_answer(counts: ReadingCounts) -> FileCounts:
    """How many files are in which state, as it goes over the wire."""
    return FileCounts(
        in_progress=counts.in_progress,
        completed=counts.completed,
        failed=counts.failed,
        cancelled=counts.cancelled,
        total=counts.total,
    )


def store_answer(store: VectorStore, counts: ReadingCounts, usage_bytes: int, now: str) -> StoreAnswer:
    """A vector store as it goes over the wire, at the moment ``now``."""
    days, until = store.expires_days, store.expires_at
    status: Literal["expired", "in_progress", "completed"] = "in_progress" if counts.in_progress else "completed"
    return StoreAnswer(
        id=store.id,
        created_at=unix(store.created_at),
        name=store.name,
        description=store.description,
        usage_bytes=usage_bytes,
        file_counts=counts_answer(counts),
        status="expired" if store.is_expired(now) else status,
        expires_after=None if days is None else StoreExpiry(anchor="last_active_at", days=days),
        expires_at=None if until is None else unix(until),
        last_active_at=unix(store.last_active_at),
        metadata=dict(store.metadata),
    )


def store_file_answer(reading: Reading, chunking: Mapping[str, Json], warnings: Sequence[str]) -> StoreFileAnswer:
    """A file in a vector store as it goes over the wire.

    Args:
        reading: The file.
        chunking: How files are cut here.
        warnings: Why one that is in progress may be so for long; told as its last error.
    """
    error = None
    if reading.error_code is not None:
        error = LastError(code=reading.error_code, message=reading.error_message or "")
    elif warnings:
        error = LastError(code="server_error", message=" ".join(warnings))
    return StoreFileAnswer(
        id=reading.file,
        created_at=unix(reading.created_at),
        usage_bytes=reading.usage_bytes,
        vector_store_id=reading.collection,
        status=reading.state,
        last_error=error,
        chunking_strategy=ChunkingAnswer.model_validate(dict(chunking)),
        attributes=dict(reading.attributes),
    )


def batch_answer(batch: FileBatch) -> BatchAnswer:
    """A batch as it goes over the wire; it has failed where every file of it did."""
    counts, status = batch.counts, "completed"
    if counts.in_progress:
        status = "in_progress"
    elif batch.cancelled_at is not None:
        status = "cancelled"
    elif counts.total and counts.failed == counts.total:
        status = "failed"
    return BatchAnswer.model_validate(
        {
            "id": batch.id,
            "created_at": unix(batch.created_at),
            "vector_store_id": batch.collection,
            "status": status,
            "file_counts": counts_answer(counts),
        }
    )
