"""Snapshot manifests: which shards a snapshot has, written last, read and verified."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, NotFound
from indexing.features.views import FeatureViews
from indexing.records import Json, JsonFields, Partition, StoredFile, canonical_json, files_from_json, fingerprint
from indexing.snapshots.leg_counts import CollectionLegs
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard_manifest import ShardFacts, read_shard_manifest
from indexing.storage.store import Artefact, ArtefactKind, Storage

KIND = ArtefactKind("snapshots", remedy="Build again to restore it.")
FORMAT = 1
"""The format of snapshot manifests; that of shards is counted by itself."""
MANIFEST_FILE = "snapshot.json"


@dataclass(frozen=True, slots=True)
class SnapshotViews:
    """The fingerprints of the feature views that all of a snapshot's shards were made with."""

    passage: str
    embedding: str
    lexical: str

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``dataclasses.asdict`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        views = cls(fields.take("passage", str), fields.take("embedding", str), fields.take("lexical", str))
        fields.end()
        return views


@dataclass(frozen=True, slots=True)
class SnapshotShard:
    """A shard as a snapshot names it: all that must be true of it, so that another of its name is not taken for it.

    ``rest`` holds what a newer version may have written beside these.
    """

    name: str
    facts: ShardFacts
    files: Mapping[str, StoredFile]
    rest: Mapping[str, Json] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Passages in it."""
        return self.facts.rows

    @property
    def size_bytes(self) -> int:
        """Bytes of its files."""
        return sum(file.size_bytes for file in self.files.values())

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        name, files = fields.take("name", str), files_from_json(fields.take("files", dict))
        return cls(name, ShardFacts.taken_from(fields), files, fields.rest())

    def to_json(self) -> Json:
        """This as JSON."""
        files = {name: file.to_json() for name, file in self.files.items()}
        return {"name": self.name, "files": files, **self.facts.to_json(), **self.rest}


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What a snapshot says of itself: the model and views it was made with, its shards, ordered by name, and its legs.

    ``legs`` is what its build found out about the legs of each collection, ordered by partition; a snapshot from before
    there were leg checks has none. ``rest`` holds what a newer version may have written beside these.
    """

    model: str
    views: SnapshotViews
    shards: tuple[SnapshotShard, ...]
    legs: tuple[CollectionLegs, ...] = ()
    rest: Mapping[str, Json] = field(default_factory=dict)
    id: str = field(init=False)
    """The fingerprint of all this, so that the same content, found to be the same, always is the same snapshot."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", fingerprint(self.to_json())[:16])

    @property
    def rows(self) -> int:
        """Passages in all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def size_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(shard.size_bytes for shard in self.shards)

    @property
    def partitions(self) -> set[Partition]:
        """Every partition that its shards hold."""
        return {part.partition for shard in self.shards for part in shard.facts.partitions}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Read what ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        fields = JsonFields(value)
        if fields.take("format", int) != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        model, views = fields.take("model", str), SnapshotViews.from_json(fields.take("views", dict))
        shards = tuple(SnapshotShard.from_json(entry) for entry in fields.take("shards", list))
        legs = tuple(CollectionLegs.from_json(entry) for entry in fields.take_if_there("legs", list) or ())
        return cls(model, views, shards, legs, fields.rest())

    def to_json(self) -> dict[str, Json]:
        """This as JSON."""
        shards = [shard.to_json() for shard in self.shards]
        legs = {"legs": [one.to_json() for one in self.legs]} if self.legs else {}
        return {
            "format": FORMAT,
            "model": self.model,
            "views": asdict(self.views),
            "shards": shards,
            **legs,
            **self.rest,
        }


def describe_snapshot(
    views: FeatureViews, model_id: str, shards: Iterable[Artefact], legs: Iterable[CollectionLegs] = ()
) -> SnapshotManifest:
    """The manifest of a snapshot made of ``shards``, with the fingerprints of all that went in.

    Raises:
        FormatUnknown, ArtefactCorrupt: a shard's manifest cannot be read.
    """
    used = SnapshotViews(views.passage_fingerprint, views.embedding_fingerprint, views.lexical_fingerprint)
    ordered = tuple(sorted(legs, key=lambda one: one.partition))
    return SnapshotManifest(model_id, used, _in_order(map(_describe, shards)), ordered)


def _describe(shard: Artefact) -> SnapshotShard:
    return SnapshotShard(shard.name, read_shard_manifest(shard).facts, files_from_json(shard.files))


def _in_order(shards: Iterable[SnapshotShard]) -> tuple[SnapshotShard, ...]:
    return tuple(sorted(shards, key=lambda shard: shard.name))


def replace_shards(manifest: SnapshotManifest, replacements: Mapping[str, Artefact | None]) -> SnapshotManifest:
    """The manifest of the snapshot with other shards in the place of some; ``None`` stands for no shard.

    Of collections that no shard holds any more nothing is said; weights stay as they are.
    """
    kept = [shard for shard in manifest.shards if shard.name not in replacements]
    new = [
        _describe(artefact)
        for name in {shard.name for shard in manifest.shards} & replacements.keys()
        if (artefact := replacements[name]) is not None
    ]
    rewritten = replace(manifest, shards=_in_order([*kept, *new]))
    held = rewritten.partitions
    return replace(rewritten, legs=tuple(one for one in manifest.legs if one.partition in held))


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
        (draft.path / MANIFEST_FILE).write_bytes(canonical_json(manifest.to_json()))
        draft.info.update(format=FORMAT, rows=manifest.rows, shards=len(manifest.shards))


def read_snapshot(storage: Storage, snapshot_id: str) -> SnapshotManifest:
    """The manifest of a published snapshot.

    Raises:
        NotFound: no snapshot has this id.
        FormatUnknown: written by a newer version.
        ArtefactCorrupt: the manifest's bytes are not what was published, or say what none can.
    """
    try:
        artefact = storage.open(KIND, snapshot_id)
    except ArtefactMissing:
        raise NotFound(f"No snapshot {snapshot_id!r}. See 'groundwork snapshots list'.") from None
    try:
        content = json.loads((artefact.path / MANIFEST_FILE).read_bytes())
        found = JsonFields(content).take_if_there("format", object)
        if found != FORMAT:
            raise FormatUnknown(f"snapshot {snapshot_id} has format {found!r}; this version reads format {FORMAT}.")
        manifest = SnapshotManifest.from_json(content)
    except ValueError as error:
        raise ArtefactCorrupt(f"snapshot {snapshot_id}: its manifest is damaged ({error}). Build again.") from error
    if manifest.id != snapshot_id:
        raise ArtefactCorrupt(f"snapshot {snapshot_id}: its manifest is that of snapshot {manifest.id}. Build again.")
    return manifest


def verify_snapshot(storage: Storage, manifest: SnapshotManifest) -> dict[str, str]:
    """Check the sha256 of every file of every shard now; gives shard name -> what is wrong, empty when all is well."""
    broken = {}
    for shard in manifest.shards:
        try:
            require_promised(storage.verify(SHARDS, shard.name), shard)
        except (ArtefactMissing, ArtefactCorrupt) as error:
            broken[shard.name] = str(error)
    return broken


def require_promised(artefact: Artefact, shard: SnapshotShard) -> None:
    """Let a shard on that is the very one the snapshot was made of, not another of the same name.

    Raises:
        ArtefactCorrupt: it is another.
    """
    fields = JsonFields(artefact.info)
    try:
        is_same = ShardFacts.taken_from(fields) == shard.facts and files_from_json(artefact.files) == shard.files
    except ValueError:
        is_same = False
    if not is_same:
        raise ArtefactCorrupt(f"shards/{artefact.name} differs from the one the snapshot names: build again.")
