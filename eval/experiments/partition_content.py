"""Which documents a snapshot holds of a partition, told alike however they were cut into passages."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from indexing.records import Partition, canonical_json, fingerprint
from indexing.snapshots.shard import Shard, StoredPassage
from indexing.snapshots.snapshot import Snapshot

_DIGITS = 16
"""Of a fingerprint that are kept: two of a home's snapshots share them by chance once in 2**64."""


@dataclass(frozen=True, slots=True)
class PartitionContent:
    """The ``ids`` of the documents, and what identifies them: ``COUNT-IDS-TEXTS``, the latter two as fingerprints."""

    ids: frozenset[str]
    documents: str


def read_content(snapshot: Snapshot, partition: Partition) -> PartitionContent:
    """What a snapshot holds of a partition: its ids, and a fingerprint of ids, titles, metadata and texts.

    A view's passages hold every character of a text that is no space, so that views which cut differently give the same
    fingerprint; those of the strategy ``head`` hold the beginning of a text alone, and give another.

    Raises:
        ArtefactCorrupt: a shard that is read is damaged.
    """
    view = snapshot.view(partition)
    digests: dict[str, str] = {}
    for shard in () if view is None else view.shards:
        for document_id, passages in groupby(_passages(shard, partition), key=lambda one: one.document_id):
            digests[document_id] = _digest(list(passages))
    ordered = sorted(digests.items())
    ids, texts = fingerprint([name for name, _ in ordered]), fingerprint(ordered)
    return PartitionContent(frozenset(digests), f"{len(digests)}-{ids[:_DIGITS]}-{texts[:_DIGITS]}")


def documents_differ(a: str, b: str, *, have_same_writes: bool) -> bool:
    """Whether two ``documents`` tell of different documents.

    Args:
        a: Of one snapshot.
        b: Of another.
        have_same_writes: Whether both hold the writes up to the same one: then the same ids are enough, since views
            may keep different parts of one text.
    """
    return a.rpartition("-")[0] != b.rpartition("-")[0] if have_same_writes else a != b


def _passages(shard: Shard, partition: Partition) -> Iterator[StoredPassage]:
    part = shard.partitions[partition]
    return map(shard.passage, range(part.start, part.stop))


def _digest(passages: list[StoredPassage]) -> str:
    """Of a document: its passages may overlap, and what stands between them is space."""
    first = passages[0]
    digest = hashlib.sha256(canonical_json([first.title, first.url, dict(first.metadata)]))
    reached = 0
    for passage in passages:
        new = passage.text[max(0, reached - passage.start) :]
        digest.update("".join(new.split()).encode("utf-8", "surrogatepass"))
        reached = max(reached, passage.end)
    return digest.hexdigest()
