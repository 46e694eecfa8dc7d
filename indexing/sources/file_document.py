"""Makes the document that one file is: of what was read in it, and of the fields that its author wrote above it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from indexing.passages.text_blocks import MarkdownReader
from indexing.records import MARKDOWN, Document
from indexing.sources.account_rules import refuse_losses
from indexing.sources.extracted_text import Extract, TextFile
from indexing.sources.field_checks import allow_field, checked_id, string_field, title_field
from indexing.sources.file_readers import FILE_READERS, FileReader
from indexing.sources.permission_slips import refuse_lost_line, refuse_slips

ReadFile: TypeAlias = Callable[[str, bytes], TextFile]
"""Reads the bytes of a file with an ending: here, or in the parser process."""


def file_document(path: str, data: bytes, read: ReadFile, markdown: MarkdownReader) -> Document:
    """The document that a file is, of which not too much was lost and nothing looks like a permission that is none.

    Args:
        path: Where it stands below its source: the document's id, unless the file says another.
        data: Its bytes.
        read: Reads them.
        markdown: Finds the first title of a text.

    Raises:
        Refused, Unreadable: it is no document; the message says why.
    """
    suffix = Path(path).suffix.lower()
    reader = FILE_READERS[suffix]
    if reader.read is None and data.lstrip()[:3] in (b"---", b"+++"):  # front matter of a web page, which is not read
        refuse_lost_line(data[:20_000].decode("utf-8", "replace"))
    file = read(suffix, data)
    extract, fields = file.extract, file.fields
    refuse_slips(extract.facts)
    if extract.account is not None:
        refuse_losses(extract.account)
    given = fields.get("id")
    identity = checked_id(path if given in (None, "") else given, "id")
    url = string_field(fields, "url") or extract.url
    title = title_field(fields) or _title(extract, reader, markdown) or Path(path).stem
    allow = allow_field(fields)
    metadata = {key: value for key, value in fields.items() if key not in ("id", "title", "url", "allow")}
    metadata |= {**extract.facts, "path": path}
    return Document(identity, title, extract.text, url, metadata, reader.content_type, allow, extract.account)


def _title(extract: Extract, reader: FileReader, markdown: MarkdownReader) -> str:
    """What the file says itself, else its first heading."""
    if extract.title or reader.content_type != MARKDOWN:
        return extract.title
    return markdown.first_title(extract.text)
