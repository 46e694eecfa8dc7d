"""What one snapshot has that another has not."""

from collections.abc import Iterable
from dataclasses import dataclass

from indexing.snapshots.manifest import SnapshotManifest
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import open_shard
from indexing.storage.store import Storage


@dataclass(frozen=True, slots=True)
class SnapshotDiff:
    """What another snapshot adds, takes away and changes: documents as ``tenant/collection/id``, and shards by name."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    shards_added: tuple[str, ...]
    shards_removed: tuple[str, ...]
    shards_shared: int


def diff_snapshots(storage: Storage, before: SnapshotManifest, after: SnapshotManifest) -> SnapshotDiff:
    """Compare two snapshots; only shards that they do not share are read.

    Raises:
        ArtefactMissing, ArtefactCorrupt: a shard that must be read is not there, or not whole.
    """
    old, new = ({shard.name for shard in manifest.shards} for manifest in (before, after))
    was, now = (_stored_documents(storage, names) for names in (old - new, new - old))
    return SnapshotDiff(
        added=tuple(sorted(now.keys() - was.keys())),
        removed=tuple(sorted(was.keys() - now.keys())),
        changed=tuple(sorted(key for key in was.keys() & now.keys() if was[key] != now[key])),
        shards_added=tuple(sorted(new - old)),
        shards_removed=tuple(sorted(old - new)),
        shards_shared=len(old & new),
    )


def _stored_documents(storage: Storage, names: Iterable[str]) -> dict[str, str]:
    return {
        f"{partition}/{document_id}": digest
        for name in names
        for partition, document_id, digest in open_shard(storage.open(SHARDS, name)).documents()
    }
