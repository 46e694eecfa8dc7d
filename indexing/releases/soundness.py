"""Whether a release may serve: its parts are those recorded, and its query encoder can search its snapshot."""

from indexing.errors import ArtefactCorrupt, ArtefactMissing, FormatUnknown, ModelMismatch
from indexing.home import Home
from indexing.models.registry import KIND as MODELS
from indexing.models.registry import ModelVersion
from indexing.records import fingerprint
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release, newest_release
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot, require_promised
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard_manifest import read_shard_manifest


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


def require_promotable(home: Home, recipe: int) -> None:
    """Let a recipe be promoted whose newest release is sound and has every shard that its snapshot names.

    A recipe without a release passes: promoting it says so.

    Raises:
        GroundworkError: as ``read_recipe`` and ``require_sound``.
        ArtefactMissing, ArtefactCorrupt: a shard is not there, or another.
    """
    release = newest_release(home.catalogue, recipe)
    if release is None:
        return
    snapshot = read_snapshot(home.storage, release.snapshot)
    require_sound(home, release, read_recipe(home.catalogue, recipe), snapshot)
    for shard in snapshot.shards:
        require_promised(home.storage.open(SHARDS, shard.name), shard)


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
