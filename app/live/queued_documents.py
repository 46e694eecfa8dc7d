"""Queued documents: what a write queue knows of each document on its way, and how far the queue is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from indexing.catalogue.changes import Change
from indexing.records import Partition, Vector
from indexing.snapshots.shard_layout import ShardInput

Key: TypeAlias = tuple[Partition, str]
"""Whose document, and its id."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A queued document. ``is_ours``: this process took the write; ``stored_only``: it is not to be encoded here.

    ``expected`` is how many passages it will have, as far as that is known before it is cut.
    """

    change: Change
    since: float
    is_ours: bool = False
    expected: int = 1
    stored_only: bool = False
    is_read: bool = False
    failures: int = 0
    retry_at: float = -math.inf
    lacks: bool = False
    item: ShardInput | None = None
    keys: list[bytes] = field(default_factory=list)
    vectors: list[Vector | None] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """Which document it is."""
        return self.change.partition, self.change.id

    @property
    def passages(self) -> int:
        """How many passages it needs room for; one that has none takes some memory all the same."""
        return max(1, len(self.vectors)) if self.is_read else self.expected


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is: the sequence number it has read up to, and by partition the first write that waits."""

    seq: int
    first: Mapping[Partition, int]

    def reached(self, partition: Partition) -> int:
        """Up to where every live write of a partition can be found, or waits for a build."""
        return self.first.get(partition, self.seq + 1) - 1
