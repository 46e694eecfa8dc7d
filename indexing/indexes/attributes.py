"""Attributes: which documents of a partition carry which metadata value, and who may see them.

Every value becomes a term that sorts as the value does, with the documents that carry it, so that equality and ranges
are found by bisection in a mapped file, without reading any document. A list counts by each of its members.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexing.indexes.postings import TermList, TermRange
from indexing.records import Document, Json, Mask
from indexing.storage.arrays import offsets_of

Scalar: TypeAlias = str | int | float | bool
_METADATA, _PRINCIPAL, _RESTRICTED = b"m", b"p", b"r"
_STRING, _NUMBER, _BOOLEAN = b"s", b"n", b"t"
_LENGTH, _FLOAT, _REST = struct.Struct(">I"), struct.Struct(">d"), struct.Struct(">Q")
_MIDDLE = 1 << 63
"""The sign bit of 64; numbers below it are negative ones, moved up."""


def build_attributes(
    partitions: Sequence[Sequence[Document]],
) -> tuple[dict[str, NDArray[Any]], list[TermRange]]:
    """The attributes of a shard's documents.

    Args:
        partitions: For each partition of the shard, its documents in order.

    Returns:
        Arrays to store, and one term range a partition. ``term_bytes`` uint8: all terms end to end, sorted inside each
        partition; ``term_offsets`` uint64 (terms + 1,); ``posting_offsets`` uint64 (terms + 1,): where each term's
        documents begin in ``posting_documents`` uint32: the document's number in the shard, ascending inside a term.
    """
    terms: list[bytes] = []
    postings: list[list[int]] = []
    ranges = []
    number = 0
    for documents in partitions:
        found: dict[bytes, list[int]] = {}
        for document in documents:
            for term in _terms(document):
                found.setdefault(term, []).append(number)
            number += 1
        first = len(terms)
        for term in sorted(found):
            terms.append(term)
            postings.append(found[term])
        ranges.append(TermRange(first, len(terms)))
    arrays: dict[str, NDArray[Any]] = {
        "term_bytes": np.frombuffer(b"".join(terms), np.uint8),
        "term_offsets": offsets_of(map(len, terms)),
        "posting_offsets": offsets_of(map(len, postings)),
        "posting_documents": np.array([one for some in postings for one in some], np.uint32),
    }
    return arrays, ranges


def _terms(document: Document) -> Iterator[bytes]:
    """Every term of a document, each once."""
    found = {_term(key, value) for key, value in _scalars(document.metadata)}
    if document.allow is not None:
        found.add(_RESTRICTED)
        found.update(_PRINCIPAL + principal.encode("utf-8", "surrogatepass") for principal in document.allow)
    yield from found


def _scalars(metadata: Mapping[str, Json]) -> Iterator[tuple[str, Scalar]]:
    for key, value in metadata.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | int | float | bool):
                yield key, one


def _term(key: str, value: Scalar) -> bytes:
    kind, encoded = _encoded(value)
    return _prefix(key, kind) + encoded


def _prefix(key: str, kind: bytes) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    return _METADATA + _LENGTH.pack(len(name)) + name + kind


def _encoded(value: Scalar) -> tuple[bytes, bytes]:
    """The kind of a value, and bytes that sort as values of this kind do."""
    if isinstance(value, bool):
        return _BOOLEAN, b"1" if value else b"0"
    if isinstance(value, str):
        return _STRING, value.encode("utf-8", "surrogatepass")
    return _NUMBER, _ordered(value)


def _ordered(value: float) -> bytes:
    """Bytes in the order of numbers: the nearest float, then how far a large whole number is from it."""
    try:
        nearest = float(value) + 0.0  # no negative zero
    except OverflowError:
        nearest = float("inf") if value > 0 else float("-inf")
    (bits,) = _REST.unpack(_FLOAT.pack(nearest))
    flipped = bits ^ ((1 << 64) - 1) if bits & _MIDDLE else bits | _MIDDLE
    rest = value - int(nearest) if isinstance(value, int) and abs(nearest) != float("inf") else 0
    return _REST.pack(flipped) + _REST.pack(min(max(rest + _MIDDLE, 0), 2 * _MIDDLE - 1))


class AttributeSegment:
    """The attributes of one partition's documents in one shard, read straight from the mapped arrays.

    Masks have one entry a document, in their order.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]],
        term_range: TermRange,
        first_document: int,
        documents: int,
        *,
        damaged: Callable[[str], Exception] = ValueError,
    ) -> None:
        """Look at ``documents`` documents from number ``first_document`` of the shard that ``arrays`` belong to.

        ``damaged`` makes the error that is raised where the arrays name other documents.
        """
        self._damaged = damaged
        self._arrays = arrays
        self._terms = TermList(arrays["term_bytes"], arrays["term_offsets"])
        self._range = term_range
        self._first = first_document
        self.documents = documents

    @cached_property
    def has_permissions(self) -> bool:
        """Whether any document names who may see it."""
        place = bisect_left(self._terms, _RESTRICTED, self._range.start, self._range.stop)
        return place < self._range.stop and bool(self._terms[place] == _RESTRICTED)

    def nothing(self) -> Mask:
        """No document."""
        return np.zeros(self.documents, np.bool_)

    def equal(self, key: str, value: Scalar) -> Mask:
        """The documents whose metadata has this value, of this type, under ``key``."""
        term = _term(key, value)
        return self._between(term, term + b"\0")

    def ordered(self, key: str, operator: str, value: Scalar) -> Mask:
        """The documents with a value of this type under ``key`` that is ``gt``, ``gte``, ``lt`` or ``lte`` ``value``.

        Strings are compared code point by code point, so that ISO dates come in their order.
        """
        kind, encoded = _encoded(value)
        prefix = _prefix(key, kind)
        if operator in ("gt", "gte"):
            low = prefix + encoded + (b"\0" if operator == "gt" else b"")
            return self._between(low, prefix[:-1] + bytes([kind[0] + 1]))
        return self._between(prefix, prefix + encoded + (b"\0" if operator == "lte" else b""))

    def visible(self, principals: Iterable[str]) -> Mask:
        """The documents that one of ``principals`` may see: those without permissions, and those that name one."""
        seen = ~self._between(_RESTRICTED, _RESTRICTED + b"\0")
        for principal in principals:
            term = _PRINCIPAL + principal.encode("utf-8", "surrogatepass")
            seen |= self._between(term, term + b"\0")
        return seen

    def _between(self, low: bytes, high: bytes) -> Mask:
        """The documents of all terms from ``low`` to below ``high``."""
        begin = bisect_left(self._terms, low, self._range.start, self._range.stop)
        end = bisect_left(self._terms, high, begin, self._range.stop)
        mask = self.nothing()
        offsets = self._arrays["posting_offsets"]
        documents = self._arrays["posting_documents"][int(offsets[begin]) : int(offsets[end])].astype(np.int64)
        documents -= self._first
        if len(documents) and documents.view(np.uint64).max() >= self.documents:
            raise self._damaged("an attribute names documents outside of its partition")
        mask[documents] = True
        return mask
