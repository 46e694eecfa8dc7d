"""Reads a stored file into documents, in the parser process, and says in OpenAI's words why one cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from indexing.catalogue.file_readings import ErrorCode, Reading
from indexing.errors import ArtefactCorrupt, ArtefactMissing, SourceInvalid
from indexing.home import Home
from indexing.passages.text_blocks import MarkdownReader
from indexing.records import Document
from indexing.sources.extracted_text import Unreadable
from indexing.sources.file_document import file_document
from indexing.sources.file_readers import FILE_READERS, kinds_of_files
from indexing.sources.json_lines import JsonLines
from indexing.sources.parser_sandbox import Extractor
from indexing.sources.refusals import Refused, shown
from indexing.uploads.stored_files import content_path

JSON_LINES = ".jsonl"
"""The ending of files of many documents, one a line; only what is brought to a collection is read as such."""
MAX_FILE_DOCUMENTS = 10_000
"""Documents of one file at most: they are stored all or none, which keeps other writers waiting. Our choice."""


class ReadingFailed(Exception):
    """Why a file gives no documents: a code of OpenAI's, and a message that names the file."""

    def __init__(self, code: ErrorCode, message: str, rejects: Sequence[str] = ()) -> None:
        """Say it; ``rejects`` are parts of the file that are no documents, by name."""
        super().__init__(message)
        self.code, self.rejects = code, rejects


@dataclass(frozen=True, slots=True)
class FileDocuments:
    """What a file gave: documents, and by name what of it is none."""

    documents: Sequence[Document]
    rejects: Sequence[str] = ()


def is_readable(filename: str, *, is_own: bool) -> bool:
    """Whether files of this name are read; ``is_own`` for one that was brought to its collection."""
    suffix = PurePosixPath(filename).suffix.lower()
    return suffix in FILE_READERS or (is_own and suffix == JSON_LINES)


def unreadable_kind(filename: str, *, is_own: bool) -> str:
    """Why a file of this name is not read, in words."""
    also = f", or JSON Lines ({JSON_LINES})" if is_own else ""
    return f"The ending of {shown(filename)} names no kind of file that is read: expected {kinds_of_files()}{also}."


def read_documents(home: Home, reading: Reading, extractor: Extractor) -> FileDocuments:
    """The documents of a file, with what was given for them.

    Of the metadata a file's document has only the attributes; a line of JSON Lines has its own beside them.

    Raises:
        ReadingFailed: the file gives none.
    """
    is_own = reading.file_collection == reading.collection
    if not is_readable(reading.filename, is_own=is_own):
        raise ReadingFailed("unsupported_file", unreadable_kind(reading.filename, is_own=is_own))
    try:
        path = content_path(home, reading.file)
        if PurePosixPath(reading.filename).suffix.lower() == JSON_LINES:
            return _lines(reading, JsonLines("upload", path, ("id", "_id")))
        document = file_document(reading.filename, path.read_bytes(), extractor.read, MarkdownReader())
    except (Refused, Unreadable) as refusal:
        raise ReadingFailed("invalid_file", f"{shown(reading.filename)} cannot be read: {refusal}.") from refusal
    except (ArtefactMissing, ArtefactCorrupt, SourceInvalid) as error:
        raise ReadingFailed("server_error", f"{shown(reading.filename)} cannot be read here: {error}") from error
    if not document.text.strip():
        message = f"{shown(reading.filename)} holds no text: a scan needs text recognition first."
        raise ReadingFailed("invalid_file", message)
    return FileDocuments([_as_given(document, reading, is_own=is_own)])


def _as_given(document: Document, reading: Reading, *, is_own: bool) -> Document:
    """A file's document under the id, title, url and permissions that it was brought with."""
    fields = reading.fields
    named = fields.get("id") or (document.id if is_own else reading.file)
    allow = fields.get("allow")
    return replace(
        document,
        id=str(named),
        title=str(fields.get("title") or document.title),
        url=str(fields.get("url") or document.url),
        metadata=dict(reading.attributes),
        allow=document.allow if allow is None else tuple(sorted(set(allow))),
    )


def _lines(reading: Reading, lines: JsonLines) -> FileDocuments:
    documents: list[Document] = []
    rejects: list[str] = []
    allow = reading.fields.get("allow")
    for one in lines.read():
        if isinstance(one, Document):
            metadata = {**one.metadata, **reading.attributes}
            documents.append(replace(one, metadata=metadata, allow=one.allow if allow is None else tuple(allow)))
        else:
            rejects.append(f"line {one.name.rpartition(':')[2]}: {one.reason}")
        if len(documents) > MAX_FILE_DOCUMENTS:
            message = f"{shown(reading.filename)} has more than {MAX_FILE_DOCUMENTS:,} documents: split the file."
            raise ReadingFailed("invalid_file", message)
    if not documents:
        what = rejects[0] if rejects else "it is empty"
        raise ReadingFailed("invalid_file", f"{shown(reading.filename)} holds no document: {what}.", rejects)
    return FileDocuments(documents, rejects)
