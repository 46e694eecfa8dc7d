"""Opening a release from its artefacts alone, for a search on a machine that sees no catalogue."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from app.serving.document_boosts import DocumentBoosts
from app.serving.loaded_models import LoadedModels
from app.serving.release import ServingRelease
from indexing.features.feature_values import Feature, FeatureValue
from indexing.indexes.analysers import analyser_of
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import Embedder, load_embedder
from indexing.models.registry import stored_model
from indexing.models.reranker import RerankerModel, load_reranker
from indexing.records import Partition
from indexing.releases.recipes import Recipe
from indexing.releases.release import Release
from indexing.snapshots.leg_counts import languages_of_collections
from indexing.snapshots.snapshot import DEFAULT_MAX_SHARDS, Snapshot
from indexing.storage.store import Storage

LoadEmbedder: TypeAlias = Callable[[str, str], Embedder]
"""Model version and precision to the embedder."""
DocumentValues: TypeAlias = Mapping[str, Mapping[str, float]]
"""Document id -> feature name -> value, of documents that have any."""


class ArtefactOpener:
    """Opens releases of one store, and keeps the models that it loaded and the snapshot that was opened last.

    For one thread at a time.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        sessions: int,
        load: LoadEmbedder | None = None,
        max_shards: int = DEFAULT_MAX_SHARDS,
    ) -> None:
        """Encode with ``sessions`` sessions; ``load`` gives the embedder of a model and precision (for tests)."""
        self._storage, self._sessions, self._max_shards = storage, sessions, max_shards
        load_one = load or self._loaded
        self._models = LoadedModels(
            lambda recipe: load_one(recipe.model, recipe.embedding.precision), self._loaded_reranker
        )
        self._snapshot: Snapshot | None = None

    def open(self, release: Release, recipe: Recipe, values: DocumentValues) -> ServingRelease:
        """The release ready for searches.

        Args:
            release: Its ``snapshot`` is opened; of the rest only the number counts, for messages.
            recipe: The release's.
            values: What the recipe's boosts use of the partition that is searched.

        Raises:
            NotFound: the snapshot is not stored any more.
            GroundworkError: snapshot or model cannot be read, or this machine does not reproduce the model.
        """
        snapshot = self._opened(release.snapshot)
        return ServingRelease(
            release=release,
            recipe=recipe,
            snapshot=snapshot,
            embedder=self._models.embedder(recipe),
            analyser=analyser_of(
                recipe.lexical.language, recipe.lexical.algorithm, languages_of_collections(snapshot.manifest.legs)
            ),
            bm25=Bm25(recipe.retrieval.bm25_k1, recipe.retrieval.bm25_b),
            reranker=self._models.reranker(recipe),
            boosts=_boosts(recipe, values) if recipe.retrieval.boosts else None,
        )

    def _opened(self, snapshot_id: str) -> Snapshot:
        if self._snapshot is None or self._snapshot.id != snapshot_id:
            self._snapshot = Snapshot(self._storage, snapshot_id, max_shards=self._max_shards)
        return self._snapshot

    def _loaded(self, model: str, precision: str) -> Embedder:
        return load_embedder(self._storage, stored_model(self._storage, model), precision, sessions=self._sessions)

    def _loaded_reranker(self, model: str, precision: str) -> RerankerModel:
        return load_reranker(self._storage, stored_model(self._storage, model), precision, sessions=self._sessions)


def _boosts(recipe: Recipe, values: DocumentValues) -> DocumentBoosts:
    def read(
        features: Sequence[Feature], partition: Partition, ids: Sequence[str], at: datetime
    ) -> list[dict[str, FeatureValue]]:
        return [dict(values.get(document_id, {})) for document_id in ids]

    return DocumentBoosts(recipe.retrieval.boosts, recipe.boost_features, read)
