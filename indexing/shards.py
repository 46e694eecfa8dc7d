"""Shards: immutable file sets that hold the passages of partitions, with everything a search needs of them.

A shard stores vectors, lexical postings and the passages' text, so that a search replica needs no catalogue. A
partition's passages are contiguous rows. Format: docs/snapshot-format.md.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexing.arrays import map_arrays, write_arrays
from indexing.errors import ArtefactCorrupt, FormatUnknown
from indexing.lexical import Analyser, LexicalSegment, TermRange, build_postings
from indexing.records import Document, Json, Partition, Passage, Rows, Scores, Vector, Vectors
from indexing.storage import Artefact, Draft
from indexing.vector_index import MIN_ROWS, ApproximateIndex, ExactIndex, write_exact, write_lists

KIND = "shards"
EXACT_FORMAT = 1
APPROXIMATE_FORMAT = 2
"""As format 1, with ``lists.faiss`` and what the manifest says of it: a piece of a large partition."""
VECTORS_FILE = "vectors.faiss"
LISTS_FILE = "lists.faiss"
LEXICAL_FILE = "lexical.safetensors"
PASSAGES_FILE = "passages.safetensors"


@dataclass(frozen=True, slots=True)
class ShardPartition:
    """Where a partition stands in a shard: rows ``start`` to ``stop``, terms ``term_start`` to ``term_stop``."""

    tenant: str
    collection: str
    start: int
    stop: int
    term_start: int
    term_stop: int
    documents: int

    @property
    def partition(self) -> Partition:
        """Whose rows these are."""
        return Partition(self.tenant, self.collection)


@dataclass(frozen=True, slots=True)
class ShardInput:
    """One document with its passages, ready to be written."""

    partition: Partition
    document: Document
    passages: Sequence[Passage]


def write_shard(
    draft: Draft,
    inputs: Sequence[ShardInput],
    vectors: Vectors,
    analyser: Analyser,
    *,
    min_recall: float | None = None,
) -> None:
    """Fill an artefact draft with a shard. The same inputs give the same bytes.

    Args:
        draft: Where to.
        inputs: Documents in row order, those of a partition side by side.
        vectors: One row a passage, in the order of ``inputs``.
        analyser: Turns encoder inputs (context and text) into terms.
        min_recall: Give the shard, a piece of one large partition, an approximate index with at least this recall@10;
            ``None`` for exact search.

    Raises:
        ValueError: the number of vectors is not the number of passages, a partition's documents are not contiguous,
            or an approximate index was asked for several partitions.
        BuildFailed: the approximate index finds too little.
    """
    rows = sum(len(item.passages) for item in inputs)
    if len(vectors) != rows:
        raise ValueError(f"{len(vectors)} vectors for {rows} passages")
    partitions = _lay_out(inputs)
    terms = [[analyser.terms(p.encoder_input) for p in item.passages] for item in inputs]
    grouped, position = [], 0
    for partition in partitions:
        grouped.append([one for item in terms[position : position + partition.documents] for one in item])
        position += partition.documents
    postings, ranges = build_postings(grouped)
    write_vectors(draft, vectors, partitions=len(partitions), min_recall=min_recall)
    write_arrays(draft.path / LEXICAL_FILE, postings)
    write_arrays(draft.path / PASSAGES_FILE, _store_texts(inputs))
    draft.info.update(
        rows=rows,
        partitions=[
            asdict(replace(partition, term_start=span.start, term_stop=span.stop))
            for partition, span in zip(partitions, ranges, strict=True)
        ],
    )


def write_vectors(draft: Draft, vectors: Vectors, *, partitions: int, min_recall: float | None) -> None:
    """Write a shard's vectors and, where asked for and worth while, its approximate index, and describe them.

    Raises:
        ValueError, BuildFailed: as ``write_shard``.
    """
    write_exact(draft.path / VECTORS_FILE, vectors)
    draft.info.update(format=EXACT_FORMAT, dimension=int(vectors.shape[1]))
    if min_recall is None or len(vectors) < MIN_ROWS:
        return
    if partitions != 1:
        raise ValueError(f"an approximate index over {partitions} partitions: expected one")
    lists = write_lists(draft.path / LISTS_FILE, vectors, min_recall=min_recall)
    draft.info.update(format=APPROXIMATE_FORMAT, lists=asdict(lists) | {"min_recall": min_recall})


def _lay_out(inputs: Sequence[ShardInput]) -> list[ShardPartition]:
    layout: list[ShardPartition] = []
    row = 0
    for item in inputs:
        last = layout[-1] if layout else None
        if last is None or last.partition != item.partition:
            if any(seen.partition == item.partition for seen in layout):
                raise ValueError(f"the documents of {item.partition} are not side by side")
            last = ShardPartition(item.partition.tenant, item.partition.collection, row, row, 0, 0, 0)
            layout.append(last)
        row += len(item.passages)
        layout[-1] = replace(last, stop=row, documents=last.documents + 1)
    return layout


def _store_texts(inputs: Sequence[ShardInput]) -> dict[str, NDArray[Any]]:
    """Documents and passages as JSON records end to end, with where each begins, and each passage's document."""
    documents, passages, owners = [], [], []
    for number, item in enumerate(inputs):
        document = item.document
        documents.append(_encode([document.id, document.title, document.url, dict(document.metadata)]))
        for passage in item.passages:
            passages.append(
                _encode([passage.ordinal, passage.start, passage.end, list(passage.headings), passage.text])
            )
            owners.append(number)
    return {
        "documents": np.frombuffer(b"".join(documents), np.uint8),
        "document_offsets": _offsets(documents),
        "passages": np.frombuffer(b"".join(passages), np.uint8),
        "passage_offsets": _offsets(passages),
        "passage_documents": np.array(owners, np.uint32),
    }


def _encode(record: Json) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()


def _offsets(records: Sequence[bytes]) -> NDArray[np.uint64]:
    return np.cumsum([0, *(len(record) for record in records)], dtype=np.uint64)


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


class Shard:
    """A published shard, memory-mapped: opening reads headers only. Safe to share between threads.

    Raises (at construction):
        FormatUnknown: written by a newer version.
        ArtefactCorrupt: the files contradict the manifest.
    """

    def __init__(self, artefact: Artefact) -> None:
        info = artefact.info
        if info.get("format") not in (EXACT_FORMAT, APPROXIMATE_FORMAT):
            raise FormatUnknown(
                f"shard {artefact.name} has format {info.get('format')!r}; this version reads formats {EXACT_FORMAT}"
                f" and {APPROXIMATE_FORMAT}."
                " Update Groundwork, or build again with this version."
            )
        self.name = artefact.name
        self.size_bytes = artefact.size_bytes
        self.lists: dict[str, Json] | None = None
        try:
            if info["format"] == APPROXIMATE_FORMAT:
                self.lists = {"probes": int(info["lists"]["probes"]), **info["lists"]}
            self.rows = int(info["rows"])
            parts = [ShardPartition(**entry) for entry in info["partitions"]]
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactCorrupt(f"shard {artefact.name}: its manifest is damaged ({error}). Build again.") from error
        self.partitions = {part.partition: part for part in parts}
        self._ordered = sorted(self.partitions.values(), key=lambda part: part.start)
        self._starts = [part.start for part in self._ordered]
        self._exact = ExactIndex(artefact.path / VECTORS_FILE)
        self._lexical = map_arrays(artefact.path / LEXICAL_FILE)
        self._texts = map_arrays(artefact.path / PASSAGES_FILE)
        owners = self._texts["passage_documents"]
        if not self._exact.rows == len(self._lexical["lengths"]) == len(owners) == self.rows:
            raise ArtefactCorrupt(f"shard {self.name}: its files hold different numbers of passages than {self.rows}.")
        self.passage_documents: NDArray[np.uint32] = owners
        self._approximate: ApproximateIndex | None = None
        if self.lists is not None:
            self._approximate = ApproximateIndex(artefact.path / LISTS_FILE, self._exact, probes=self.lists["probes"])

    def segment(self, partition: Partition) -> LexicalSegment:
        """The lexical side of a partition that this shard holds."""
        part = self.partitions[partition]
        return LexicalSegment(self._lexical, TermRange(part.term_start, part.term_stop), part.start, part.stop)

    def search(self, partition: Partition, query: Vector, k: int, *, exact: bool = False) -> tuple[Rows, Scores]:
        """The ``k`` nearest passages of a partition by inner product, reading only its rows.

        They are the nearest ones, unless the shard has lists and ``exact`` is false; scores are exact always.

        Returns:
            Rows of the shard and cosines, best first; fewer than ``k`` only when the partition is smaller.
        """
        part = self.partitions[partition]
        if self._approximate is not None and not exact:
            return self._approximate.search(query, k)
        return self._exact.search(query, k, part.start, part.stop)

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
        document_id, title, url, metadata = self._record("document", int(self.passage_documents[row]))
        return StoredPassage(
            self.partition_of(row), document_id, title, url, metadata, ordinal, start, end, tuple(headings), text
        )

    def documents(self) -> Iterator[tuple[Partition, str, str]]:
        """Each document's partition, id, and the sha256 of all that is stored of it."""
        owners = self.passage_documents
        for number in range(len(self._texts["document_offsets"]) - 1):
            begin, end = (int(np.searchsorted(owners, number, side)) for side in ("left", "right"))
            digest = hashlib.sha256(self._bytes("document", number, number + 1))
            digest.update(self._bytes("passage", begin, end))
            yield self.partition_of(begin), self._record("document", number)[0], digest.hexdigest()

    def _bytes(self, kind: str, first: int, last: int) -> bytes:
        offsets = self._texts[f"{kind}_offsets"]
        return bytes(self._texts[f"{kind}s"][int(offsets[first]) : int(offsets[last])])

    def _record(self, kind: str, number: int) -> Json:
        return json.loads(self._bytes(kind, number, number + 1))
