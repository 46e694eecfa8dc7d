"""The shapes of requests and answers about documents and collections, and the checks of what a document may hold."""

import json
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.schemas.filters import FilterBody
from app.schemas.principals import MAX_PRINCIPALS, Principals
from app.schemas.scalars import NO_TEXT, Flag
from indexing.catalogue.document_readings import account_json
from indexing.catalogue.document_writes import Outcome
from indexing.catalogue.documents import StoredDocument
from indexing.errors import InvalidInput
from indexing.records import Document, TextAccount
from indexing.sources.field_checks import MAX_ID_CHARS, allow_field, checked_id, plain_json, refuse_surrogates
from indexing.sources.permission_slips import refuse_misplaced
from indexing.sources.refusals import Refused

MAX_BATCH = 100
"""Documents of one request. Our choice."""
MAX_PAGE = 100
"""Documents of one page of a listing. Our choice."""
MAX_METADATA_BYTES = 64 * 1024
"""Bytes of one document's metadata as JSON. Our choice."""
Warnings = Annotated[
    list[str], Field(description="Why it may wait for long, such as that no builder runs; normally empty.")
]


class DocumentBody(BaseModel):
    """A document without its id. Unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"title": "Refunds", "text": "Refunds take five days.", "allow": ["support"]}]},
    )

    title: str = Field("", max_length=2_000)
    text: str = Field("", description="What is searched; cut into passages.")
    url: str = Field("", max_length=4_000)
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="What filters look at: at most 64 KiB of JSON and 10,000 values."
    )
    content_type: Literal["text/plain", "text/markdown", "text/rows"] = "text/plain"
    allow: Principals | None = Field(
        None,
        max_length=MAX_PRINCIPALS,
        description="Who may see it: users, groups, roles. Left out, every caller of the tenant.",
    )


class NamedDocumentBody(DocumentBody):
    """A document with its id."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"id": "refunds.md", "title": "Refunds", "text": "Refunds take five days."}]},
    )

    id: str = Field(
        description=f"1 to {MAX_ID_CHARS} characters, unique in its collection; slashes are fine.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_ID_CHARS},
    )


class BatchBody(BaseModel):
    """Documents to be written, all or none."""

    model_config = ConfigDict(extra="forbid")

    documents: list[NamedDocumentBody] = Field(min_length=1, max_length=MAX_BATCH)


class PatchBody(BaseModel):
    """What to change of a document; what is left out stays as it is. The text is replaced by a PUT alone."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"metadata": {"status": "approved", "draft": None}}], "minProperties": 1},
    )

    title: str = Field("", max_length=2_000)
    url: str = Field("", max_length=4_000)
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Merged into what it has, as RFC 7396 says: `null` takes a key away."
    )
    allow: Principals | None = Field(None, max_length=MAX_PRINCIPALS, description="Who may see it; `null`: everyone.")

    @model_validator(mode="after")
    def _change_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing is to be changed: expected at least one of title, url, metadata, allow")
        return self


class FindBody(BaseModel):
    """Which documents to count."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"filters": {"type": "eq", "key": "year", "value": 2019}}]}
    )

    filters: FilterBody | None = Field(None, description="As in a search; left out, all.")
    principals: Principals | None = Field(
        None,
        max_length=MAX_PRINCIPALS,
        description="Who asks: only what these may see. Left out, a key with the scope `write` sees everything, any"
        " other only documents without an `allow` list.",
    )


class ListBody(FindBody):
    """Which documents to list."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE), NO_TEXT] = Field(MAX_PAGE, description="How many at most.")
    after: str = Field("", max_length=MAX_ID_CHARS, description="`next` of the page before.")


class DeleteBody(BaseModel):
    """Which documents to delete."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"filters": {"type": "eq", "key": "year", "value": 2019}, "dry_run": True}]},
    )

    filters: FilterBody = Field(description="As in a search.")
    principals: Principals | None = Field(
        None, max_length=MAX_PRINCIPALS, description="Only documents that these may see; left out, all."
    )
    dry_run: Flag = Field(False, description="Only count them.")


class WrittenAnswer(BaseModel):
    """What became of one document."""

    id: str
    seq: str = Field(description="Its last change, as an opaque text: a search's `min_seq` waits for it.")
    result: Outcome
    searchable: bool = Field(
        description="True: every process finds it within about two seconds. False: it waits for a build, and its old"
        " version, if it has one, answers until then."
    )


class PutAnswer(WrittenAnswer):
    """A document was stored durably."""

    collection: str
    build_request: int | None = Field(description="The build that was asked for, where it waits for one.")
    warnings: Warnings


class BatchAnswer(BaseModel):
    """Documents were stored durably."""

    collection: str
    seq: str = Field(description="The last of theirs.")
    documents: list[WrittenAnswer]
    build_request: int | None = Field(description="The build that was asked for, where they wait for one.")
    warnings: Warnings


class CountAnswer(BaseModel):
    """How many documents fit."""

    collection: str
    documents: int


class DeletedAnswer(BaseModel):
    """A document was deleted."""

    collection: str
    id: str
    seq: str


class DeletedByFilterAnswer(BaseModel):
    """How many documents fit, and were deleted."""

    collection: str
    matched: int
    deleted: int = Field(description="Fewer than matched only where others changed or deleted some in this moment.")
    seq: str | None = Field(description="Null where nothing was deleted.")
    dry_run: bool


class DocumentSummary(BaseModel):
    """A document without its text."""

    id: str
    title: str
    url: str
    metadata: dict[str, Any]
    content_type: str
    allow: list[str] | None
    seq: str
    updated_at: str
    searchable: bool = Field(
        description="Whether searches of the release in service find this version now, in the process that answers."
        " False: it is on its way, or waits for a build; an old version may answer until then."
    )


class AccountAnswer(BaseModel):
    """Where the text of a document's file went when it was read, in letters and digits."""

    reader: str = Field(description="What read it, with the number of its rules.")
    raw: int = Field(description="What the file holds.")
    kept: int = Field(description="What stands in `text`.")
    left_out: dict[str, int] = Field(description="What was left out, by reason.")
    unexplained: int = Field(description="What is missing without a reason.")
    notes: list[str] = Field(description="What else is to be known of it, such as pages that are pictures.")


class DocumentAnswer(DocumentSummary):
    """A document."""

    collection: str
    text: str
    account: AccountAnswer | None = Field(description="Null for a document that was written over HTTP.")


class DocumentsAnswer(BaseModel):
    """A page of documents, by id."""

    collection: str
    documents: list[DocumentSummary]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class CollectionAnswer(BaseModel):
    """A collection."""

    name: str
    documents: int


class CreatedCollectionAnswer(CollectionAnswer):
    """A collection that is there now."""

    created: bool = Field(description="False: it was there already.")


class CollectionsAnswer(BaseModel):
    """A page of the tenant's collections, by name."""

    collections: list[CollectionAnswer]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")


class DeletedCollectionAnswer(BaseModel):
    """A collection was deleted."""

    name: str
    deleted: int = Field(description="How many documents it had.")
    seq: str


def document_from(document_id: str, body: DocumentBody, *, where: str = "") -> Document:
    """The document that a body describes.

    Raises:
        InvalidInput: a field is not acceptable; the message names it, after ``where``.
    """
    try:
        name = checked_id(document_id, f"{where}id")
    except Refused as refused:
        raise InvalidInput(f"{refused}.") from refused
    try:
        _refuse_surrogates(body)
        metadata = checked_metadata(body.metadata)
        allow = allow_field({"allow": body.allow})
    except Refused as refused:
        raise InvalidInput(f"{where or f'document {name!r}: '}{refused}.") from refused
    return Document(name, body.title, body.text, body.url, metadata, body.content_type, allow)


def checked_document(document: Document) -> Document:
    """A document as it is, if it may be so.

    Raises:
        InvalidInput: a field is not acceptable; the message names it.
    """
    allow = None if document.allow is None else list(document.allow)
    try:
        _refuse_surrogates(document)
        checked_metadata(dict(document.metadata))
        return replace(document, allow=allow_field({"allow": allow}))
    except Refused as refused:
        raise InvalidInput(f"document {document.id!r}: {refused}.") from refused


def _refuse_surrogates(body: DocumentBody | Document) -> None:
    for name in ("title", "text", "url", "metadata", "allow"):
        try:
            refuse_surrogates(getattr(body, name))
        except Refused as refused:
            raise Refused(f"{name}: {refused}") from refused


def checked_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata that a document may have, as it is.

    Raises:
        Refused: it is too much, or holds what looks like a permission.
    """
    plain_json(metadata)  # bounds how much and how deep it is
    refuse_misplaced(metadata, "metadata")
    try:
        size_bytes = len(json.dumps(metadata, allow_nan=False, ensure_ascii=False).encode())
    except ValueError as error:
        raise Refused("metadata holds a number that is not finite: leave it out or write it as a string") from error
    if size_bytes > MAX_METADATA_BYTES:
        raise Refused(f"metadata has {size_bytes} bytes as JSON, more than {MAX_METADATA_BYTES}: move text to 'text'")
    return metadata


def summary_of(stored: StoredDocument, seq: str, *, searchable: bool) -> DocumentSummary:
    """A document as a list shows it; ``seq`` is the token of its last change."""
    return DocumentSummary(searchable=searchable, **_shared(stored, seq))


def document_answer(
    collection: str, stored: StoredDocument, seq: str, *, searchable: bool, account: TextAccount | None
) -> DocumentAnswer:
    """A document as it goes over the wire; ``seq`` is the token of its last change."""
    return DocumentAnswer(
        collection=collection,
        text=stored.document.text,
        searchable=searchable,
        account=None if account is None else AccountAnswer(**account_json(account)),
        **_shared(stored, seq),
    )


def _shared(stored: StoredDocument, seq: str) -> dict[str, Any]:
    document = stored.document
    return {
        "id": document.id,
        "title": document.title,
        "url": document.url,
        "metadata": dict(document.metadata),
        "content_type": document.content_type,
        "allow": None if document.allow is None else list(document.allow),
        "seq": seq,
        "updated_at": stored.updated_at,
    }
