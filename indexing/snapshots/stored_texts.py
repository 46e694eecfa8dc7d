"""The texts of a shard: documents and passages as JSON records end to end, read one by one and checked by type."""

import json
from typing import Any, TypeAlias

from numpy.typing import NDArray
from pydantic_core import from_json

from indexing.records import Json
from indexing.snapshots.shard_layout import Arrays

DocumentRecord: TypeAlias = tuple[str, str, str, dict[str, Json], tuple[str, ...] | None]
"""Id, title, URL, metadata and, as in ``Document``, who may see it."""
_OPENING = b'["'
"""How a record begins: the id is its first text, in which whatever is no ASCII is written with a backslash."""
PassageRecord: TypeAlias = tuple[int, int, int, tuple[str, ...], str, str]
"""Ordinal, start, end, headings, text, and the heading row of the table in which it begins, or an empty text."""


class StoredTexts:
    """The records of a shard's documents and passages. Safe to share between threads.

    Raises (where a record is read):
        ValueError, TypeError, IndexError, AttributeError: it is not as it was written.
    """

    def __init__(self, arrays: Arrays) -> None:
        """Look at the arrays that ``lay_out`` made."""
        # Memory views give plain numbers and bytes at a fraction of what numpy's indexing costs.
        self._documents, self._document_offsets = _view(arrays["documents"]), _view(arrays["document_offsets"])
        self._passages, self._passage_offsets = _view(arrays["passages"]), _view(arrays["passage_offsets"])

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return len(self._document_offsets) - 1

    def document_bytes(self, number: int) -> bytes:
        """A document's record as it is stored."""
        return self._documents[self._document_offsets[number] : self._document_offsets[number + 1]].tobytes()

    def passage_bytes(self, first: int, last: int) -> bytes:
        """The records of passages ``first`` to ``last`` (exclusive) as they are stored."""
        return self._passages[self._passage_offsets[first] : self._passage_offsets[last]].tobytes()

    def document(self, number: int) -> DocumentRecord:
        """A document's record."""
        written = self._documents[self._document_offsets[number] : self._document_offsets[number + 1]].tobytes()
        name, title, url, metadata, *rest = _parsed(written)
        if type(metadata) is not dict:
            raise TypeError(f"the metadata of document {number} is not an object")
        "".join((name, title, url))  # refuses what is no text, in less time than asking for each type
        if not rest:
            return name, title, url, metadata, None
        if type(rest[0]) is not list:
            raise TypeError(f"the permissions of document {number} are not a list")
        "".join(rest[0])
        return name, title, url, metadata, tuple(rest[0])

    def document_id(self, number: int) -> str:
        """A document's id: a third of the time of reading its record."""
        written = self._documents[self._document_offsets[number] : self._document_offsets[number + 1]].tobytes()
        end = written.find(b'"', len(_OPENING))
        name = written[len(_OPENING) : end]
        if written.startswith(_OPENING) and end > 0 and b"\\" not in name:
            return name.decode()
        return self.document(number)[0]

    def passage(self, row: int) -> PassageRecord:
        """A passage's record."""
        written = self._passages[self._passage_offsets[row] : self._passage_offsets[row + 1]].tobytes()
        ordinal, start, end, headings, text, *rest = _parsed(written)
        if not (type(ordinal) is type(start) is type(end) is int and type(headings) is list):
            raise TypeError(f"the record of passage {row} holds values of other types")
        text.join(headings)  # as above: text and texts, or an error
        if not rest:
            return ordinal, start, end, tuple(headings), text, ""
        (table_heading,) = rest
        text.join((table_heading,))
        return ordinal, start, end, tuple(headings), text, table_heading


def _parsed(written: bytes) -> Json:
    try:
        return from_json(written)
    except ValueError:  # it takes no half of a surrogate pair
        return json.loads(written)


def _view(array: NDArray[Any]) -> memoryview:
    return memoryview(array)  # type: ignore[arg-type] # arrays are buffers
