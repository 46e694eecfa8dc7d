"""Where the text of documents stands in a home, in whatever version, and which vectors are needed no more."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import ids_in_features
from indexing.catalogue.document_versions import ids_in_versions
from indexing.catalogue.documents import DocumentKey, ids_in_deletions, ids_in_documents
from indexing.catalogue.erasures import last_erasure_of
from indexing.catalogue.files import ids_in_files
from indexing.catalogue.judge_replies import ids_in_replies
from indexing.catalogue.query_set_erasure import ids_in_query_sets
from indexing.errors import ArtefactCorrupt, FormatUnknown, GroundworkError, NotFound
from indexing.features.embedding_store import FEATURES, block_keys
from indexing.home import Home
from indexing.ledger.erasure import named_documents
from indexing.records import Partition
from indexing.releases.release import list_releases
from indexing.retention.judgement_files import ids_in_judged
from indexing.retention.ranking_files import ids_in_rankings
from indexing.retention.shard_rewrite import held_documents
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard_manifest import read_shard_manifest
from indexing.storage.store import Storage


@dataclass(frozen=True, slots=True)
class StaleBlock:
    """A feature block with vectors that no document needs; ``kept`` are the keys of the others, in their order."""

    kind: str
    name: str
    kept: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class DocumentLocations:
    """Where the documents ``ids`` of a partition stand; ``is_whole`` says that all of the partition are meant.

    ``in_catalogue`` are the ids of those that the catalogue holds, whatever their version; ``shards`` are all stored
    shards that hold some of them, or that no release reaches and that cannot be read, with the ids; ``snapshots`` those
    of the ``releases`` that must be rewritten; ``orphans`` the snapshots of no release that name such a shard.
    """

    partition: Partition
    ids: frozenset[str]
    in_catalogue: frozenset[str]
    is_whole: bool = False
    shards: dict[str, frozenset[str]] = field(default_factory=dict)
    snapshots: tuple[SnapshotManifest, ...] = ()
    orphans: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()

    def covers(self, key: DocumentKey) -> bool:
        """Whether a document is one of these."""
        return key.partition == self.partition and (self.is_whole or key.id in self.ids)


def find_documents(home: Home, partition: Partition, ids: Set[str] | None) -> DocumentLocations:
    """Look for documents in the catalogue and in every stored shard, whatever their version; else in the ledger.

    Args:
        home: Where.
        partition: Whose documents they are.
        ids: Which ones; ``None`` for all of the partition.

    Raises:
        NotFound: one of them, or for ``None`` every one, stands nowhere.
        GroundworkError: a release's snapshot, or a shard of it that may hold them, cannot be read.
    """
    found = look(home, partition, ids)
    if left := (ids or frozenset()) - found.ids:
        in_ledger = named_documents(home.ledger, partition.tenant, partition.collection, left)
        found = replace(found, ids=found.ids | in_ledger)
    if missing := sorted((ids or set()) - found.ids):
        raise NotFound(_nowhere(home.catalogue, partition, missing[0]))
    if not found.ids:
        raise NotFound(f"No document of collection {partition.collection!r} of tenant {partition.tenant!r} is stored.")
    return found


def _nowhere(catalogue: Database, partition: Partition, document_id: str) -> str:
    message = (
        f"No document {document_id!r} in collection {partition.collection!r}, neither in the catalogue, nor in the"
        " ledger, nor in any"
    )
    earlier = last_erasure_of(catalogue, partition, document_id)
    if earlier is None:
        return f"{message} shard that is stored."
    return f"{message} shard that is stored: erasure {earlier.id} of {earlier.created_at} removed it."


def look(home: Home, partition: Partition, ids: Set[str] | None) -> DocumentLocations:
    """As ``find_documents``, without minding what stands nowhere."""
    in_catalogue = _among(ids, ids_in_documents(home.catalogue, partition))
    releases = list_releases(home.catalogue)
    manifests = {name: read_snapshot(home.storage, name) for name in sorted({one.snapshot for one in releases})}
    reached = {shard.name for manifest in manifests.values() for shard in manifest.shards}
    shards: dict[str, frozenset[str]] = {}
    for name in home.storage.list(SHARDS):
        held = _held(home.storage, name, partition, is_reached=name in reached)
        if held is None or (mine := held if ids is None else held & ids):
            shards[name] = frozenset() if held is None else frozenset(mine)
    affected = {name: one for name, one in manifests.items() if _names(one) & shards.keys()}
    return DocumentLocations(
        partition=partition,
        ids=in_catalogue.union(
            _among(ids, ids_in_deletions(home.catalogue, partition)),
            _among(ids, ids_in_versions(home.catalogue, partition)),
            _among(ids, ids_in_features(home.catalogue, partition)),
            _among(ids, ids_in_files(home.catalogue, partition)),
            _among(ids, ids_in_query_sets(home.catalogue, partition)),
            _among(ids, ids_in_rankings(home.path, partition)),
            _among(ids, ids_in_replies(home.catalogue, partition)),
            _among(ids, ids_in_judged(home.path, partition)),
            *shards.values(),
        ),
        in_catalogue=in_catalogue,
        is_whole=ids is None,
        shards=shards,
        snapshots=tuple(affected.values()),
        orphans=tuple(_orphans(home.storage, set(manifests), shards.keys())),
        releases=tuple(release.number for release in releases if release.snapshot in affected),
    )


def _among(wanted: Set[str] | None, ids: frozenset[str]) -> frozenset[str]:
    return ids if wanted is None else ids & wanted


def _held(storage: Storage, name: str, partition: Partition, *, is_reached: bool) -> Set[str] | None:
    """The ids that a shard holds of a partition, or ``None`` if it cannot be read and may hold anything.

    Where a release needs such a shard, nothing can be erased; any other is garbage.
    """
    try:
        parts = read_shard_manifest(storage.describe(SHARDS, name)).facts.partitions
        if any(part.partition == partition for part in parts):
            return held_documents(storage.open(SHARDS, name), partition).keys()
        return frozenset()
    except (ArtefactCorrupt, FormatUnknown) as error:
        if not is_reached:
            return None
        raise ArtefactCorrupt(
            f"Shard {name} cannot be read, so what it holds is unknown and nothing more was erased: {error} Restore it"
            " with 'groundwork build', or retire the releases that need it with 'groundwork gc'."
        ) from error


def _names(manifest: SnapshotManifest) -> set[str]:
    return {shard.name for shard in manifest.shards}


def _orphans(storage: Storage, reached: Set[str], shards: Set[str]) -> Iterator[str]:
    """Stored snapshots of no release that name one of the shards, or that cannot be read."""
    for name in storage.list(SNAPSHOTS):
        if name in reached:
            continue
        try:
            if _names(read_snapshot(storage, name)) & shards:
                yield name
        except GroundworkError:
            yield name


def find_stale_blocks(storage: Storage, needed: Mapping[str, Set[bytes]]) -> list[StaleBlock]:
    """Every feature block with a vector that is not needed; a corrupt one is of no use."""
    stale = []
    for kind in storage.kinds(FEATURES):
        wanted = needed.get(kind, frozenset())
        for name in storage.list(kind):
            try:
                keys = block_keys(storage, kind, name)
            except GroundworkError:
                keys = [b""]
            kept = tuple(key for key in keys if key in wanted)
            if len(kept) < len(keys):
                stale.append(StaleBlock(kind, name, kept))
    return stale
