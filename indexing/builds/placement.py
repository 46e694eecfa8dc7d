"""Placement: which shard holds which documents, from ids and sizes alone.

Keys are hashed and stand as leaves of a binary trie over the bits of their hash; a leaf that holds too many rows is
split by the next bit. So placement needs no memory of earlier builds, a shard's size is bounded, and a change moves
nothing outside its own leaf. The same trie places small partitions into shared shards and a large partition's documents
into its own.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from indexing.catalogue.documents import DocumentKey
from indexing.releases.recipes import Approximation

_BITS = 256
"""Bits of a sha256."""


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    """A document and the number of its passages."""

    key: DocumentKey
    rows: int


@dataclass(frozen=True, slots=True)
class PlacedShard:
    """The documents of a shard, ordered by tenant, collection and id, and whether it gets an approximate index."""

    documents: Sequence[PlacedDocument]
    is_approximate: bool


@dataclass(frozen=True, slots=True)
class _Item:
    hash: int
    rows: int
    documents: Sequence[PlacedDocument]


def place(
    documents: Iterable[PlacedDocument], *, shard_rows: int, approximation: Approximation | None = None
) -> list[PlacedShard]:
    """Distribute documents over shards.

    Args:
        documents: Ordered by tenant, collection and id.
        shard_rows: Rows above which a shard is split; only a single document, or a single small partition, may
            exceed it.
        approximation: When a partition gets larger shards with approximate indexes; ``None`` for never.

    Returns:
        The shards, ordered by their first document; those without passages are left out.
    """
    small: list[_Item] = []
    shards: list[PlacedShard] = []
    for partition, group in groupby(documents, key=lambda document: document.key.partition):
        members = [document for document in group if document.rows]
        rows = sum(document.rows for document in members)
        is_approximate = approximation is not None and rows > approximation.above_rows
        most = approximation.shard_rows if approximation is not None and is_approximate else shard_rows
        if is_approximate or rows > shard_rows:
            items = [_Item(_hash(document.key.id), document.rows, [document]) for document in members]
            shards += _shards(items, most, is_approximate)
        elif rows:
            small.append(_Item(_hash(str(partition)), rows, members))
    shards += _shards(small, shard_rows, False)
    return sorted(shards, key=lambda shard: (shard.documents[0].key.partition, shard.documents[0].key.id))


def _shards(items: list[_Item], most_rows: int, is_approximate: bool) -> list[PlacedShard]:
    shards = []
    for leaf in _split(items, 0, most_rows):
        documents = [document for item in leaf for document in item.documents]
        documents.sort(key=lambda document: (document.key.partition, document.key.id))
        shards.append(PlacedShard(documents, is_approximate))
    return shards


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest(), "big")


def _split(items: list[_Item], bit: int, shard_rows: int) -> list[list[_Item]]:
    if not items:
        return []
    if len(items) == 1 or bit == _BITS or sum(item.rows for item in items) <= shard_rows:
        return [items]
    mask = 1 << (_BITS - 1 - bit)
    zeros = [item for item in items if not item.hash & mask]
    ones = [item for item in items if item.hash & mask]
    return _split(zeros, bit + 1, shard_rows) + _split(ones, bit + 1, shard_rows)
