"""Shards: immutable file sets that hold the passages of partitions, with everything a search needs of them.

A shard stores vectors, lexical postings and the passages' text, so that a search replica needs no catalogue. A
partition's passages are contiguous rows. Format: docs/snapshot-format.md.
"""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from indexing.errors import ArtefactCorrupt, FormatUnknown
from indexing.indexes.analyser import Analyser
from indexing.indexes.attributes import AttributeSegment, build_attributes
from indexing.indexes.postings import LexicalSegment, TermRange
from indexing.indexes.vector_index import (
    SQ8_ROWS,
    ExactIndex,
    IvfIndex,
    Sq8Index,
    Sq8Info,
)
from indexing.records import Document, Json, Mask, Partition, Rows, Scores, Vector, Vectors
from indexing.snapshots.shard_layout import Arrays, ShardInput, ShardPartition, lay_out
from indexing.storage.arrays import map_arrays
from indexing.storage.store import Artefact, ArtefactKind

KIND = ArtefactKind("shards", remedy="Build again to restore it.")
FORMAT = 4
READABLE_FORMATS = (1, 2, 3, 4)
"""1: exact search only; 2: may have an approximate index; 3: also has the documents' attributes; 4: may have codes."""
VECTORS_FILE = "vectors.faiss"
CODES_FILE = "codes.faiss"
LISTS_FILE = "lists.faiss"
LEXICAL_FILE = "lexical.safetensors"
PASSAGES_FILE = "passages.safetensors"
ATTRIBUTES_FILE = "attributes.safetensors"
_LISTS_BYTES = 2 << 20


def _all_of(rows: int, vectors: Vectors) -> Vectors:
    if len(vectors) != rows:
        raise ValueError(f"{len(vectors)} vectors for {rows} passages")
    return vectors


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as it comes out of a shard, with its document's title, URL and metadata."""

    partition: Partition
    document_id: str
    title: str
    url: str
    metadata: dict[str, Json]
    ordinal: int
    start: int
    end: int
    headings: tuple[str, ...]
    text: str

    @property
    def id(self) -> str:
        """Unique inside its collection, as ``Passage.id``."""
        return f"{self.document_id}#{self.ordinal}"


def require_readable(artefact: Artefact) -> None:
    """Refuse a shard in a format of the future.

    Raises:
        FormatUnknown: written by a newer version.
    """
    if artefact.info.get("format") not in READABLE_FORMATS:
        raise FormatUnknown(
            f"shard {artefact.name} has format {artefact.info.get('format')!r}; this version reads formats"
            f" {', '.join(map(str, READABLE_FORMATS))}. Update Groundwork, or build again with this version."
        )


class Shard:
    """A published shard, memory-mapped: opening reads headers only. Safe to share between threads.

    Raises (at construction):
        FormatUnknown: written by a newer version.
        ArtefactCorrupt: the files contradict the manifest.
    """

    def __init__(self, artefact: Artefact) -> None:
        info = artefact.info
        require_readable(artefact)
        self.name = artefact.name
        self.size_bytes = artefact.size_bytes
        try:
            self.lists: dict[str, Json] | None = info.get("lists")
            probes = 0 if self.lists is None else int(self.lists["probes"])
            self.rows = int(info["rows"])
            parts = [ShardPartition(**entry) for entry in info["partitions"]]
            codes = Sq8Info(**info["codes"]) if "codes" in info else None
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactCorrupt(f"shard {artefact.name}: its manifest is damaged ({error}). Build again.") from error
        self._exact = ExactIndex(artefact.path / VECTORS_FILE)
        self._approximate: IvfIndex | None = None
        self._coded: Sq8Index | None = None
        attributes = map_arrays(artefact.path / ATTRIBUTES_FILE) if info["format"] >= 3 else None
        self._fill(
            parts, map_arrays(artefact.path / LEXICAL_FILE), map_arrays(artefact.path / PASSAGES_FILE), attributes
        )
        if codes is not None:
            self._coded = Sq8Index(artefact.path / CODES_FILE, self._exact, codes)
        if probes:
            self._approximate = IvfIndex(artefact.path / LISTS_FILE, self._exact, probes=probes)

    @classmethod
    def in_memory(cls, name: str, inputs: Sequence[ShardInput], vectors: Vectors, analyser: Analyser) -> Self:
        """A shard that was never written: the same contents, searched the same way, gone with the process.

        Raises:
            ValueError: as ``write_shard``.
        """
        shard = cls.__new__(cls)
        contents = lay_out(inputs, analyser)
        _all_of(len(contents.texts["passage_documents"]), vectors)
        shard.name, shard.rows, shard.lists = name, len(vectors), None
        arrays = (contents.lexical, contents.texts, contents.attributes)
        shard.size_bytes = vectors.nbytes + sum(array.nbytes for some in arrays for array in some.values())
        shard._exact, shard._approximate, shard._coded = ExactIndex(vectors=vectors), None, None
        shard._fill(contents.partitions, *arrays)
        return shard

    def _fill(self, parts: Sequence[ShardPartition], lexical: Arrays, texts: Arrays, attributes: Arrays | None) -> None:
        self.partitions = {part.partition: part for part in parts}
        self._ordered = sorted(self.partitions.values(), key=lambda part: part.start)
        self._starts = [part.start for part in self._ordered]
        self._lexical, self._texts, self._attributes = lexical, texts, attributes
        # Memory views give plain numbers and bytes at a fraction of what numpy's indexing costs.
        self._written = {
            kind: (_view(texts[f"{kind}s"]), _view(texts[f"{kind}_offsets"])) for kind in ("document", "passage")
        }
        self._computed: dict[Partition, AttributeSegment] = {}
        owners = texts["passage_documents"]
        if not self._exact.rows == len(lexical["lengths"]) == len(owners) == self.rows:
            raise ArtefactCorrupt(f"shard {self.name}: its files hold different numbers of passages than {self.rows}.")
        self.passage_documents: NDArray[np.uint32] = owners

    @property
    def dimension(self) -> int:
        """Components of each vector."""
        return int(self._exact.vectors.shape[1])

    @property
    def has_stored_attributes(self) -> bool:
        """Whether they are in the shard's files; those from before format 3 have none."""
        return self._attributes is not None

    def search_bytes(self, partition: Partition) -> int:
        """About how many bytes a search of a partition reads that is not exact by request."""
        if self._approximate is not None:
            return _LISTS_BYTES
        part = self.partitions[partition]
        size = (part.stop - part.start) * self.dimension
        return size if self._coded is not None and part.stop - part.start >= SQ8_ROWS else 4 * size

    def segment(self, partition: Partition, hidden: Mask | None = None) -> LexicalSegment:
        """The lexical side of a partition that this shard holds, as if its ``hidden`` rows were not there."""
        part = self.partitions[partition]
        terms = TermRange(part.term_start, part.term_stop)
        return LexicalSegment(self._lexical, terms, part.start, part.stop, hidden=hidden)

    def attributes(self, partition: Partition) -> AttributeSegment:
        """Which documents of a partition carry what; of a shard from before format 3, read from its records once."""
        part = self.partitions[partition]
        first = int(self.passage_documents[part.start])
        if self._attributes is not None:
            terms = TermRange(part.attribute_start, part.attribute_stop)
            return AttributeSegment(self._attributes, terms, first, part.documents)
        if partition not in self._computed:
            arrays, (terms,) = build_attributes([[self.document(first + n) for n in range(part.documents)]])
            self._computed[partition] = AttributeSegment(arrays, terms, 0, part.documents)
        return self._computed[partition]

    def rows_of(self, partition: Partition, documents: Mask) -> Mask:
        """The rows of some documents of a partition: bool, one entry a row of the partition."""
        part = self.partitions[partition]
        owners = self.passage_documents[part.start : part.stop]
        rows: Mask = documents[owners - owners[0]]
        return rows

    def find(self, partition: Partition, ids: Iterable[str]) -> Mask:
        """The documents of a partition that have one of ``ids``: bool, one entry a document."""
        part = self.partitions[partition]
        first = int(self.passage_documents[part.start])
        numbers = range(first, first + part.documents)
        wanted = set(ids)
        if len(wanted) * part.documents.bit_length() > part.documents:  # reading all once is less than looking for each
            return np.fromiter((self._record("document", number)[0] in wanted for number in numbers), np.bool_)
        found = np.zeros(part.documents, np.bool_)
        for name in wanted:
            place = bisect_left(numbers, name, key=lambda number: str(self._record("document", number)[0]))
            if place < part.documents and self._record("document", first + place)[0] == name:
                found[place] = True
        return found

    def search(
        self,
        partition: Partition,
        query: Vector,
        k: int,
        *,
        allowed: Mask | None = None,
        exact: bool = False,
        floor: float = -1.0,
    ) -> tuple[Rows, Scores]:
        """The ``k`` nearest passages of a partition by inner product, reading only its rows.

        They are the nearest ones, unless the shard has lists and ``exact`` is false; scores are exact always.

        Args:
            partition: One that the shard holds.
            query: float32 (dimension,), unit norm.
            k: At least 1.
            allowed: bool, one entry a row of the partition: which may be found; ``None`` for all.
            exact: To use neither lists nor codes.
            floor: A cosine that ten passages of other shards reach already: a hint that spares effort.

        Returns:
            Rows of the shard and cosines, best first; fewer than ``k`` only when fewer are there and allowed.
        """
        part = self.partitions[partition]
        if self._approximate is not None and not exact:
            return self._approximate.search(query, k, allowed=allowed, floor=floor)
        if self._coded is not None and not exact:
            return self._coded.search(query, k, part.start, part.stop, allowed=allowed)
        return self._exact.search(query, k, part.start, part.stop, allowed=allowed)

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of some rows, copied."""
        return self._exact.vectors[rows]

    def partition_of(self, row: int) -> Partition:
        """Whose row it is, for the last check before a passage leaves."""
        place = bisect_right(self._starts, row) - 1
        if place >= 0 and row < self._ordered[place].stop:
            return self._ordered[place].partition
        raise ArtefactCorrupt(f"shard {self.name} has no row {row}.")

    def passage(self, row: int) -> StoredPassage:
        """Everything stored of the passage at ``row``."""
        ordinal, start, end, headings, text = self._record("passage", row)
        name, title, url, metadata, *_ = self._record("document", int(self.passage_documents[row]))
        return StoredPassage(
            self.partition_of(row),
            name,
            title,
            url,
            metadata,
            ordinal,
            start,
            end,
            tuple(headings),
            text,
        )

    def document(self, number: int) -> Document:
        """A document by its number in the shard; its text is not stored as a whole."""
        name, title, url, metadata, *allow = self._record("document", number)
        return Document(name, title, "", url, metadata, allow=tuple(allow[0]) if allow else None)

    def documents(self) -> Iterator[tuple[Partition, str, str]]:
        """Each document's partition, id, and the sha256 of all that is stored of it."""
        owners = self.passage_documents
        for number in range(len(self._texts["document_offsets"]) - 1):
            begin, end = (int(np.searchsorted(owners, number, side)) for side in ("left", "right"))
            digest = hashlib.sha256(self._bytes("document", number, number + 1))
            digest.update(self._bytes("passage", begin, end))
            yield self.partition_of(begin), self._record("document", number)[0], digest.hexdigest()

    def _bytes(self, kind: str, first: int, last: int) -> bytes:
        written, offsets = self._written[kind]
        return written[offsets[first] : offsets[last]].tobytes()

    def _record(self, kind: str, number: int) -> Json:
        written = self._bytes(kind, number, number + 1)
        try:
            return from_json(written)
        except ValueError:  # it takes no half of a surrogate pair
            return json.loads(written)


def _view(array: NDArray[Any]) -> memoryview:
    return memoryview(array)  # type: ignore[arg-type] # arrays are buffers
