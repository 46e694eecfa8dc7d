"""How documents, passages and partitions are laid out in a shard, and all of a shard but its vectors as arrays.

Both a shard that is written (``indexing.snapshots.shard``) and one that only lives in memory come from here.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexing.indexes.analyser import PassageTerms, TextAnalyser
from indexing.indexes.attributes import build_attributes
from indexing.indexes.postings import build_postings
from indexing.records import Document, Json, Partition, Passage, Vectors
from indexing.snapshots.shard_manifest import ShardPartition

Arrays: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ShardInput:
    """One document with its passages, ready to be written."""

    partition: Partition
    document: Document
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class ShardContents:
    """What a shard holds beside its vectors."""

    partitions: Sequence[ShardPartition]
    lexical: Arrays
    texts: Arrays
    attributes: Arrays


def lay_out(inputs: Iterable[ShardInput], analyser: TextAnalyser) -> ShardContents:
    """The contents of a shard of ``inputs``: documents in row order, read once, those of a partition side by side.

    Raises:
        ValueError: a partition's documents are not contiguous.
    """
    layout = _Layout(analyser)
    lexical, term_ranges = build_postings(layout.terms(inputs))
    attributes, attribute_ranges = build_attributes(layout.documents)
    placed = [
        replace(
            partition,
            term_start=term_range.start,
            term_stop=term_range.stop,
            attribute_start=attribute_range.start,
            attribute_stop=attribute_range.stop,
        )
        for partition, term_range, attribute_range in zip(layout.partitions, term_ranges, attribute_ranges, strict=True)
    ]
    return ShardContents(placed, lexical, layout.texts(), attributes)


def require_vectors(rows: int, vectors: Vectors) -> Vectors:
    """The vectors, one for each passage.

    Raises:
        ValueError: there are more or fewer.
    """
    if len(vectors) != rows:
        raise ValueError(f"{len(vectors)} vectors for {rows} passages")
    return vectors


class _Layout:
    """What remains of documents and passages that are read once, one after another."""

    def __init__(self, analyser: TextAnalyser) -> None:
        self._analyser = analyser
        self.partitions: list[ShardPartition] = []
        self._seen: set[Partition] = set()
        self.documents: list[list[Document]] = []
        self._owners = array("I")
        self._records = {"document": bytearray(), "passage": bytearray()}
        self._ends = {kind: array("Q", (0,)) for kind in self._records}

    def terms(self, inputs: Iterable[ShardInput]) -> Iterator[Iterator[PassageTerms]]:
        """The terms of each partition's passages, for ``build_postings``; while that reads them, all else is kept."""
        for partition, group in groupby(inputs, key=lambda item: item.partition):
            if partition in self._seen:
                raise ValueError(f"the documents of {partition} are not side by side")
            self._seen.add(partition)
            first = len(self._owners)
            self.documents.append([])
            yield self._terms(group, self._analyser.of(partition))
            members = len(self.documents[-1])
            self.partitions.append(
                ShardPartition(partition.tenant, partition.collection, first, len(self._owners), 0, 0, members)
            )

    def _terms(self, members: Iterable[ShardInput], analyser: TextAnalyser) -> Iterator[PassageTerms]:
        for item in members:
            document = replace(item.document, text="")
            self.documents[-1].append(document)
            number = len(self._ends["document"]) - 1
            record = [document.id, document.title, document.url, dict(document.metadata)]
            self._keep("document", record if document.allow is None else [*record, sorted(set(document.allow))])
            for passage in item.passages:
                place = [passage.ordinal, passage.start, passage.end, list(passage.headings), passage.text]
                self._keep("passage", [*place, passage.table_heading] if passage.table_heading else place)
                self._owners.append(number)
                yield analyser.passage_terms(passage.encoder_input)

    def _keep(self, kind: str, record: Json) -> None:
        self._records[kind] += json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
        self._ends[kind].append(len(self._records[kind]))

    def texts(self) -> Arrays:
        """Documents and passages as JSON records end to end, with where each begins, and each passage's document."""
        return {
            "documents": np.frombuffer(self._records["document"], np.uint8),
            "document_offsets": np.frombuffer(self._ends["document"], np.uint64),
            "passages": np.frombuffer(self._records["passage"], np.uint8),
            "passage_offsets": np.frombuffer(self._ends["passage"], np.uint64),
            "passage_documents": np.frombuffer(self._owners, np.uint32),
        }
