"""Snapshots: the shards of a manifest over all tenants, opened as they are needed.

A snapshot's id is the fingerprint of its content, so building the same content twice gives the same snapshot.
"""

import logging
import threading
from collections.abc import Iterable, Mapping

from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown
from indexing.records import Partition
from indexing.snapshots.collection_calibration import CollectionCalibration, Move
from indexing.snapshots.manifest import read_snapshot, require_promised
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import Shard, open_shard
from indexing.snapshots.shard_manifest import require_readable
from indexing.storage.store import Artefact, Storage

logger = logging.getLogger(__name__)
DEFAULT_MAX_SHARDS = 512
"""Shards mapped at once: four or five files each, of the 65,530 mappings that Linux allows a process. Our choice."""


class _Refusals:
    """Which shards of a snapshot are refused; see ``Snapshot.broken`` and ``Snapshot.damaged``.

    Shards know this and not their snapshot: in a circle they would be unmapped late, by the garbage collector.
    """

    def __init__(self) -> None:
        self.broken: dict[str, str] = {}
        self.damaged: set[str] = set()
        self.to_drop: list[str] = []

    def refuse(self, name: str, reason: str) -> None:
        """Serve a shard no longer."""
        self.broken[name] = reason
        logger.error("snapshot.shard_refused", extra={"fields": {"shard": name, "reason": reason}})

    def note_damage(self, name: str, reason: str) -> None:
        """Serve a shard no longer that is mapped, or was about to be. Any thread may call this at any time."""
        if name in self.damaged:
            return
        self.damaged.add(name)  # first, so that what sees it broken distrusts it
        self.refuse(name, reason)
        self.to_drop.append(name)  # last, so that what misses it is told why


class Snapshot:
    """A snapshot opened for search. One broken shard is named, the others serve. Safe to share between threads.

    Shards are mapped at first use, and no more than ``max_shards`` stay mapped: the one that was not used for longest
    gives way (it stays readable for who still holds it). A partition of more shards than that keeps all its own.

    ``broken`` says of each shard that is refused why; ``damaged`` names those of them that were found out when they
    were mapped or read, though their files had looked as when they were checked. A shard that is refused stays so: to
    serve it again, open the snapshot again.
    """

    def __init__(
        self,
        storage: Storage,
        snapshot_id: str,
        *,
        max_shards: int = DEFAULT_MAX_SHARDS,
        distrusted: Iterable[str] = (),
    ) -> None:
        """Read the manifest only; ``distrusted`` shards are opened after their sha256 was checked, seen before or not.

        Raises:
            NotFound, FormatUnknown, ArtefactCorrupt: as ``read_snapshot``.
        """
        self.manifest = read_snapshot(storage, snapshot_id)
        self.id = snapshot_id
        self._refusals = _Refusals()
        self.broken, self.damaged = self._refusals.broken, self._refusals.damaged
        self._distrusted = set(distrusted)
        self._dropped = 0
        self._storage = storage
        self._max_shards = max_shards
        self._lock = threading.Lock()
        self._shards: dict[str, Shard] = {}
        self._used: dict[str, int] = {}
        self._turn = 0
        self._views: dict[Partition, PartitionView] = {}
        self._where: dict[Partition, list[str]] = {}
        self._legs = {one.partition: one for one in self.manifest.legs}
        self._described = {shard.name: shard for shard in self.manifest.shards}
        for shard in self.manifest.shards:
            for part in shard.facts.partitions:
                self._where.setdefault(part.partition, []).append(shard.name)

    @property
    def partitions(self) -> list[Partition]:
        """Every partition the snapshot holds, sorted."""
        return sorted(self._where)

    @property
    def open_shards(self) -> int:
        """How many shards are mapped now."""
        return len(self._shards)

    def dense_weight(self, partition: Partition) -> float | None:
        """The vectors' share in hybrid search of a partition, ``None`` for the recipe's: nothing else was found out."""
        legs = self._legs.get(partition)
        return None if legs is None else legs.dense_weight

    def moves(self, partition: Partition) -> Mapping[str, Move]:
        """How the recipe's calibrations are moved for a partition, by mode; those that are not there stay."""
        found = self.calibration(partition)
        return {} if found is None else found.modes

    def calibration(self, partition: Partition) -> CollectionCalibration | None:
        """What the scores of a partition were fitted to; ``None`` for the recipe's general curves."""
        legs = self._legs.get(partition)
        return None if legs is None else legs.calibration

    def check(self) -> None:
        """Look at every shard without mapping it, so that those broken are in ``broken`` before the first search."""
        for name in self._described:
            with self._lock:
                self._artefact(name)

    def view(self, partition: Partition) -> PartitionView | None:
        """The partition for search, or ``None`` when the snapshot holds nothing of it."""
        if len(self._refusals.to_drop) != self._dropped:
            self._drop_damaged()
        found = self._views.get(partition)
        if found is None:
            names = self._where.get(partition)
            if names is None:
                return None
            with self._lock:
                opened = [self._open(name) for name in names]
                found = PartitionView(partition, [shard for shard in opened if shard is not None])
                self._views[partition] = found
                self._make_room(set(names))
        self._turn += 1  # two threads may take the same turn, which harms nothing
        for shard in found.shards:
            self._used[shard.name] = self._turn
        return found

    def is_open(self, partition: Partition) -> bool:
        """Whether ``view`` opens no file."""
        return partition in self._views or partition not in self._where

    def broken_shards(self, partition: Partition) -> dict[str, str]:
        """The shards of a partition that cannot be served, with the reason."""
        return {name: self.broken[name] for name in self._where.get(partition, []) if name in self.broken}

    def _drop_damaged(self) -> None:
        """Let no later view have a shard that turned out to be damaged."""
        with self._lock:
            names = list(self._refusals.to_drop)
            for name in names:
                self._unmap(name)
            self._dropped = len(names)

    def _unmap(self, name: str) -> None:
        shard = self._shards.pop(name, None)
        for partition in () if shard is None else shard.partitions:
            self._views.pop(partition, None)
        self._used.pop(name, None)

    def _make_room(self, wanted: set[str]) -> None:
        """Unmap what was not used for longest, but for the ``wanted`` shards."""
        surplus = len(self._shards) - self._max_shards
        if surplus <= 0:
            return
        oldest = sorted(self._shards.keys() - wanted, key=lambda name: self._used.get(name, 0))
        for name in oldest[:surplus]:
            self._unmap(name)

    def _open(self, name: str) -> Shard | None:
        shard = self._shards.get(name)
        artefact = self._artefact(name) if shard is None else None
        if artefact is not None:
            try:
                shard = self._shards[name] = open_shard(artefact, self._refusals.note_damage)
            except ArtefactCorrupt as error:
                self._refusals.note_damage(name, str(error))
        return shard

    def _artefact(self, name: str) -> Artefact | None:
        """The very shard that the snapshot names, or ``None`` where it is broken."""
        if name in self.broken:
            return None
        try:
            look = self._storage.verify if name in self._distrusted else self._storage.open
            artefact = look(SHARDS, name)
            require_promised(artefact, self._described[name])
            require_readable(name, artefact.info)
        except (ArtefactMissing, ArtefactCorrupt, FormatUnknown) as error:
            self._refusals.refuse(name, str(error))
            return None
        self._distrusted.discard(name)
        return artefact
