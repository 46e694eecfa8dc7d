"""Snapshot manifests: which shards a snapshot has, written last, read and verified."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, NotFound
from indexing.features.views import FeatureViews
from indexing.records import Json, canonical_json, fingerprint
from indexing.snapshots.shard import KIND as SHARDS
from indexing.storage.store import Artefact, ArtefactKind, Storage

KIND = ArtefactKind("snapshots", remedy="Build again to restore it.")


FORMAT = 1


MANIFEST_FILE = "snapshot.json"


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
