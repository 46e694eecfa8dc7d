"""Whether a release may serve: its parts are those recorded, its query encoder can search its snapshot, it is whole.

A new build of a recipe inherits the recipe's verdict after these checks: integrity, recall and size.
"""

import json
from collections.abc import Mapping

from indexing.catalogue.verdicts import newest_gate_row
from indexing.errors import (
    ArtefactCorrupt,
    ArtefactMissing,
    BuildFailed,
    FormatUnknown,
    ModelMismatch,
    ReleaseNotGated,
)
from indexing.home import Home
from indexing.models.registry import KIND as MODELS
from indexing.models.registry import ModelVersion
from indexing.records import fingerprint
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release, newest_release
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot, require_promised
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard_manifest import read_shard_manifest

LEAST_SIZE = 0.5
"""The part of the passages that were judged which a later build must hold to inherit the verdict. Source: our choice;
a corpus that halved is another one than the verdict is about."""


def require_sound(home: Home, release: Release, recipe: Recipe, manifest: SnapshotManifest | None = None) -> None:
    """Let a release serve whose recipe, model and snapshot belong together and are as they were recorded.

    The bytes of models and shards are checked where they are opened; a shard that is not the one which its snapshot
    names is refused there, by itself.

    Args:
        home: Where it stands.
        release: What shall serve.
        recipe: Its recipe, as ``read_recipe`` gave it.
        manifest: Its snapshot's manifest, as ``read_snapshot`` gave it; by default it is read here.

    Raises:
        NotFound: the model is not registered, or the snapshot is not stored.
        ArtefactCorrupt, ArtefactMissing, FormatUnknown: a manifest is not the one that was recorded.
        ModelMismatch: the recipe's query encoder cannot search the snapshot.
    """
    snapshot = read_snapshot(home.storage, release.snapshot) if manifest is None else manifest
    for model_id in (recipe.model, recipe.reranker):
        if model_id is not None:
            require_recorded(home, home.models.get(model_id))
    _require_searchable(home, release, recipe, snapshot)


def require_promotable(home: Home, recipe: int, *, is_overridden: bool = False) -> None:
    """Let a recipe be promoted whose newest release is sound, has its shards, and inherits what an older one earned.

    A recipe without a release passes: promoting it says so.

    Args:
        home: Where it stands.
        recipe: The recipe.
        is_overridden: Whether an operator gave a reason to go without a verdict: then none has to be inherited.

    Raises:
        GroundworkError: as ``read_recipe`` and ``require_sound``.
        ArtefactMissing, ArtefactCorrupt: a shard is not there, or another.
        ReleaseNotGated: the build is much smaller than the one that was judged, or an index finds too little.
    """
    release = newest_release(home.catalogue, recipe)
    if release is None:
        return
    snapshot = read_snapshot(home.storage, release.snapshot)
    require_sound(home, release, read_recipe(home.catalogue, recipe), snapshot)
    for shard in snapshot.shards:
        require_promised(home.storage.open(SHARDS, shard.name), shard)
    if not is_overridden:
        _require_inherited(home, release, snapshot)


def require_whole(snapshot: SnapshotManifest, rows: Mapping[str, int]) -> None:
    """Let a build release a snapshot that holds what was planned, and whose indexes find what they must.

    Args:
        snapshot: What was built.
        rows: Passages that were planned, by the name of their shard.

    Raises:
        BuildFailed: it holds other passages than were planned, or an index finds too little.
    """
    found = {shard.name: shard.rows for shard in snapshot.shards}
    if found != dict(rows):
        named = ", ".join(sorted(name for name in found.keys() | rows.keys() if found.get(name) != rows.get(name)))
        raise BuildFailed(
            f"Snapshot {snapshot.id} holds {sum(found.values())} passages and {sum(rows.values())} were planned;"
            f" shards {named} differ. The release in service is untouched: build again."
        )
    short = _shards_of_low_recall(snapshot)
    if short:
        raise BuildFailed(f"Snapshot {snapshot.id}: {short}. The release in service is untouched: build again.")


def _require_inherited(home: Home, release: Release, snapshot: SnapshotManifest) -> None:
    """Refuse a build to which the verdict about an earlier one cannot be handed on."""
    row = newest_gate_row(home.catalogue, release.recipe)
    if row is None or row["release"] in (None, release.number):
        return
    judged = json.loads(row["evidence"]).get("passages")
    lacks = _shards_of_low_recall(snapshot)
    if judged and snapshot.rows < LEAST_SIZE * judged:
        lacks = f"it holds {snapshot.rows} passages, and {judged} were judged"
    if lacks:
        raise ReleaseNotGated(
            f"Release {release.number} does not inherit the verdict about release {row['release']}: {lacks}. Run"
            f" 'groundwork eval gate {release.number}', or go on with an override (--override REASON)."
        )


def _shards_of_low_recall(snapshot: SnapshotManifest) -> str:
    """Which approximate index finds less than its recipe demands, in words; empty where none does."""
    for shard in snapshot.shards:
        lists = shard.facts.lists
        if lists is not None and lists.recall_at_10 < lists.min_recall:
            return f"shard {shard.name} has recall@10 {lists.recall_at_10:.3f}, and {lists.min_recall:.3f} is needed"
    return ""


def require_recorded(home: Home, model: ModelVersion) -> None:
    """Let a model version on whose manifest in the catalogue is that of its files.

    Raises:
        ArtefactMissing: its files are gone.
        ArtefactCorrupt: one of both manifests was changed.
    """
    artefact = home.storage.describe(MODELS, model.id)
    stored, told = {**artefact.info, "files": artefact.files}, model.manifest.to_json()
    if fingerprint(stored) != fingerprint(told):
        names = ", ".join(sorted(name for name in stored.keys() | told.keys() if stored.get(name) != told.get(name)))
        raise ArtefactCorrupt(
            f"Model {model.id} is not the one that was registered: its manifests in the catalogue and in {MODELS}/"
            f"{model.id} differ in {names or 'what has no value'}. {MODELS.remedy}"
        )


def _require_searchable(home: Home, release: Release, recipe: Recipe, snapshot: SnapshotManifest) -> None:
    """Refuse a query encoder whose vectors are no neighbours of the snapshot's."""
    model = home.models.get(recipe.model)
    views = recipe.bind(model)
    dimension = _dimension(home, snapshot)
    for what, expected, found in (
        ("model", recipe.model, snapshot.model),
        ("embedding view's fingerprint", views.embedding_fingerprint, snapshot.views.embedding),
        ("passage view's fingerprint", views.passage_fingerprint, snapshot.views.passage),
        ("lexical view's fingerprint", views.lexical_fingerprint, snapshot.views.lexical),
        ("dimension", model.manifest.dimension or dimension, dimension or model.manifest.dimension),
    ):
        if expected != found:
            raise ModelMismatch(
                f"Release {release.number} cannot serve: snapshot {release.snapshot} was made with the {what}"
                f" {_short(found)}, and recipe {recipe.number} has {_short(expected)}. Build recipe {recipe.number}"
                " again, or deploy another one."
            )


def _dimension(home: Home, snapshot: SnapshotManifest) -> int | None:
    """The dimension of the vectors: of the first shard that can be read, since all have one embedding view."""
    for shard in snapshot.shards:
        try:
            return read_shard_manifest(home.storage.describe(SHARDS, shard.name)).dimension
        except (ArtefactMissing, ArtefactCorrupt, FormatUnknown):
            continue  # it is refused by itself
    return None


def _short(value: object) -> str:
    """A fingerprint is told apart by its beginning."""
    text = str(value)
    return text[:16] if len(text) == 64 else text
