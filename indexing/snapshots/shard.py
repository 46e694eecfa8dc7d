"""Shards: immutable file sets that hold the passages of partitions, with everything a search needs of them.

A shard stores vectors, lexical postings and the passages' text, so that a search replica needs no catalogue. A
partition's passages are contiguous rows. Format: docs/snapshot-format.md.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from indexing.errors import ArtefactCorrupt
from indexing.indexes.analyser import TextAnalyser
from indexing.indexes.attributes import AttributeSegment, build_attributes
from indexing.indexes.exact_index import ExactIndex, inner_products
from indexing.indexes.ivf_index import IvfIndex, IvfInfo
from indexing.indexes.postings import LexicalSegment
from indexing.indexes.sq8_index import SQ8_ROWS, Sq8Index
from indexing.records import Document, Json, Mask, Partition, Rows, Scores, Vector, Vectors
from indexing.snapshots.shard_arrays import require_arrays
from indexing.snapshots.shard_layout import Arrays, ShardInput, lay_out, require_vectors
from indexing.snapshots.shard_manifest import FIRST_WITH_ATTRIBUTES, ShardPartition, read_shard_manifest
from indexing.snapshots.stored_texts import DocumentRecord, StoredTexts
from indexing.storage.arrays import map_arrays
from indexing.storage.store import Artefact, ArtefactKind

KIND = ArtefactKind("shards", remedy="Build again to restore it.")
VECTORS_FILE = "vectors.faiss"
CODES_FILE = "codes.faiss"
LISTS_FILE = "lists.faiss"
LEXICAL_FILE = "lexical.safetensors"
PASSAGES_FILE = "passages.safetensors"
ATTRIBUTES_FILE = "attributes.safetensors"
_LISTS_BYTES = 2 << 20
"""About how many bytes a search of IVF lists reads, however large they are: above what 8,192 rows of codes take.
Our choice."""
MOST_COSINE = 1.01
"""The largest score that unit vectors can have, with room for rounding; a larger one is no cosine, nor is NaN.
Our choice."""
_FAULTS = (AttributeError, IndexError, KeyError, OverflowError, RuntimeError, TypeError, ValueError)
"""What reading raises where a file is not as it was written: places outside, records that are no JSON, or not ours."""


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
    table_heading: str = ""

    @property
    def id(self) -> str:
        """Unique inside its collection, as ``Passage.id``."""
        return f"{self.document_id}#{self.ordinal}"


_Whole = TypeVar("_Whole", np.int64, np.uint32)
OnDamage: TypeAlias = Callable[[str, str], None]
"""Told the name of a shard whose files turned out to be damaged, and what is wrong."""


@dataclass(frozen=True, slots=True)
class ShardParts:
    """What a shard is made of: ``rows`` passages and everything that a search needs of them."""

    rows: int
    partitions: Sequence[ShardPartition]
    lexical: Arrays
    texts: Arrays
    attributes: Arrays | None
    exact: ExactIndex
    sq8: Sq8Index | None = None
    approximate: IvfIndex | None = None
    lists: IvfInfo | None = None
    size_bytes: int = 0
    is_in_memory: bool = False
    """Whether it was never written, as fresh writes are."""


def open_shard(artefact: Artefact, on_damage: OnDamage | None = None) -> "Shard":
    """A published shard, memory-mapped: opening reads headers only.

    Args:
        artefact: The shard's files and manifest.
        on_damage: Told when reading shows later that the files are damaged.

    Raises:
        FormatUnknown: written by a newer version.
        ArtefactCorrupt: the files contradict the manifest.
    """
    manifest = read_shard_manifest(artefact)
    facts, path = manifest.facts, artefact.path
    has_attributes = manifest.format >= FIRST_WITH_ATTRIBUTES
    exact = ExactIndex(path / VECTORS_FILE)
    parts = ShardParts(
        rows=facts.rows,
        partitions=facts.partitions,
        lexical=map_arrays(path / LEXICAL_FILE),
        texts=map_arrays(path / PASSAGES_FILE),
        attributes=map_arrays(path / ATTRIBUTES_FILE) if has_attributes else None,
        exact=exact,
        sq8=None if facts.codes is None else Sq8Index(path / CODES_FILE, exact, facts.codes),
        approximate=None if facts.lists is None else IvfIndex(path / LISTS_FILE, exact, probes=facts.lists.probes),
        lists=facts.lists,
        size_bytes=artefact.size_bytes,
    )
    return Shard(artefact.name, parts, on_damage)


def shard_in_memory(name: str, inputs: Sequence[ShardInput], vectors: Vectors, analyser: TextAnalyser) -> "Shard":
    """A shard that was never written: the same contents, searched the same way, gone with the process.

    Raises:
        ValueError: as ``write_shard``.
    """
    contents = lay_out(inputs, analyser)
    require_vectors(len(contents.texts["passage_documents"]), vectors)
    arrays = (contents.lexical, contents.texts, contents.attributes)
    parts = ShardParts(
        rows=len(vectors),
        partitions=contents.partitions,
        lexical=contents.lexical,
        texts=contents.texts,
        attributes=contents.attributes,
        exact=ExactIndex(vectors=vectors),
        size_bytes=vectors.nbytes + sum(array.nbytes for some in arrays for array in some.values()),
        is_in_memory=True,
    )
    return Shard(name, parts)


class Shard:
    """Passages of some partitions, ready for search; see ``open_shard``. Safe to share between threads.

    Files are checked before they are opened, not again at each read. Where a read shows that they changed since, it
    raises ``ArtefactCorrupt`` with the shard's name, and tells ``on_damage``.

    Raises (at construction):
        ArtefactCorrupt: the parts hold different numbers of passages.
    """

    def __init__(self, name: str, parts: ShardParts, on_damage: OnDamage | None = None) -> None:
        self.name, self.rows, self.lists, self.size_bytes = name, parts.rows, parts.lists, parts.size_bytes
        self.is_in_memory = parts.is_in_memory
        self.partitions = {part.partition: part for part in parts.partitions}
        self._exact, self._sq8, self._approximate = parts.exact, parts.sq8, parts.approximate
        self._lexical, self._attributes = parts.lexical, parts.attributes
        self._on_damage = on_damage
        self._ordered = sorted(self.partitions.values(), key=lambda part: part.start)
        self._starts = [part.start for part in self._ordered]
        # Documents are numbered in the order of their passages; of these numbers no damaged file knows.
        self._documents = list(accumulate((part.documents for part in self._ordered), initial=0))
        self._first_documents = {
            part.partition: first for part, first in zip(self._ordered, self._documents, strict=False)
        }
        self._computed: dict[Partition, AttributeSegment] = {}
        try:
            require_arrays(parts.rows, parts.exact.rows, self._ordered, parts.lexical, parts.texts, parts.attributes)
        except ValueError as error:
            raise ArtefactCorrupt(f"shard {name}: {error}. Build again.") from error
        self._texts = StoredTexts(parts.texts)
        self.passage_documents: NDArray[np.uint32] = parts.texts["passage_documents"]

    def damaged(self, reason: object) -> ArtefactCorrupt:
        """What to raise when reading shows that the files are damaged; the keeper of the shard is told."""
        message = (
            f"shard {self.name} is damaged and not searched until it is restored ({reason}). Run 'groundwork snapshots"
            " verify', then build again."
        )
        if self._on_damage is not None:
            self._on_damage(self.name, message)
        return ArtefactCorrupt(message)

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
        return size if self._sq8 is not None and part.stop - part.start >= SQ8_ROWS else 4 * size

    def segment(self, partition: Partition, hidden: Mask | None = None) -> LexicalSegment:
        """The lexical side of a partition that this shard holds, as if its ``hidden`` rows were not there."""
        part = self.partitions[partition]
        return LexicalSegment(self._lexical, part.terms, part.start, part.stop, hidden=hidden, damaged=self.damaged)

    def attributes(self, partition: Partition) -> AttributeSegment:
        """Which documents of a partition carry what; of a shard from before format 3, read from its records once."""
        part, first = self.partitions[partition], self._first_documents[partition]
        if self._attributes is not None:
            return AttributeSegment(self._attributes, part.attribute_terms, first, part.documents, damaged=self.damaged)
        if partition not in self._computed:
            arrays, (terms,) = build_attributes([[self.document(first + n) for n in range(part.documents)]])
            self._computed[partition] = AttributeSegment(arrays, terms, 0, part.documents)
        return self._computed[partition]

    def rows_of(self, partition: Partition, documents: Mask) -> Mask:
        """The rows of some documents of a partition: bool, one entry a row of the partition."""
        part = self.partitions[partition]
        owners = self.passage_documents[part.start : part.stop]
        try:
            rows: Mask = documents[owners - np.uint32(self._first_documents[partition])]
        except _FAULTS as error:
            raise self.damaged(error) from error
        return rows

    def find(self, partition: Partition, ids: Iterable[str]) -> Mask:
        """The documents of a partition that have one of ``ids``: bool, one entry a document."""
        part, first = self.partitions[partition], self._first_documents[partition]
        numbers = range(first, first + part.documents)
        wanted = set(ids)
        if len(wanted) * part.documents.bit_length() > part.documents:  # reading all once is less than looking for each
            return np.fromiter((self._document_id(number) in wanted for number in numbers), np.bool_)
        found = np.zeros(part.documents, np.bool_)
        for name in wanted:
            place = bisect_left(numbers, name, key=self._document_id)
            if place < part.documents and self._document_id(first + place) == name:
                found[place] = True
        return found

    def whole_documents(self, partition: Partition, rows: Rows) -> tuple[Rows, Rows]:
        """All rows of the documents that some rows of a partition belong to, and how many each document has.

        ``rows`` are ascending; so is the result, document by document.
        """
        part, owners = self.partitions[partition], self.passage_documents
        documents = distinct(owners[rows])
        begin, end = np.searchsorted(owners, documents, "left"), np.searchsorted(owners, documents, "right")
        size = end - begin
        # Whatever the owners are, both ends ascend: the first and the last are the outermost.
        if len(size) and not (begin[0] >= part.start and end[-1] <= part.stop and size.all()):
            raise self.damaged("passages of a document are not side by side")
        offset = np.repeat(begin - (np.cumsum(size) - size), size)
        return offset + np.arange(len(offset)), size

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
        try:
            if self._approximate is not None and not exact:
                rows, scores = self._approximate.search(query, k, allowed=allowed, floor=floor)
            elif self._sq8 is not None and not exact:
                rows, scores = self._sq8.search(query, k, part.start, part.stop, allowed=allowed)
            else:
                rows, scores = self._exact.search(query, k, part.start, part.stop, allowed=allowed)
        except _FAULTS as error:
            raise self.damaged(error) from error
        # Best first, and no number last; a row that is none scores less than any cosine.
        if len(scores) and not (scores[0] <= MOST_COSINE and scores[-1] >= -MOST_COSINE):
            raise self.damaged("a vector is not of unit length")
        return rows, scores

    def vectors(self, rows: Rows) -> Vectors:
        """The vectors of some rows, copied."""
        return self._exact.vectors[rows]

    def cosines(self, rows: Rows, query: Vector) -> Scores:
        """The inner products of some rows' vectors with a query, float32 (dimension,), unit norm."""
        scores = inner_products(self._exact.vectors[rows], query)
        if not scores @ scores <= len(scores) * MOST_COSINE**2:  # one product finds what is no number or far too large
            raise self.damaged("a vector is not of unit length")
        return scores

    def partition_of(self, row: int) -> Partition:
        """Whose row it is, for the last check before a passage leaves."""
        return self._ordered[self._place_of(row)].partition

    def _place_of(self, row: int) -> int:
        place = bisect_right(self._starts, row) - 1
        if place >= 0 and row < self._ordered[place].stop:
            return place
        raise ArtefactCorrupt(f"shard {self.name} has no row {row}.")

    def passage(self, row: int) -> StoredPassage:
        """Everything stored of the passage at ``row``."""
        place = self._place_of(row)
        number = int(self.passage_documents[row])
        if not self._documents[place] <= number < self._documents[place + 1]:
            raise self.damaged(f"passage {row} names document {number}, which is not of its partition")
        try:
            name, title, url, metadata, _ = self._texts.document(number)
            record = self._texts.passage(row)
        except _FAULTS as error:
            raise self.damaged(f"passage {row} cannot be read: {error}") from error
        partition = self._ordered[place].partition
        return StoredPassage(partition, name, title, url, metadata, *record)

    def document_id(self, row: int) -> str:
        """The id of the document of the passage at ``row``."""
        return self._document_id(int(self.passage_documents[row]))

    def document_ids(self, rows: Rows) -> Iterator[str]:
        """The ids of the documents of some passages, in order, each read when it is asked for."""
        for number in self.passage_documents[rows].tolist():
            try:
                yield self._texts.document_id(number)
            except _FAULTS as error:
                raise self.damaged(f"document {number} cannot be read: {error}") from error

    def document(self, number: int) -> Document:
        """A document by its number in the shard; its text is not stored as a whole."""
        name, title, url, metadata, allow = self._document(number)
        return Document(name, title, "", url, metadata, allow=allow)

    def document_of(self, partition: Partition, place: int) -> Document:
        """As ``document``, by its place among those of its partition."""
        return self.document(self._first_documents[partition] + place)

    def documents(self) -> Iterator[tuple[Partition, str, str]]:
        """Each document's partition, id, and the sha256 of all that is stored of it."""
        owners = self.passage_documents
        for number in range(self._texts.documents):
            begin, end = (int(np.searchsorted(owners, number, side)) for side in ("left", "right"))
            digest = hashlib.sha256(self._texts.document_bytes(number))
            digest.update(self._texts.passage_bytes(begin, end))
            yield self.partition_of(begin), self._document_id(number), digest.hexdigest()

    def _document_id(self, number: int) -> str:
        return self._document(number)[0]

    def _document(self, number: int) -> DocumentRecord:
        try:
            return self._texts.document(number)
        except _FAULTS as error:
            raise self.damaged(f"document {number} cannot be read: {error}") from error


def distinct(ascending: NDArray[_Whole]) -> NDArray[_Whole]:
    """Ascending numbers, each once; a tenth of the time of ``np.unique``, which has to sort or hash."""
    is_new = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=is_new[1:])
    return ascending[is_new]
