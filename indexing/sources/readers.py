"""Turns a path into documents: a BEIR corpus, a JSONL file, or a folder of texts, web pages, PDF and Word files.

What is broken in a source becomes a ``Reject`` that says where and why; the rest is read on.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn, Protocol, TypeAlias

from indexing.errors import SourceInvalid
from indexing.passages.text_blocks import MarkdownReader
from indexing.records import MARKDOWN, PLAIN, Document, Reject
from indexing.sources.extracted_text import Unreadable
from indexing.sources.field_checks import (
    Refused,
    allow_field,
    checked_id,
    decoded,
    front_matter,
    json_record,
    plain_json,
    refuse_surrogates,
    shown,
    string_field,
)
from indexing.sources.parser_sandbox import PLAIN_SUFFIXES, SUFFIXES, Extractor, Limits, missing_libraries

SourceKind: TypeAlias = Literal["auto", "beir", "jsonl", "tree"]

MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest file of a tree, and the longest line of a JSONL file, that is read."""
_TYPES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".txt": PLAIN}
_SUFFIXES = frozenset({*_TYPES, *SUFFIXES})
_FILES = "Markdown (.md, .markdown), text (.txt), web pages (.html, .htm, .xhtml), PDF (.pdf) or Word files (.docx)"
_BEIR_FILE = "corpus.jsonl"
_LEAVES = "the link leaves the source's folder: copy the file here, or read its folder as another source"


class Source(Protocol):
    """Somewhere documents come from."""

    @property
    def name(self) -> str:
        """A stable identity: the kind and the resolved path."""
        ...

    def read(self) -> Iterator[Document | Reject]:
        """Every document and every reject, one at a time, in an order that depends on nothing but the content.

        No two documents have the same id. Each call reads anew.

        Raises:
            SourceInvalid: The source as a whole has become unreadable since it was opened.
        """
        ...


def open_source(path: Path, kind: SourceKind = "auto", *, limits: Limits | None = None) -> Source:
    """The source at ``path``, checked to exist, to be readable and not to be empty.

    Args:
        path: A folder with ``corpus.jsonl`` (BEIR), a JSON Lines file, a folder of Markdown, text, web pages, PDF and
            Word files, or one such file.
        kind: What to read it as; ``auto`` decides by what is there.
        limits: What one web page, PDF or Word file may use of time and memory.

    Raises:
        SourceInvalid: There is nothing to read at ``path``, it does not fit ``kind``, or the libraries that read it are
            not installed.
    """
    try:
        path = path.resolve(strict=True)
        kind = _kind_of(path) if kind == "auto" else kind
        source = _open(path, kind, limits)
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceInvalid(
            f"source {str(path)!r} cannot be read ({error}): expected a folder or file; check the path and permissions"
        ) from error
    return source


def _kind_of(path: Path) -> SourceKind:
    if path.is_dir():
        return "beir" if (path / _BEIR_FILE).is_file() else "tree"
    return "jsonl" if path.suffix.lower() == ".jsonl" else "tree"


def _open(path: Path, kind: SourceKind, limits: Limits | None) -> Source:
    if kind == "tree":
        tree = _Tree(path, limits)
        if path.is_dir():
            with os.scandir(path):  # raises where the folder may not be listed
                pass
        elif path.suffix.lower() not in _SUFFIXES or not path.is_file():
            _invalid(path, f"a folder, or one file: {_FILES}", "name one, or give the kind of the source")
        files = tree.files()
        if not files:
            _invalid(path, f"a folder with files that are not hidden: {_FILES}", "add some, or fix the path")
        _check_libraries(path, [entry.path for entry in files])
        return tree
    lines = path / _BEIR_FILE if kind == "beir" else path
    if not lines.is_file():
        wanted = f"a folder with {_BEIR_FILE}" if kind == "beir" else "a JSON Lines file"
        _invalid(path, wanted, "fix the path, or give another kind")
    with lines.open("rb") as file:
        if not file.read(1):
            _invalid(lines, "one JSON object on each line, but it is empty", "write the documents into it")
    return _JsonLines(f"{kind}:{path}", lines, ("_id", "id") if kind == "beir" else ("id", "_id"))


def _check_libraries(path: Path, files: Sequence[str]) -> None:
    parsed = [name for name in files if Path(name).suffix.lower() in SUFFIXES]
    missing = missing_libraries() if parsed else []
    if missing:
        raise SourceInvalid(
            f"source {str(path)!r} holds {shown(parsed[0])}, one of {len(parsed)} web pages, PDF and Word files, and"
            f" {', '.join(missing)} is not installed: expected the libraries of the extra 'sources'; install"
            " groundwork[sources], or ingest a folder without such files"
        )


def _invalid(path: Path, expected: str, next_step: str) -> NoReturn:
    raise SourceInvalid(f"source {str(path)!r} is not usable: expected {expected}; {next_step}")


@dataclass(frozen=True, slots=True)
class _JsonLines:
    name: str
    path: Path
    id_keys: Sequence[str]

    def read(self) -> Iterator[Document | Reject]:
        seen: dict[str, str] = {}
        for number, line in enumerate(self._lines(), 1):
            if line is not None and not line.strip():
                continue
            where = f"{shown(self.path.name)}:{number}"
            try:
                yield _once(self._document(line, is_first=number == 1), where, seen)
            except Refused as refusal:
                yield Reject(where, str(refusal))

    def _lines(self) -> Iterator[bytes | None]:
        """Each line; ``None`` for one that is too long to read."""
        try:
            with self.path.open("rb") as file:
                while line := file.readline(MAX_FILE_BYTES + 1):
                    if len(line) <= MAX_FILE_BYTES:
                        yield line
                        continue
                    while line and not line.endswith(b"\n"):
                        line = file.readline(MAX_FILE_BYTES)
                    yield None
        except OSError as error:
            raise SourceInvalid(
                f"source {str(self.path)!r} cannot be read ({error}): expected a readable file; check the disk"
            ) from error

    def _document(self, line: bytes | None, *, is_first: bool) -> Document:
        if line is None:
            raise Refused(f"the line is over {MAX_FILE_BYTES} bytes: split the document into several")
        record = json_record(decoded(line, is_first=is_first))
        metadata = record.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise Refused(f"metadata is {shown(metadata)}, not an object: write it as {{...}} or leave it out")
        metadata = plain_json(metadata or {})
        url = string_field(record, "url")
        if not url and isinstance(metadata.get("url"), str):
            url = metadata["url"]
        content_type = record.get("content_type", PLAIN)
        if content_type not in (PLAIN, MARKDOWN):
            raise Refused(f"content_type is {shown(content_type)}, not {PLAIN} or {MARKDOWN}: convert the text")
        if not isinstance(record.get("text"), str):
            raise Refused(f"text is {shown(record.get('text'))}, not a string: give the document's text in quotes")
        given = next((record[key] for key in self.id_keys if key in record), None)
        identity = checked_id(given, self.id_keys[0])
        title, allow = string_field(record, "title"), allow_field(record)
        return Document(identity, title, record["text"], url, metadata, content_type, allow)


def _once(document: Document, where: str, seen: dict[str, str]) -> Document:
    if document.id in seen:
        raise Refused(f"id {shown(document.id)} was used by {seen[document.id]}: give every document its own")
    seen[document.id] = where
    return document


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file of a tree by its path below the root, or what cannot be entered there and why."""

    path: str
    reason: str = ""


class _Tree:
    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.name = f"tree:{path}"
        self._limits = limits
        self._path = path
        self._root = path if path.is_dir() else path.parent
        self._markdown = MarkdownReader()

    def files(self) -> list[_Entry]:
        """What is there to read or to reject, sorted by path."""
        if self._path != self._root:
            return [_Entry(self._path.name)]
        entries: list[_Entry] = []

        def unreadable(error: OSError) -> None:
            entries.append(_Entry(self._below(str(error.filename)), f"{error.strerror}: make the folder readable"))

        for folder, folders, names in os.walk(self._root, onerror=unreadable):
            folders[:] = [name for name in folders if not name.startswith(".")]
            links = [os.path.join(folder, name) for name in folders if os.path.islink(os.path.join(folder, name))]
            left = [link for link in links if not Path(link).resolve().is_relative_to(self._root)]
            entries.extend(_Entry(self._below(link), _LEAVES) for link in left)
            named = [name for name in names if not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES]
            entries.extend(_Entry(self._below(os.path.join(folder, name))) for name in named)
        return sorted(entries, key=lambda entry: entry.path)

    def read(self) -> Iterator[Document | Reject]:
        seen: dict[str, str] = {}
        with Extractor(self._limits) as extractor:
            for entry in self.files():
                where = entry.path.encode("utf-8", "backslashreplace").decode()
                try:
                    if entry.reason:
                        raise Refused(entry.reason)
                    yield _once(self._document(entry.path, extractor), where, seen)
                except OSError as error:
                    yield Reject(where, f"it cannot be read ({error.strerror}): check its permissions and the disk")
                except (Refused, Unreadable) as refusal:
                    yield Reject(where, str(refusal))

    def _below(self, path: str) -> str:
        return Path(path).relative_to(self._root).as_posix()

    def _document(self, path: str, extractor: Extractor) -> Document:
        suffix = Path(path).suffix.lower()
        if suffix in SUFFIXES:
            return self._extracted(path, suffix, extractor)
        content_type = _TYPES[suffix]
        fields, body = front_matter(decoded(self._bytes(self._root / path)))
        given = fields.pop("id", None)
        identity = checked_id(path if given in (None, "") else given, "id")
        url = string_field(fields, "url")
        title = str(fields.get("title") or "").strip()
        if not title and content_type == MARKDOWN:
            title = self._markdown.first_title(body)
        allow = allow_field(fields)
        metadata = {key: value for key, value in fields.items() if key not in ("title", "url", "allow")}
        refuse_surrogates(path)
        return Document(identity, title or Path(path).stem, body, url, metadata | {"path": path}, content_type, allow)

    def _extracted(self, path: str, suffix: str, extractor: Extractor) -> Document:
        identity = checked_id(path, "id")
        extract = extractor.extract(suffix, self._bytes(self._root / path))
        content_type = PLAIN if suffix in PLAIN_SUFFIXES else MARKDOWN
        title = extract.title
        if not title and content_type == MARKDOWN:
            title = self._markdown.first_title(extract.text)
        metadata = {**extract.facts, "path": path}
        return Document(identity, title or Path(path).stem, extract.text, extract.url, metadata, content_type)

    def _bytes(self, path: Path) -> bytes:
        if path.is_symlink():
            try:
                target = path.resolve(strict=True)
            except (OSError, RuntimeError) as error:
                raise Refused(f"the link leads nowhere ({error}): remove it, or mend its target") from error
            if not target.is_relative_to(self._root):
                raise Refused(_LEAVES)
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise Refused("it is not a regular file: replace it by one, or remove it")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise Refused(f"it has {about.st_size} bytes, more than {MAX_FILE_BYTES}: split it into several files")
        return data
