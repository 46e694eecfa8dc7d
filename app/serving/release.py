"""A release that is open for searches, and what may lie over its snapshot."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from app.serving.document_boosts import DocumentBoosts
from indexing.errors import ArtefactCorrupt
from indexing.indexes.analyser import TextAnalyser
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import Embedder
from indexing.models.reranker import RerankerModel
from indexing.records import Partition
from indexing.releases.recipes import RERANK, Recipe
from indexing.releases.release import Release
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.snapshot import Snapshot


class PartitionSource(Protocol):
    """What lies over a snapshot: writes that it does not hold yet."""

    def view(self, partition: Partition) -> PartitionView | None:
        """The partition for search, or ``None`` when nothing of it is there."""
        ...

    def is_open(self, partition: Partition) -> bool:
        """Whether ``view`` opens no file."""
        ...

    def number_of(self, view: PartitionView | None) -> int:
        """Which of the process's views one is that ``view`` gave."""
        ...


@dataclass(frozen=True, slots=True)
class ServingRelease:
    """Everything a search needs. A search that holds it can finish with it, whatever is deployed meanwhile."""

    release: Release
    recipe: Recipe
    snapshot: Snapshot
    embedder: Embedder
    analyser: TextAnalyser
    bm25: Bm25
    overlay: PartitionSource | None = None
    reranker: RerankerModel | None = None
    boosts: DocumentBoosts | None = None
    arithmetic: str = ""
    """See ``arithmetic_of``."""

    def view(self, partition: Partition) -> PartitionView | None:
        """The partition for search, or ``None`` when nothing of it is there."""
        return (self.overlay or self.snapshot).view(partition)

    def number_of(self, view: PartitionView | None) -> int:
        """Which of the process's views one is that ``view`` gave, 0 where nothing lies over the snapshot ever."""
        return 0 if self.overlay is None else self.overlay.number_of(view)

    def is_open(self, partition: Partition) -> bool:
        """Whether ``view`` opens no file."""
        return (self.overlay or self.snapshot).is_open(partition)

    def dense_weight(self, partition: Partition) -> float:
        """The vectors' share in a hybrid search of a partition, 0..1: as its snapshot says, else as the recipe does."""
        weight = self.snapshot.dense_weight(partition)
        return self.recipe.retrieval.dense_weight if weight is None else weight

    def curve(self, partition: Partition, mode: str, *, moved: bool = True) -> Sequence[float]:
        """The curve that scores the hits of a partition in a mode, or after the second pass: ``rerank``.

        Unless ``moved`` it is the recipe's, which collections are compared by. A hybrid search of a partition that one
        leg searches alone is scored as one of that leg.
        """
        recipe = self.recipe
        weight = self.snapshot.dense_weight(partition) if mode == "hybrid" else None
        if weight is not None:
            mode = "dense" if weight == 1.0 else "lexical"
        curve = recipe.second_pass.calibration if mode == RERANK else recipe.retrieval.calibration[mode]
        move = self.snapshot.moves(partition).get(mode) if moved else None
        return curve if move is None else move.applied(curve)

    def require_searchable(self, partition: Partition) -> None:
        """Refuse to search a partition of which nothing can be read, where something should be.

        Raises:
            ArtefactCorrupt: every shard of it is broken, and no fresh write takes their place.
        """
        view = self.view(partition)
        if view is not None and not view.rows and (broken := self.snapshot.broken_shards(partition)):
            reasons = "; ".join(broken.values())
            raise ArtefactCorrupt(f"Nothing of collection {partition.collection!r} can be searched: {reasons}")


class FreshWrites(Protocol):
    """Who keeps what no snapshot holds yet, and lays it over each release before that takes over."""

    def taking_over(self, serving: ServingRelease) -> AbstractContextManager[ServingRelease]:
        """The release with all that its snapshot lacks; requests may have it when the block ends."""
        ...

    def is_outdated(self, recipe: int) -> bool:
        """Whether what is kept for a recipe must be read anew, since something was erased."""
        ...

    def keep(self, recipes: Callable[[], Sequence[int]]) -> None:
        """Keep fresh writes for no other recipes than these, and for the first of them first: it is in service.

        ``recipes`` is asked while no release takes over.
        """
        ...
