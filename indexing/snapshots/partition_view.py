"""One partition across the shards of a snapshot, as a search sees it."""

from collections.abc import Callable, Container, Sequence
from functools import cached_property
from heapq import merge
from itertools import islice

import numpy as np

from indexing.errors import ArtefactCorrupt
from indexing.indexes.attributes import AttributeSegment
from indexing.indexes.exact_index import CLOSE_COSINE
from indexing.indexes.ivf_index import PROMISED_K
from indexing.indexes.postings import LexicalSegment
from indexing.records import Mask, Partition, Rows, Scores, Vector, Vectors
from indexing.snapshots.shard import Shard, StoredPassage


class PartitionView:
    """One partition across all shards that hold a piece of it. Rows are addressed as (shard, row).

    ``starts`` says where it begins in each shard, ``offsets`` how many of its rows are in the shards before. ``hidden``
    says for each shard which rows of the partition are treated as if they were not there; ``None`` for none. ``length``
    counts those, too, ``rows`` does not. ``number`` says which of the views of a process it is, 0 where that is not
    counted.
    """

    def __init__(
        self,
        partition: Partition,
        shards: Sequence[Shard],
        hidden: Sequence[Mask | None] | None = None,
        *,
        number: int = 0,
    ) -> None:
        self.partition = partition
        self.number = number
        self.shards = shards
        self.hidden: Sequence[Mask | None] = hidden or [None] * len(shards)
        self.segments: list[LexicalSegment] = [
            shard.segment(partition, mask) for shard, mask in zip(shards, self.hidden, strict=True)
        ]
        self.starts: Rows = np.array([shard.partitions[partition].start for shard in shards], np.int64)
        self.offsets: Rows = np.cumsum([0, *(len(segment) for segment in self.segments)])[:-1]
        self.rows = sum(segment.count for segment in self.segments)
        self.length = sum(len(segment) for segment in self.segments)

    @cached_property
    def attributes(self) -> list[AttributeSegment]:
        """The attributes of the partition's documents, shard by shard."""
        return [shard.attributes(self.partition) for shard in self.shards]

    @cached_property
    def search_bytes(self) -> int:
        """About how many bytes of vectors and scores a search reads."""
        return sum(shard.search_bytes(self.partition) for shard in self.shards) + 16 * self.length

    @property
    def has_stored_attributes(self) -> bool:
        """Whether ``attributes`` are read from files, and not made from documents at first use."""
        return all(shard.has_stored_attributes for shard in self.shards)

    def allowed(self, matching: Callable[[AttributeSegment], Mask | None] | None = None) -> list[Mask | None]:
        """For each shard the rows that a search may give: not hidden, and of documents that ``matching`` picks.

        ``matching`` gives one entry a document, or ``None`` for all; so does the result, one entry a row.
        """
        masks: list[Mask | None] = []
        for number, (shard, hidden) in enumerate(zip(self.shards, self.hidden, strict=True)):
            seen = None if hidden is None else ~hidden
            documents = None if matching is None else matching(self.attributes[number])
            if documents is not None:
                picked = shard.rows_of(self.partition, documents)
                seen = picked if seen is None else picked & seen
            masks.append(seen)
        return masks

    def search(
        self, query: Vector, k: int, *, allowed: Sequence[Mask | None] | None = None, exact: bool = False
    ) -> tuple[Rows, Rows, Scores]:
        """The ``k`` nearest passages: exactly where the partition is small or ``exact`` is true, else nearly so.

        Args:
            query: float32 (dimension,), unit norm.
            k: At least 1.
            allowed: What ``allowed()`` gave; by default all that is not hidden.
            exact: Not to use approximate indexes.

        Returns:
            Shard numbers (into ``shards``), rows of those shards, and cosines, best first; equal cosines by shard and
            row. Of several equal ones that do not all fit in ``k``, the first by document id and place in it are
            given, in whichever shards they stand (an approximate index may miss some).
        """
        masks = self.allowed() if allowed is None else allowed
        found: list[tuple[Rows, Scores]] = []
        shares_floor = not exact and len(self.shards) > 1 and any(shard.lists is not None for shard in self.shards)
        best = np.full(PROMISED_K, -1.0, np.float32)
        for shard, mask in zip(self.shards, masks, strict=True):
            rows, scores = shard.search(self.partition, query, k, allowed=mask, exact=exact, floor=float(best[0]))
            if len(self.shards) == 1:
                return np.zeros(len(rows), np.int64), rows, scores
            found.append((rows, scores))
            if shares_floor:
                best = np.sort(np.concatenate([best, scores[:PROMISED_K]]))[-PROMISED_K:]
        found = found or [(np.empty(0, np.int64), np.empty(0, np.float32))]
        numbers = np.concatenate([np.full(len(rows), i, np.int64) for i, (rows, _) in enumerate(found)])
        rows, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.lexsort((rows, numbers, -scores))
        if len(order) > k and scores[order[k - 1]] - scores[order[k]] <= CLOSE_COSINE:
            order = self._settled(query, k, numbers, rows, scores)
        order = order[:k]
        return numbers[order], rows[order], scores[order]

    def _settled(self, query: Vector, k: int, numbers: Rows, rows: Rows, scores: Scores) -> Rows:
        """Which ``k`` passages are the nearest, where the last of them is about as near as the next.

        Shards may have added up their cosines in different orders; here all that are in question are added up in one.
        """
        last = np.partition(scores, -k)[-k]
        sure = scores > last + CLOSE_COSINE
        asked = np.flatnonzero(~sure & (scores >= last - CLOSE_COSINE))
        exact = self.cosines(numbers[asked], rows[asked], query)
        wanted = k - int(np.count_nonzero(sure))
        bar = np.partition(exact, -wanted)[-wanted]
        above, equal = asked[exact > bar], asked[exact == bar]
        equal = equal[np.lexsort((rows[equal], numbers[equal]))]
        equal = equal[self.first_by_document(numbers[equal], rows[equal], wanted - len(above))]
        chosen = np.concatenate([np.flatnonzero(sure), above, equal])
        ordered: Rows = chosen[np.lexsort((rows[chosen], numbers[chosen], -scores[chosen]))]
        return ordered

    def first_by_document(self, numbers: Rows, rows: Rows, count: int) -> Rows:
        """Which of some passages are the first ``count`` by document id and place in the document, in that order.

        They are given by shard number and row, ascending. No document stands in two shards, and in each its rows stand
        by document id and place, so that only the first of each shard are looked at.
        """
        found = [(number, np.flatnonzero(numbers == number)[:count]) for number in range(len(self.shards))]
        held = [(number, places) for number, places in found if len(places)]
        if len(held) == 1:
            return held[0][1]
        each = [
            zip(self.shards[number].document_ids(rows[places]), places.tolist(), strict=True) for number, places in held
        ]
        return np.fromiter((place for _, place in islice(merge(*each), count)), np.int64)

    def vectors(self, numbers: Rows, rows: Rows) -> Vectors:
        """The vectors of some passages, in order."""
        if len(self.shards) == 1:
            return self.shards[0].vectors(rows)
        found = np.empty((len(rows), self.shards[0].dimension if self.shards else 0), np.float32)
        for number, shard in enumerate(self.shards):
            mine = numbers == number
            if mine.any():
                found[mine] = shard.vectors(rows[mine])
        return found

    def cosines(self, numbers: Rows, rows: Rows, query: Vector) -> Scores:
        """The inner products of some passages' vectors with a query of unit norm, in order."""
        if len(self.shards) == 1:
            return self.shards[0].cosines(rows, query)
        found = np.empty(len(rows), np.float32)
        for number, shard in enumerate(self.shards):
            mine = numbers == number
            if mine.any():
                found[mine] = shard.cosines(rows[mine], query)
        return found

    def without(self, names: Container[str]) -> "PartitionView":
        """The partition without the shards of some names: itself, if it has none of them."""
        if not any(shard.name in names for shard in self.shards):
            return self
        pairs = [pair for pair in zip(self.shards, self.hidden, strict=True) if pair[0].name not in names]
        shards, masks = [shard for shard, _ in pairs], [mask for _, mask in pairs]
        return PartitionView(self.partition, shards, masks, number=self.number)

    def document_id(self, number: int, row: int) -> str:
        """The id of the document that a passage of this partition is of."""
        return self.shards[number].document_id(row)

    def passage(self, number: int, row: int) -> StoredPassage:
        """Everything stored of one passage.

        Raises:
            ArtefactCorrupt: the row belongs to another partition, which must never leave.
        """
        passage = self.shards[number].passage(row)
        if passage.partition != self.partition:
            raise ArtefactCorrupt(
                f"shard {self.shards[number].name} row {row} belongs to another partition than {self.partition}."
            )
        return passage
