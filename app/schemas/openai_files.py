"""OpenAI's shapes of files and of files that come in parts."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.scalars import NO_TEXT
from indexing.catalogue.file_uploads import FileUpload, UploadPart, UploadState
from indexing.catalogue.files import StoredFile
from indexing.records import MAX_INTEGER

Purpose: TypeAlias = Literal["assistants", "user_data", "batch", "fine-tune", "vision", "evals"]
"""What a file is for, in OpenAI's words; all are kept alike here."""
PURPOSES = ("assistants", "user_data", "batch", "fine-tune", "vision", "evals")
MIN_FILE_SECONDS, MAX_FILE_SECONDS = 3_600, 2_592_000
"""How long a file may be told to live, in seconds: an hour to 30 days. Source: OpenAI's ``expires_after``."""
MAX_PARTS = 10_000
"""Parts of one upload; our choice."""
Order: TypeAlias = Literal["asc", "desc"]
"""The oldest or the newest first."""


def unix(moment: str) -> int:
    """A moment in ISO 8601 as OpenAI tells it: whole seconds since 1970."""
    return int(datetime.fromisoformat(moment).timestamp())


class FileExpiry(BaseModel):
    """When a file goes by itself."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=MIN_FILE_SECONDS, le=MAX_FILE_SECONDS), NO_TEXT]


class FileAnswer(BaseModel):
    """A file."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: Literal["processed"] = "processed"
    status_details: None = None


class ListAnswer(BaseModel):
    """What every list has beside its data."""

    object: Literal["list"] = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool


class FilesAnswer(ListAnswer):
    """A page of files."""

    data: list[FileAnswer]


class DeletedFileAnswer(BaseModel):
    """A file was deleted."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


class UploadBody(BaseModel):
    """A file that is to come in parts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"bytes": 11, "filename": "a.md", "mime_type": "text/markdown", "purpose": "assistants"}]
        }
    )

    bytes: Annotated[int, Field(ge=1, le=MAX_INTEGER), NO_TEXT]
    filename: str = Field(min_length=1, max_length=1_000)
    mime_type: str = Field("", max_length=200, description="Not looked at: the ending of the name says what it is.")
    purpose: Purpose
    expires_after: FileExpiry | None = None


class CompleteBody(BaseModel):
    """The parts of a file, in their order."""

    part_ids: list[Annotated[str, Field(max_length=100)]] = Field(max_length=MAX_PARTS)
    md5: str | None = Field(None, max_length=100, description="Of the whole file, in hexadecimal digits.")


class PartAnswer(BaseModel):
    """A part was kept."""

    id: str
    object: Literal["upload.part"] = "upload.part"
    created_at: int
    upload_id: str


class FileUploadAnswer(BaseModel):
    """How a file that comes in parts stands."""

    id: str
    object: Literal["upload"] = "upload"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: UploadState
    file: FileAnswer | None


def file_answer(file: StoredFile) -> FileAnswer:
    """A file as it goes over the wire."""
    return FileAnswer(
        id=file.id,
        bytes=file.size_bytes,
        created_at=unix(file.created_at),
        expires_at=None if file.expires_at is None else unix(file.expires_at),
        filename=file.filename,
        purpose=file.purpose,
    )


def file_upload_answer(upload: FileUpload, file: StoredFile | None = None) -> FileUploadAnswer:
    """An upload as it goes over the wire, with the file that it became, if it did."""
    return FileUploadAnswer(
        id=upload.id,
        bytes=upload.size_bytes,
        created_at=unix(upload.created_at),
        expires_at=unix(upload.expires_at),
        filename=upload.filename,
        purpose=upload.purpose,
        status=upload.state,
        file=None if file is None else file_answer(file),
    )


def part_answer(part: UploadPart) -> PartAnswer:
    """A part as it goes over the wire."""
    return PartAnswer(id=part.id, created_at=unix(part.created_at), upload_id=part.upload)


def ends_of(ids: list[str]) -> dict[str, str | None]:
    """What a list says of its ends."""
    return {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
