"""Snapshots: the shards of a manifest over all tenants, opened as they are needed.

A snapshot's id is the fingerprint of its content, so building the same content twice gives the same snapshot.
"""

import logging
import threading

from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, GroundworkError
from indexing.records import Partition
from indexing.snapshots.manifest import _check_promised, read_snapshot
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import Shard, require_readable
from indexing.storage.store import Artefact, Storage

logger = logging.getLogger(__name__)
DEFAULT_MAX_SHARDS = 512
"""Shards mapped at once: four or five files each, of the 65,530 mappings that Linux allows a process."""


class Snapshot:
    """A snapshot opened for search. One broken shard is named, the others serve. Safe to share between threads.

    Shards are mapped at first use, and no more than ``max_shards`` stay mapped: the one that was not used for longest
    gives way (it stays readable for who still holds it). A partition of more shards than that keeps all its own.
    """

    def __init__(self, storage: Storage, snapshot_id: str, *, max_shards: int = DEFAULT_MAX_SHARDS) -> None:
        """Read the manifest only.

        Raises:
            NotFound, FormatUnknown, ArtefactCorrupt: as ``read_snapshot``.
        """
        self.manifest = read_snapshot(storage, snapshot_id)
        self.id = snapshot_id
        self.broken: dict[str, str] = {}
        self._storage = storage
        self._max_shards = max_shards
        self._lock = threading.Lock()
        self._shards: dict[str, Shard] = {}
        self._used: dict[str, int] = {}
        self._turn = 0
        self._views: dict[Partition, PartitionView] = {}
        self._where: dict[Partition, list[str]] = {}
        self._described = {str(shard["name"]): shard for shard in self.manifest.shards}
        for name, shard in self._described.items():
            for entry in shard["partitions"]:
                self._where.setdefault(Partition(entry["tenant"], entry["collection"]), []).append(name)

    @property
    def partitions(self) -> list[Partition]:
        """Every partition the snapshot holds, sorted."""
        return sorted(self._where)

    @property
    def open_shards(self) -> int:
        """How many shards are mapped now."""
        return len(self._shards)

    def check(self) -> None:
        """Look at every shard without mapping it, so that those broken are in ``broken`` before anybody asks."""
        for name in self._described:
            with self._lock:
                self._artefact(name)

    def view(self, partition: Partition) -> PartitionView | None:
        """The partition for search, or ``None`` when the snapshot holds nothing of it."""
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

    def _make_room(self, wanted: set[str]) -> None:
        """Unmap what was not used for longest, but for the ``wanted`` shards."""
        surplus = len(self._shards) - self._max_shards
        if surplus <= 0:
            return
        oldest = sorted(self._shards.keys() - wanted, key=lambda name: self._used.get(name, 0))
        for name in oldest[:surplus]:
            for partition in self._shards.pop(name).partitions:
                self._views.pop(partition, None)
            self._used.pop(name, None)

    def _open(self, name: str) -> Shard | None:
        shard = self._shards.get(name)
        artefact = self._artefact(name) if shard is None else None
        if artefact is not None:
            try:
                shard = self._shards[name] = Shard(artefact)
            except ArtefactCorrupt as error:
                self._refuse(name, error)
        return shard

    def _artefact(self, name: str) -> Artefact | None:
        """The very shard that the snapshot names, or ``None`` where it is broken."""
        if name in self.broken:
            return None
        try:
            artefact = self._storage.open(SHARDS, name)
            _check_promised(artefact, self._described[name])
            require_readable(artefact)
        except (ArtefactMissing, ArtefactCorrupt, FormatUnknown) as error:
            self._refuse(name, error)
            return None
        return artefact

    def _refuse(self, name: str, error: GroundworkError) -> None:
        self.broken[name] = str(error)
        logger.error("snapshot.shard_refused", extra={"fields": {"shard": name, "reason": str(error)}})
