"""Snapshots: an immutable manifest of shards over all tenants, and the reader that searches it.

A snapshot's id is the fingerprint of its content, so building the same content twice gives the same snapshot.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, GroundworkError, NotFound
from indexing.features.views import FeatureViews
from indexing.indexes.attributes import AttributeSegment
from indexing.indexes.postings import LexicalSegment
from indexing.indexes.vector_index import PROMISED_K
from indexing.records import Json, Mask, Partition, Rows, Scores, Vector, Vectors, canonical_json, fingerprint
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import Shard, StoredPassage, require_readable
from indexing.storage.local import Artefact, Storage

logger = logging.getLogger(__name__)
KIND = "snapshots"
FORMAT = 1
MANIFEST_FILE = "snapshot.json"
DEFAULT_MAX_SHARDS = 512
"""Shards mapped at once: four or five files each, of the 65,530 mappings that Linux allows a process."""


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What a snapshot says of itself: its id and the content that the id is the fingerprint of."""

    id: str
    content: dict[str, Json]

    @property
    def shards(self) -> list[dict[str, Json]]:
        """Per shard its name, rows, bytes, the sha256 of its files, and its partitions."""
        return list(self.content["shards"])

    @property
    def rows(self) -> int:
        """Passages in all shards."""
        return sum(int(shard["rows"]) for shard in self.shards)

    @property
    def size_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(int(file["size_bytes"]) for shard in self.shards for file in shard["files"].values())


def describe_snapshot(views: FeatureViews, model_id: str, shards: Iterable[Artefact]) -> SnapshotManifest:
    """The manifest of a snapshot made of ``shards``, with the fingerprints of all that went in."""
    content = {
        "format": FORMAT,
        "model": model_id,
        "views": {
            "passage": views.passage_fingerprint,
            "embedding": views.embedding_fingerprint,
            "lexical": views.lexical_fingerprint,
        },
        "shards": [_describe_shard(shard) for shard in sorted(shards, key=lambda shard: shard.name)],
    }
    return SnapshotManifest(fingerprint(content)[:16], content)


def _describe_shard(shard: Artefact) -> dict[str, Json]:
    return {
        "name": shard.name,
        "rows": shard.info["rows"],
        "files": shard.files,
        "partitions": shard.info["partitions"],
        **{name: shard.info[name] for name in ("lists", "codes") if name in shard.info},
    }


def replace_shards(manifest: SnapshotManifest, replacements: Mapping[str, Artefact | None]) -> SnapshotManifest:
    """The manifest of the snapshot with other shards in the place of some; ``None`` stands for no shard."""
    kept = [shard for shard in manifest.shards if shard["name"] not in replacements]
    new = [
        _describe_shard(shard)
        for name in {str(shard["name"]) for shard in manifest.shards} & replacements.keys()
        if (shard := replacements[name]) is not None
    ]
    content = {**manifest.content, "shards": sorted([*kept, *new], key=lambda shard: str(shard["name"]))}
    return SnapshotManifest(fingerprint(content)[:16], content)


def publish_snapshot(storage: Storage, manifest: SnapshotManifest) -> None:
    """Store a snapshot; its shards must be stored already. One that is stored whole is left as it is."""
    try:
        storage.verify(KIND, manifest.id)
        return
    except ArtefactMissing:
        pass
    except ArtefactCorrupt:
        storage.delete(KIND, manifest.id)
    with storage.publish(KIND, manifest.id) as draft:
        (draft.path / MANIFEST_FILE).write_bytes(canonical_json(manifest.content))
        draft.info.update(format=FORMAT, rows=manifest.rows, shards=len(manifest.shards))


def read_snapshot(storage: Storage, snapshot_id: str) -> SnapshotManifest:
    """The manifest of a published snapshot.

    Raises:
        NotFound: no snapshot has this id.
        FormatUnknown: written by a newer version.
        ArtefactCorrupt: the manifest's bytes are not what was published.
    """
    try:
        artefact = storage.open(KIND, snapshot_id)
    except ArtefactMissing:
        raise NotFound(f"No snapshot {snapshot_id!r}. See 'groundwork snapshots list'.") from None
    content = json.loads((artefact.path / MANIFEST_FILE).read_bytes())
    if content.get("format") != FORMAT:
        raise FormatUnknown(
            f"snapshot {snapshot_id} has format {content.get('format')!r}; this version reads format {FORMAT}."
        )
    return SnapshotManifest(snapshot_id, content)


def verify_snapshot(storage: Storage, manifest: SnapshotManifest) -> dict[str, str]:
    """Check the sha256 of every file of every shard now; gives shard name -> what is wrong, empty when all is well."""
    broken = {}
    for shard in manifest.shards:
        try:
            artefact = storage.verify(SHARDS, shard["name"])
            _check_promised(artefact, shard)
        except (ArtefactMissing, ArtefactCorrupt) as error:
            broken[str(shard["name"])] = str(error)
    return broken


def _check_promised(artefact: Artefact, shard: dict[str, Json]) -> None:
    """A shard must be the very one the snapshot was made of, not another of the same name."""
    info = artefact.info
    described = {"files": artefact.files} | {name: info.get(name) for name in ("rows", "partitions", "lists", "codes")}
    if any(described[name] != shard.get(name) for name in described):
        raise ArtefactCorrupt(f"shards/{artefact.name} differs from the one the snapshot names: build again.")


class PartitionView:
    """One partition across all shards that hold a piece of it. Rows are addressed as (shard, row).

    ``starts`` says where it begins in each shard, ``offsets`` how many of its rows are in the shards before. ``hidden``
    says for each shard which rows of the partition are treated as if they were not there; ``None`` for none. ``length``
    counts those, too, ``rows`` does not.
    """

    def __init__(
        self, partition: Partition, shards: Sequence[Shard], hidden: Sequence[Mask | None] | None = None
    ) -> None:
        self.partition = partition
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
            row. Which of several equal ones are the last to fit in ``k`` is not promised.
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
        order = np.lexsort((rows, numbers, -scores))[:k]
        return numbers[order], rows[order], scores[order]

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
    old, new = ({str(shard["name"]) for shard in manifest.shards} for manifest in (before, after))
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
        for partition, document_id, digest in Shard(storage.open(SHARDS, name)).documents()
    }
