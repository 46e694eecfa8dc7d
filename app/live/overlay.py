"""The overlay: what a snapshot does not hold yet, as small shards in memory, and what of the snapshot it hides.

Searches take a partition's view and need no lock: a view never changes, another takes its place. Those who change an
overlay take turns.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count, pairwise

import numpy as np

from app.live.view_numbers import ReleaseViews, ViewNumbers
from indexing.errors import ArtefactCorrupt
from indexing.indexes.analyser import TextAnalyser
from indexing.records import Document, Mask, Partition, Vector, Vectors
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import Shard, shard_in_memory
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.snapshot import Snapshot

MAX_RUN_ROWS = 2048
"""Rows of the largest run that merging makes: bounds how long one merge takes. Source: decision 17."""
_GROWTH = 2
"""Two runs are merged if the larger has at most so many times the passages of the smaller. Source: our choice."""
_PASSAGE_BYTES = 500
"""What Python's objects around a passage take, beside its strings; measured with tracemalloc."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A document that is ready to be found: its passages and their vectors, float32, one row a passage.

    ``seq`` is the sequence number of the write that left it so.
    """

    item: ShardInput
    vectors: Vectors
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Fresh documents of one partition as one shard; ``gone`` are those that were superseded or deleted since."""

    number: int
    shard: Shard
    inputs: tuple[ShardInput, ...]
    size_bytes: int
    gone: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """Of the documents that are not gone."""
        return frozenset(item.document.id for item in self.inputs) - self.gone


@dataclass(frozen=True, slots=True)
class _Live:
    """A partition: what of the snapshot is hidden, the runs from the oldest to the newest, and all that as a view."""

    base: PartitionView | None
    hidden: tuple[Mask | None, ...]
    runs: tuple[Run, ...]
    view: PartitionView

    @property
    def number(self) -> int:
        """Which of the process's views it is; merging runs makes no other one, as it changes no result."""
        return self.view.number


class Overlay:
    """What lies over one snapshot. ``view`` is safe at any time; all else is for one thread at a time."""

    def __init__(self, snapshot: Snapshot, analyser: TextAnalyser, views: ReleaseViews | None = None) -> None:
        """Lay nothing over the snapshot yet; ``views`` numbers the views, by default for no one else."""
        self._snapshot = snapshot
        self._analyser = analyser
        self._views = views or ReleaseViews(ViewNumbers(), "")
        self._live: dict[Partition, _Live] = {}
        self._numbers = count()
        self.passages = 0
        self.size_bytes = 0

    def view(self, partition: Partition) -> PartitionView | None:
        """The partition as it is now, or ``None`` when nothing of it is there."""
        live = self._live.get(partition)
        if live is None:
            return self._snapshot.view(partition)
        broken = self._snapshot.broken
        return live.view.without(broken) if broken else live.view

    def number_of(self, view: PartitionView | None) -> int:
        """Which of the process's views one is that ``view`` gave."""
        return self._views.takeover if view is None or not view.number else view.number

    def is_open(self, partition: Partition) -> bool:
        """Whether ``view`` opens no file."""
        return partition in self._live or self._snapshot.is_open(partition)

    def remove(self, partition: Partition, ids: Iterable[str]) -> None:
        """Let no search find these documents from now on."""
        gone = frozenset(ids)
        live = self._without(partition, gone)
        number = self._views.change(partition, live.number, removed=sorted(gone))
        self._put(partition, live.base, live.hidden, live.runs, number)

    def add(self, partition: Partition, fresh: Sequence[Fresh]) -> None:
        """Let searches find documents from now on, and no longer what they had under the same ids."""
        live = self._without(partition, frozenset(one.item.document.id for one in fresh))
        found = [one for one in fresh if one.item.passages]
        runs = (*live.runs, self._run(found)) if found else live.runs
        number = self._views.change(partition, live.number, added=[(one.item.document.id, one.seq) for one in fresh])
        self._put(partition, live.base, live.hidden, runs, number)

    def merge(self, turn: AbstractContextManager[object]) -> bool:
        """Merge two runs somewhere, or write one anew if half of it is gone; gives whether anything was to be done.

        May run beside ``remove``, but not beside ``add`` or another ``merge``; ``turn`` is held for the last step only.
        """
        for partition, live in list(self._live.items()):
            chosen = _to_merge(live.runs)
            if chosen:
                merged = self._run([one for run in chosen for one in _fresh(run)])
                with turn:
                    self._replace(partition, chosen, merged)
                return True
        return False

    def known_vectors(self, item: ShardInput) -> list[Vector | None]:
        """The vectors of a document's passages, as far as what is found of the document now has the same ones."""
        partition, document_id, title = item.partition, item.document.id, item.document.title
        known: dict[tuple[str, tuple[str, ...], str, str], Vector] = {}
        view = self.view(partition)
        for shard in () if view is None else view.shards:
            documents = self._find(shard, partition, [document_id])
            if documents.any():
                rows = np.flatnonzero(shard.rows_of(partition, documents)) + shard.partitions[partition].start
                for row, vector in zip(rows.tolist(), shard.vectors(rows), strict=True):
                    one = shard.passage(row)
                    known[one.title, one.headings, one.table_heading, one.text] = vector
        # Title, headings and text decide what the encoder reads of a passage, under one passage view.
        return [known.get((title, one.headings, one.table_heading, one.text)) for one in item.passages]

    def permissions(self, partition: Partition, document_id: str) -> list[tuple[str, ...] | None]:
        """Who may see a document as it can be found now: one entry, or none where it is not found."""
        view = self.view(partition)
        found = []
        for shard, hidden in () if view is None else zip(view.shards, view.hidden, strict=True):
            documents = self._find(shard, partition, [document_id])
            if documents.any() and (hidden is None or not hidden[shard.rows_of(partition, documents)].all()):
                found.append(shard.document_of(partition, int(np.flatnonzero(documents)[0])).allow)
        return found

    def _without(self, partition: Partition, ids: frozenset[str]) -> _Live:
        live = self._live.get(partition)
        if live is None:
            base = self._snapshot.view(partition)
            hidden: tuple[Mask | None, ...] = () if base is None else (None,) * len(base.shards)
            live = _Live(base, hidden, (), PartitionView(partition, [], number=self._views.takeover))
        masks = list(live.hidden)
        for number, shard in enumerate(live.base.shards if live.base is not None else ()):
            found = self._find(shard, partition, ids)
            if found.any():
                rows = shard.rows_of(partition, found)
                old = masks[number]
                masks[number] = rows if old is None else rows | old
        runs = [replace(run, gone=run.gone | (run.ids & ids)) if run.ids & ids else run for run in live.runs]
        return replace(live, hidden=tuple(masks), runs=tuple(run for run in runs if run.ids))

    def _find(self, shard: Shard, partition: Partition, ids: Iterable[str]) -> Mask:
        """As ``Shard.find``; nothing in a shard that is damaged, since no search finds anything there either."""
        try:
            return shard.find(partition, ids)
        except ArtefactCorrupt:
            if shard.name not in self._snapshot.broken:
                raise
            return np.zeros(shard.partitions[partition].documents, np.bool_)

    def _put(
        self,
        partition: Partition,
        base: PartitionView | None,
        hidden: tuple[Mask | None, ...],
        runs: tuple[Run, ...],
        number: int,
    ) -> None:
        old = self._live.get(partition)
        before: tuple[Run, ...] = () if old is None else old.runs
        self.passages += sum(run.shard.rows for run in runs) - sum(run.shard.rows for run in before)
        self.size_bytes += sum(run.size_bytes for run in runs) - sum(run.size_bytes for run in before)
        shards = [*(() if base is None else base.shards), *(run.shard for run in runs)]
        masks = [*hidden, *(_gone(partition, run) for run in runs)]
        self._live[partition] = _Live(base, hidden, runs, PartitionView(partition, shards, masks, number=number))

    def _run(self, fresh: Sequence[Fresh]) -> Run:
        ordered = sorted(fresh, key=lambda one: one.item.document.id)
        number = next(self._numbers)
        items = [one.item for one in ordered]
        shard = shard_in_memory(
            f"live-{number}", items, np.concatenate([one.vectors for one in ordered]), self._analyser
        )
        # The shard has all that is said of a document; here its name is enough.
        inputs = tuple(replace(item, document=Document(item.document.id, "", "")) for item in items)
        texts = sum(
            sys.getsizeof(passage.text) + sys.getsizeof(passage.encoder_input) + _PASSAGE_BYTES
            for item in inputs
            for passage in item.passages
        )
        return Run(number, shard, inputs, shard.size_bytes + texts)

    def _replace(self, partition: Partition, old: Sequence[Run], merged: Run) -> None:
        """Put a run in the place of some; what has gone from them meanwhile is gone from it as well."""
        live = self._live[partition]
        numbers = {run.number for run in old}
        left = frozenset().union(*(run.ids for run in live.runs if run.number in numbers))
        merged = replace(merged, gone=merged.ids - left)
        others = [run for run in live.runs if run.number not in numbers]
        runs = (*others, merged) if merged.ids else tuple(others)
        self._put(partition, live.base, live.hidden, runs, live.number)


def _gone(partition: Partition, run: Run) -> Mask | None:
    return run.shard.rows_of(partition, run.shard.find(partition, run.gone)) if run.gone else None


def _fresh(run: Run) -> list[Fresh]:
    """The documents of a run that are not gone, with their vectors."""
    found, row = [], 0
    for number, item in enumerate(run.inputs):
        rows = np.arange(row, row + len(item.passages))
        row += len(item.passages)
        if item.document.id not in run.gone:
            whole = replace(item, document=run.shard.document(number))
            found.append(Fresh(whole, run.shard.vectors(rows)))
    return found


def _to_merge(runs: Sequence[Run]) -> Sequence[Run]:
    """Which runs to merge: two of like size, so that each passage is merged few times and runs stay few."""
    for run in runs:
        if len(run.gone) * 2 > len(run.inputs):
            return [run]
    ordered = sorted(runs, key=lambda run: run.shard.rows)
    for small, large in pairwise(ordered):
        rows = small.shard.rows + large.shard.rows
        if large.shard.rows <= _GROWTH * small.shard.rows and rows <= MAX_RUN_ROWS:
            return [small, large]
    return []
