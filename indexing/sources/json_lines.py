"""Reads a JSON Lines file: one document on each line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexing.errors import SourceInvalid
from indexing.records import MARKDOWN, PLAIN, ROWS, Document, Json, Reject
from indexing.sources.extracted_text import TextAccount, letters_and_digits
from indexing.sources.field_checks import (
    allow_field,
    checked_id,
    decoded,
    json_record,
    once,
    plain_json,
    string_field,
)
from indexing.sources.permission_slips import refuse_misplaced, refuse_slips
from indexing.sources.refusals import Refused, shown
from indexing.sources.skipped import Skipped

MAX_LINE_BYTES = 64 * 1024 * 1024
"""The longest line that is read. Source: our choice."""
_FIELDS = ("id", "_id", "title", "text", "url", "metadata", "content_type", "allow")
_ADVICE = " beside the text, or put it into metadata under another name"


@dataclass(frozen=True, slots=True)
class JsonLines:
    """The documents of one file.

    Args:
        name: The source's identity.
        path: The file.
        id_keys: Under which keys a document's id may stand, the usual one first.
    """

    name: str
    path: Path
    id_keys: Sequence[str]

    def read(self) -> Iterator[Document | Reject]:
        """Every line's document or reject, in order.

        Raises:
            SourceInvalid: the file has become unreadable.
        """
        seen: dict[str, str] = {}
        for number, line in enumerate(self._lines(), 1):
            if line is not None and not line.strip():
                continue
            where = f"{shown(self.path.name)}:{number}"
            try:
                yield once(self._document(line, is_first=number == 1), where, seen)
            except Refused as refusal:
                yield Reject(where, str(refusal))

    def skipped(self) -> Skipped:
        """Nothing: every line is read or rejected."""
        return Skipped()

    def left_out(self, paths: Iterable[str]) -> set[str]:
        """None of them: it has no files."""
        return set()

    def _lines(self) -> Iterator[bytes | None]:
        """Each line; ``None`` for one that is too long to read."""
        try:
            with self.path.open("rb") as file:
                while line := file.readline(MAX_LINE_BYTES + 1):
                    if len(line) <= MAX_LINE_BYTES:
                        yield line
                        continue
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAX_LINE_BYTES)
                    yield None
        except OSError as error:
            raise SourceInvalid(
                f"source {str(self.path)!r} cannot be read ({error}): expected a readable file; check the disk"
            ) from error

    def _document(self, line: bytes | None, *, is_first: bool) -> Document:
        if line is None:
            raise Refused(f"the line is over {MAX_LINE_BYTES} bytes: split the document into several")
        record = json_record(decoded(line, is_first=is_first))
        _refuse_unknown(record)
        metadata = record.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise Refused(f"metadata is {shown(metadata)}, not an object: write it as {{...}} or leave it out")
        metadata = plain_json(metadata or {})
        url = string_field(record, "url")
        if not url and isinstance(metadata.get("url"), str):
            url = metadata["url"]
        content_type = record.get("content_type", PLAIN)
        if content_type not in (PLAIN, MARKDOWN, ROWS):
            raise Refused(f"content_type is {shown(content_type)}, not {PLAIN}, {MARKDOWN} or {ROWS}: convert the text")
        if not isinstance(record.get("text"), str):
            raise Refused(f"text is {shown(record.get('text'))}, not a string: give the document's text in quotes")
        given = next((record[key] for key in self.id_keys if key in record), None)
        identity = checked_id(given, self.id_keys[0])
        title, allow = string_field(record, "title"), allow_field(record)
        letters = letters_and_digits(record["text"])  # of the very text that is given
        account = TextAccount("jsonl 2", letters, letters)
        return Document(identity, title, record["text"], url, metadata, content_type, allow, account)


def _refuse_unknown(record: Mapping[str, Json]) -> None:
    refuse_slips({key: value for key, value in record.items() if key != "metadata"}, advice=_ADVICE)
    unknown = next((key for key in record if key not in _FIELDS), None)
    if unknown is not None:
        raise Refused(
            f"field {shown(unknown)} is unknown, and would be lost: put it into metadata, or leave it out; a line has"
            f" {', '.join(_FIELDS[:-1])} and {_FIELDS[-1]}"
        )
    if isinstance(record.get("metadata"), dict):
        refuse_misplaced(record["metadata"], "metadata", advice=_ADVICE)
