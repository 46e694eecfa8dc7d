"""The shapes of our own upload route: what a form may say of its files, and how uploads stand."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.documents import Warnings, checked_metadata
from app.schemas.principals import MAX_PRINCIPALS
from indexing.catalogue.file_readings import ErrorCode, Reading, State, Step
from indexing.errors import InvalidInput
from indexing.records import Json
from indexing.sources.field_checks import allow_field, checked_id, refuse_surrogates
from indexing.sources.refusals import Refused

FIELDS = ("id", "title", "url", "metadata", "allow")
"""What a form may say beside its files; ``metadata`` and ``allow`` are JSON."""
_MOST_CHARS = {"title": 2_000, "url": 4_000}


class UploadError(BaseModel):
    """Why a file gave no documents."""

    code: ErrorCode = Field(
        description="`unsupported_file`: no kind that is read. `invalid_file`: it is broken, empty or too much."
        " `server_error`: the message says what to do."
    )
    message: str


class UploadAnswer(BaseModel):
    """A file on its way to documents."""

    id: str = Field(description="The file's id; `GET /v1/files/{id}/content` gives it back.")
    filename: str
    size_bytes: int
    state: State = Field(description="`completed`: searches find all of it.")
    step: Step = Field(description="`waiting` for its turn, `reading`, `indexing` until searches find it, then `done`.")
    documents: list[str] = Field(description="The ids of its documents, once they are stored.")
    rejects: list[str] = Field(description="Lines of a JSON Lines file that are not documents, and why.")
    error: UploadError | None
    metadata: dict[str, Any] = Field(description="As it was given.")
    created_at: str
    ended_at: str | None
    warnings: Warnings


class UploadsAnswer(BaseModel):
    """Files of a collection, the newest first."""

    collection: str
    uploads: list[UploadAnswer]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class AcceptedAnswer(BaseModel):
    """Files are kept durably, and are read now; the header `Location` says where to look."""

    collection: str
    uploads: list[UploadAnswer]


class DeletedUploadAnswer(BaseModel):
    """A file was taken away, with its documents."""

    collection: str
    id: str
    state: Literal["deleted"] = "deleted"
    documents: list[str] = Field(description="The documents that went with it.")


def upload_answer(reading: Reading, warnings: list[str]) -> UploadAnswer:
    """How an upload stands, as it goes over the wire."""
    code = reading.error_code
    return UploadAnswer(
        id=reading.file,
        filename=reading.filename,
        size_bytes=reading.size_bytes,
        state=reading.state,
        step=reading.step,
        documents=list(reading.documents),
        rejects=list(reading.rejects),
        error=None if code is None else UploadError(code=code, message=reading.error_message or ""),
        metadata=dict(reading.attributes),
        created_at=reading.created_at,
        ended_at=reading.ended_at,
        warnings=warnings,
    )


def document_fields(fields: Mapping[str, str], files: int) -> tuple[dict[str, Json], dict[str, Json]]:
    """What a form says of its documents: their metadata, and id, title, url and allow as far as they are there.

    Raises:
        InvalidInput: a field is not acceptable; the message names it.
    """
    unknown = next((name for name in fields if name not in FIELDS), None)
    if unknown is not None:
        raise InvalidInput(f"Field {unknown[:100]!r} is unknown: expected file, {', '.join(FIELDS)}.")
    try:
        refuse_surrogates(dict(fields))
        said: dict[str, Json] = {name: fields[name] for name in ("id", "title", "url") if fields.get(name)}
        if said and files > 1:
            raise Refused(f"{next(iter(said))} is given for {files} files: send each in a request of its own")
        for name, most in _MOST_CHARS.items():
            if len(fields.get(name, "")) > most:
                raise Refused(f"{name} has {len(fields[name])} characters, more than {most}: shorten it")
        if "id" in said:
            said["id"] = checked_id(said["id"], "id")
        if "allow" in fields:
            said["allow"] = list(_principals(fields["allow"]))
        metadata = _parsed(fields, "metadata", "{}")
        if not isinstance(metadata, dict):
            raise Refused("metadata is no JSON object: write it as {...}")
        return checked_metadata(metadata), said
    except Refused as refused:
        raise InvalidInput(f"{refused}.") from refused


def _principals(text: str) -> tuple[str, ...]:
    allow = allow_field({"allow": _parsed({"allow": text}, "allow", "null")})
    if allow is None:
        raise Refused("allow is null: leave it out, or write a JSON list of names")
    if len(allow) > MAX_PRINCIPALS:
        raise Refused(f"allow names {len(allow)} principals, more than {MAX_PRINCIPALS}: use groups")
    return allow


def _parsed(fields: Mapping[str, str], name: str, default: str) -> Json:
    try:
        return json.loads(fields.get(name) or default, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise Refused(
            f"{name} is not JSON ({str(error)[:200]}): write it as JSON, such as {_EXAMPLES[name]}"
        ) from error


def _finite(number: str) -> float:
    raise ValueError(f"{number} is not a finite number")


_EXAMPLES = {"metadata": '{"year": 2026}', "allow": '["support"]'}
