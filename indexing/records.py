"""The records that travel between the parts: documents, passages and the arrays beside them."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Json: TypeAlias = Any
"""A value made of dict, list, str, int, float, bool and None, as ``json`` reads and writes it."""

Vectors: TypeAlias = NDArray[np.float32]
"""float32, shape (n, dim), rows of unit norm."""

Vector: TypeAlias = NDArray[np.float32]
"""float32, shape (dim,), unit norm."""

Scores: TypeAlias = NDArray[np.float32]
"""float32, shape (n,), higher is better."""

Rows: TypeAlias = NDArray[np.int64]
"""int64, shape (n,), row numbers."""

Mask: TypeAlias = NDArray[np.bool_]
"""bool, shape (n,): which of n rows or documents are meant."""

MAX_INTEGER = 2**53 - 1
"""The largest whole number that comes in or goes out: every JSON reader has it exactly, and the OpenAPI document would
round a larger bound. Source: RFC 8259, section 6."""
MODES = ("hybrid", "dense", "lexical")
"""Which legs rank a search: both, the vectors alone, or BM25 alone."""
PLAIN = "text/plain"
MARKDOWN = "text/markdown"
ROWS = "text/rows"
"""Plain text whose paragraphs are rows of a table, each with the names of its columns: each is a passage by itself."""


def moment_text(moment: datetime) -> str:
    """A moment as rows hold it: ISO 8601 in UTC with milliseconds; moments compare as these texts do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def canonical_json(value: Json) -> bytes:
    """One byte string for one value: sorted keys, no spaces, UTF-8; the input of every fingerprint."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def fingerprint(value: Json) -> str:
    """The sha256 of ``canonical_json(value)``, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


_Kind = TypeVar("_Kind")


class JsonFields:
    """The fields of a JSON object, taken one by one with the type that each must have; values stay as they are."""

    def __init__(self, value: Json) -> None:
        """Read ``value``.

        Raises:
            ValueError: it is no object.
        """
        if not isinstance(value, Mapping):
            raise ValueError(f"{str(value)[:40]!r} stands where an object was expected")
        self._left = dict(value)

    def take(self, name: str, kind: type[_Kind]) -> _Kind:
        """The value of a field that must be there; a whole number counts as a ``float``, a truth value as no number.

        Raises:
            ValueError: it is missing, or of another type.
        """
        if name not in self._left:
            raise ValueError(f"the field {name!r} is missing")
        value = self._left.pop(name)
        kinds = (int, float) if kind is float else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kind is not bool):
            raise ValueError(f"the field {name!r} is {str(value)[:40]!r}, expected {kind.__name__}")
        return value  # type: ignore[return-value] # checked above

    def take_if_there(self, name: str, kind: type[_Kind]) -> _Kind | None:
        """As ``take``; ``None`` where there is no such field."""
        return self.take(name, kind) if name in self._left else None

    def rest(self) -> dict[str, Json]:
        """The fields that were not taken, as a newer version may have written them."""
        return self._left

    def end(self) -> None:
        """Say that there must be no other field.

        Raises:
            ValueError: there is one.
        """
        if self._left:
            raise ValueError(f"the field {min(self._left)!r} is unknown")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What a manifest promises of a file: its size and the sha256 of its bytes."""

    size_bytes: int
    sha256: str

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        file = cls(fields.take("size_bytes", int), fields.take("sha256", str))
        fields.end()
        return file

    def to_json(self) -> Json:
        """This as JSON."""
        return {"size_bytes": self.size_bytes, "sha256": self.sha256}


def files_from_json(value: Mapping[str, Json]) -> dict[str, StoredFile]:
    """The files of an artefact by name, as its manifest describes them.

    Raises:
        ValueError: they are described in another way.
    """
    return {name: StoredFile.from_json(entry) for name, entry in value.items()}


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """The passages of one (tenant, collection): the unit of placement and of search."""

    tenant: str
    collection: str

    def __str__(self) -> str:
        return f"{self.tenant}/{self.collection}"


@dataclass(frozen=True, slots=True)
class TextAccount:
    """Where the text of one file went, in letters and digits as ``letters_and_digits`` counts them.

    Args:
        reader: What read it, with the number of its rules: ``html 3``. A change of rules changes the number.
        raw: What the file holds, counted before anything is left out and apart from what is left out.
        kept: What stands in the text that is given, without what the reader adds itself (numbers of lists, ticks).
        left_out: What was left out, by reason; a reason follows "left out as": ``navigation``, ``hidden text``.
        notes: What else a reader of the document must know, each a sentence: "Page 2 of 3 is a picture."
    """

    reader: str
    raw: int
    kept: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def unexplained(self) -> int:
        """What neither was kept nor has a reason for its absence."""
        return max(0, self.raw - self.kept - sum(self.left_out.values()))


@dataclass(frozen=True, slots=True)
class Document:
    """The unit of ingestion. ``text`` is exactly what passage offsets count in, in code points.

    ``allow`` names the principals (users, groups, roles) that may see it; ``None`` is every caller of the tenant.
    ``account`` says where the text of its file went, while a source is read; it is no part of what the document is.
    """

    id: str
    title: str
    text: str
    url: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    content_type: str = PLAIN
    allow: tuple[str, ...] | None = None
    account: TextAccount | None = field(default=None, compare=False)

    @property
    def content_sha256(self) -> str:
        """Identifies what passages are made from: title, text and content type."""
        return fingerprint([self.title, self.text, self.content_type])

    @property
    def record_sha256(self) -> str:
        """Identifies everything that a shard stores of the document."""
        permissions = [] if self.allow is None else [sorted(set(self.allow))]
        return fingerprint([self.id, self.content_sha256, self.url, dict(self.metadata), *permissions])


def is_narrower(allow: Collection[str] | None, before: Collection[str] | None) -> bool:
    """Whether a principal that might see a document under ``before`` may not see it under ``allow``."""
    return allow is not None and (before is None or not set(before) <= set(allow))


@dataclass(frozen=True, slots=True)
class Span:
    """Where a passage stands: code points ``start`` to ``end`` (exclusive) of its document, under ``headings``.

    ``table_heading`` is the heading row of the table among whose rows it begins, in one line; empty elsewhere.
    """

    start: int
    end: int
    headings: tuple[str, ...] = ()
    table_heading: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """The retrievable piece of a document: ``text == document.text[start:end]``; see ``Span`` for what stands above."""

    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    encoder_input: str
    table_heading: str = ""

    @property
    def id(self) -> str:
        """Unique inside its collection: the document's id and the passage's place in it, from 0."""
        return f"{self.document_id}#{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Reject:
    """One file or line of a source that could not become a document, and why."""

    name: str
    reason: str
