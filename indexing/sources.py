"""Turns a path into documents: a BEIR corpus, a JSONL file, or a folder of Markdown and plain text files.

What is broken in a source becomes a ``Reject`` that says where and why; the rest is read on.
"""

import base64
import json
import math
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Literal, NoReturn, Protocol, TypeAlias

from frontmatter import YAMLHandler
from yaml import YAMLError

from indexing.blocks import MarkdownReader
from indexing.errors import SourceInvalid
from indexing.records import MARKDOWN, PLAIN, Document, Json, Reject

SourceKind: TypeAlias = Literal["auto", "beir", "jsonl", "tree"]

MAX_FILE_BYTES = 64 * 1024 * 1024
"""The largest file of a tree, and the longest line of a JSONL file, that is read."""
MAX_ID_CHARS = 512
_MAX_FRONT_MATTER_CHARS = 256 * 1024
_MAX_VALUES = 10_000  # of metadata; YAML aliases can make a few lines into billions
_MAX_DEPTH = 32
_TYPES = {".md": MARKDOWN, ".markdown": MARKDOWN, ".txt": PLAIN}
_BEIR_FILE = "corpus.jsonl"
_LEAVES = "the link leaves the source's folder: copy the file here, or read its folder as another source"
_BOUNDARY = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)


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


class _Refused(Exception):
    """Why one line or file is not a document; it never leaves this module."""


def open_source(path: Path, kind: SourceKind = "auto") -> Source:
    """The source at ``path``, checked to exist, to be readable and not to be empty.

    Args:
        path: A folder with ``corpus.jsonl`` (BEIR), a JSON Lines file, a folder of ``.md``, ``.markdown`` and ``.txt``
            files, or one such file.
        kind: What to read it as; ``auto`` decides by what is there.

    Raises:
        SourceInvalid: There is nothing to read at ``path``, or it does not fit ``kind``.
    """
    try:
        path = path.resolve(strict=True)
        kind = _kind_of(path) if kind == "auto" else kind
        source = _open(path, kind)
    except (OSError, RuntimeError, ValueError) as error:
        raise SourceInvalid(
            f"source {str(path)!r} cannot be read ({error}): expected a folder or file; check the path and permissions"
        ) from error
    return source


def _kind_of(path: Path) -> SourceKind:
    if path.is_dir():
        return "beir" if (path / _BEIR_FILE).is_file() else "tree"
    return "jsonl" if path.suffix.lower() == ".jsonl" else "tree"


def _open(path: Path, kind: SourceKind) -> Source:
    if kind == "tree":
        tree = _Tree(path)
        if path.is_dir():
            with os.scandir(path):  # raises where the folder may not be listed
                pass
        elif path.suffix.lower() not in _TYPES or not path.is_file():
            _invalid(path, "a folder, or a .md, .markdown or .txt file", "name one, or give the kind of the source")
        if not tree.files():
            _invalid(
                path, "a folder with .md, .markdown or .txt files that are not hidden", "add some, or fix the path"
            )
        return tree
    lines = path / _BEIR_FILE if kind == "beir" else path
    if not lines.is_file():
        wanted = f"a folder with {_BEIR_FILE}" if kind == "beir" else "a JSON Lines file"
        _invalid(path, wanted, "fix the path, or give another kind")
    with lines.open("rb") as file:
        if not file.read(1):
            _invalid(lines, "one JSON object on each line, but it is empty", "write the documents into it")
    return _JsonLines(f"{kind}:{path}", lines, ("_id", "id") if kind == "beir" else ("id", "_id"))


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
            where = f"{_shown(self.path.name)}:{number}"
            try:
                yield _once(self._document(line, is_first=number == 1), where, seen)
            except _Refused as refusal:
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
            raise _Refused(f"the line is over {MAX_FILE_BYTES} bytes: split the document into several")
        record = _record(_decoded(line, is_first=is_first))
        metadata = record.get("metadata")
        if metadata is not None and not isinstance(metadata, dict):
            raise _Refused(f"metadata is {_shown(metadata)}, not an object: write it as {{...}} or leave it out")
        metadata = _plain(metadata or {}, iter(range(_MAX_VALUES)))
        url = _string(record, "url")
        if not url and isinstance(metadata.get("url"), str):
            url = metadata["url"]
        content_type = record.get("content_type", PLAIN)
        if content_type not in (PLAIN, MARKDOWN):
            raise _Refused(f"content_type is {_shown(content_type)}, not {PLAIN} or {MARKDOWN}: convert the text")
        if not isinstance(record.get("text"), str):
            raise _Refused(f"text is {_shown(record.get('text'))}, not a string: give the document's text in quotes")
        given = next((record[key] for key in self.id_keys if key in record), None)
        identity = _checked_id(given, self.id_keys[0])
        return Document(identity, _string(record, "title"), record["text"], url, metadata, content_type)


def _record(line: str) -> dict[str, Json]:
    try:
        record = json.loads(line, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _Refused(f"{_shown(line.strip())} is not JSON ({error}): write one object on each line") from error
    if not isinstance(record, dict):
        raise _Refused(f"{_shown(record)} is not a JSON object: write one object on each line")
    if "\\u" in line:
        _refuse_surrogates(record)
    return record


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(f"{number[:40]} is not a finite number")
    return value


def _refuse_surrogates(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _Refused(f"it is nested more than {_MAX_DEPTH} deep: flatten it") from error
    except UnicodeEncodeError as error:
        code = f"U+{ord(error.object[error.start]):04X}"
        raise _Refused(f"it holds the lone surrogate {code}, which no UTF-8 can hold: remove or repair it") from error


def _decoded(data: bytes, *, is_first: bool = True) -> str:
    try:
        return data.decode("utf-8-sig" if is_first else "utf-8")
    except UnicodeDecodeError as error:
        raise _Refused(
            f"byte {error.object[error.start]:#04x} at {error.start} is not UTF-8: save it as UTF-8"
        ) from error


def _string(record: Mapping[str, Json], key: str) -> str:
    value = record.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Refused(f"{key} is {_shown(value)}, not a string: put it in quotes or leave it out")
    return value


def _checked_id(value: Json, key: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise _Refused(f"{key} is {_shown(value)}, not a name or whole number: give every document its own")
    if len(value) > MAX_ID_CHARS:
        raise _Refused(f"{key} {_shown(value)} has {len(value)} characters, more than {MAX_ID_CHARS}: shorten it")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise _Refused(f"{key} {_shown(value)} has control characters or bytes that are not UTF-8: remove them")
    return value


def _once(document: Document, where: str, seen: dict[str, str]) -> Document:
    if document.id in seen:
        raise _Refused(f"id {_shown(document.id)} was used by {seen[document.id]}: give every document its own")
    seen[document.id] = where
    return document


def _shown(value: Json) -> str:
    """A value as a message shows it: short, and encodable whatever is in it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None:
        return "missing"
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= 80 else text[:77] + "..."
    return ascii(text) if not text.isprintable() or not text else text


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file of a tree by its path below the root, or what cannot be entered there and why."""

    path: str
    reason: str = ""


class _Tree:
    def __init__(self, path: Path) -> None:
        self.name = f"tree:{path}"
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
            shown = [name for name in names if not name.startswith(".") and Path(name).suffix.lower() in _TYPES]
            entries.extend(_Entry(self._below(os.path.join(folder, name))) for name in shown)
        return sorted(entries, key=lambda entry: entry.path)

    def read(self) -> Iterator[Document | Reject]:
        seen: dict[str, str] = {}
        for entry in self.files():
            where = entry.path.encode("utf-8", "backslashreplace").decode()
            try:
                if entry.reason:
                    raise _Refused(entry.reason)
                yield _once(self._document(entry.path), where, seen)
            except OSError as error:
                yield Reject(where, f"it cannot be read ({error.strerror}): check its permissions and the disk")
            except _Refused as refusal:
                yield Reject(where, str(refusal))

    def _below(self, path: str) -> str:
        return Path(path).relative_to(self._root).as_posix()

    def _document(self, path: str) -> Document:
        content_type = _TYPES[Path(path).suffix.lower()]
        fields, body = _front_matter(_decoded(self._bytes(self._root / path)))
        given = fields.pop("id", None)
        identity = _checked_id(path if given in (None, "") else given, "id")
        url = _string(fields, "url")
        title = str(fields.get("title") or "").strip()
        if not title and content_type == MARKDOWN:
            title = self._markdown.first_title(body)
        metadata = {key: value for key, value in fields.items() if key not in ("title", "url")} | {"path": path}
        _refuse_surrogates(path)
        return Document(identity, title or Path(path).stem, body, url, metadata, content_type)

    def _bytes(self, path: Path) -> bytes:
        if path.is_symlink():
            try:
                target = path.resolve(strict=True)
            except (OSError, RuntimeError) as error:
                raise _Refused(f"the link leads nowhere ({error}): remove it, or mend its target") from error
            if not target.is_relative_to(self._root):
                raise _Refused(_LEAVES)
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise _Refused("it is not a regular file: replace it by one, or remove it")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise _Refused(f"it has {about.st_size} bytes, more than {MAX_FILE_BYTES}: split it into several files")
        return data


def _front_matter(text: str) -> tuple[dict[str, Json], str]:
    """The fields above the text, and the text below them, which is the rest of the file unchanged."""
    if not _BOUNDARY.match(text):
        return {}, text
    handler = YAMLHandler(fm_boundary=_BOUNDARY)
    try:
        source, body = handler.split(text)
    except ValueError:  # nothing closes it, so it is a rule of the text
        return {}, text
    if len(source) > _MAX_FRONT_MATTER_CHARS:
        raise _Refused(f"front matter has {len(source)} characters, more than {_MAX_FRONT_MATTER_CHARS}: shorten it")
    try:
        fields = handler.load(source)
    except (YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise _Refused(f"front matter is not YAML ({' '.join(str(error).split())[:200]}): correct it") from error
    if fields is None:
        return {}, body
    if not isinstance(fields, dict):
        raise _Refused(
            f"front matter is {_shown(_plain(fields, iter(range(_MAX_VALUES))))}, not a mapping: "
            "write 'key: value' lines, or put an empty line before the first ---"
        )
    plain: dict[str, Json] = _plain(fields, iter(range(_MAX_VALUES)))
    return plain, body


def _plain(value: object, budget: Iterator[int], depth: int = 0) -> Json:
    """``value`` as JSON can hold it: moments in ISO form, sets sorted, whatever else is strange as a string."""
    if next(budget, None) is None or depth > _MAX_DEPTH:
        raise _Refused(
            f"metadata holds more than {_MAX_VALUES} values, or is nested more than {_MAX_DEPTH} deep: simplify it"
        )
    if isinstance(value, dict):
        return {str(_plain(key, budget, depth + 1)): _plain(item, budget, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, budget, depth + 1) for item in value]
    if isinstance(value, set):
        return sorted(str(_plain(item, budget, depth + 1)) for item in value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and value.bit_length() > 1024:
        return hex(value)  # Python refuses to write very long numbers as decimals
    is_json = value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_json else str(value)
