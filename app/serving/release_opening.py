"""Opening a release: warmed and proved before it serves, with models that are shared between recipes."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from app.serving.arithmetic import arithmetic_of
from app.serving.document_boosts import boosts_of
from app.serving.loaded_models import LoadedModels
from app.serving.query_cache import QueryCache
from app.serving.release import ServingRelease
from indexing.errors import ArtefactCorrupt, NotReady
from indexing.features.online_store import OnlineStore
from indexing.home import Home
from indexing.indexes.analysers import analyser_of
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import Embedder, load_embedder
from indexing.models.reranker import RerankerModel, load_reranker
from indexing.records import Vector, fingerprint
from indexing.releases.deployments import stable_release
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release
from indexing.releases.soundness import require_sound
from indexing.snapshots.leg_counts import languages_of_collections
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.snapshot import Snapshot


class ReleaseOpener:
    """Opens releases of one home. For one thread at a time.

    Recipes with the same model and precision share its sessions, and through the cache their query vectors; all share
    the newest values of documents, ``features``.
    """

    def __init__(self, home: Home, queries: QueryCache | None = None) -> None:
        """Open releases of ``home``; queries that were asked before are not encoded again where there is a cache."""
        self._home = home
        self._queries = queries
        self.models = LoadedModels(lambda recipe: self.load_embedder(recipe), self._load_reranker)
        self.features = OnlineStore(home.catalogue)

    def open(self, release: Release, distrusted: Collection[str] = ()) -> ServingRelease:
        """A release opened, warmed and proved, without putting it in service.

        Args:
            release: What to open.
            distrusted: Shards whose files are checked anew, since reading them failed.

        Raises:
            NotReady: none of its shards can be searched, or it does not find its own passage.
            GroundworkError: its recipe, model or snapshot was tampered with, or cannot be read; or they do not belong
                together.
        """
        recipe = read_recipe(self._home.catalogue, release.recipe)
        snapshot = Snapshot(
            self._home.storage,
            release.snapshot,
            max_shards=self._home.settings.max_open_shards,
            distrusted=tuple(distrusted),
        )
        require_sound(self._home, release, recipe, snapshot.manifest)
        snapshot.check()
        embedder, reranker = self.models.embedder(recipe), self.models.reranker(recipe)
        serving = ServingRelease(
            release=release,
            recipe=recipe,
            snapshot=snapshot,
            embedder=embedder,
            analyser=analyser_of(
                recipe.lexical.language, recipe.lexical.algorithm, languages_of_collections(snapshot.manifest.legs)
            ),
            bm25=Bm25(recipe.retrieval.bm25_k1, recipe.retrieval.bm25_b),
            reranker=reranker,
            boosts=boosts_of(recipe, self.features),
            arithmetic=arithmetic_of(embedder, reranker),
        )
        _query_itself(serving)  # by the encoder itself: a cached vector would prove nothing
        return serving if self._queries is None else replace(serving, embedder=self._cached(recipe, self._queries))

    def keep(self, recipes: Collection[Recipe]) -> None:
        """Let go of the models that none of these recipes has."""
        self.models.keep(recipes)

    def _cached(self, recipe: Recipe, queries: QueryCache) -> Embedder:
        model = self._home.models.get(recipe.model)
        identity = recipe.bind(model).embedding_fingerprint, model.prompts.query
        return queries.over(self.models.embedder(recipe), fingerprint(identity))

    def load_embedder(self, recipe: Recipe) -> Embedder:
        """A recipe's embedder, loaded and proved; once for all recipes that have its model."""
        model, sessions = self._home.models.get(recipe.model), self._home.settings.sessions
        return load_embedder(self._home.storage, model, recipe.embedding.precision, sessions=sessions)

    def _load_reranker(self, name: str, precision: str) -> RerankerModel:
        model, sessions = self._home.models.get(name), self._home.settings.sessions
        return load_reranker(self._home.storage, model, precision, sessions=sessions)


def open_in_service(home: Home) -> ServingRelease:
    """The release in service as it was built, for a process that serves no one else.

    Raises:
        NotReady: nothing is released yet.
        GroundworkError: it cannot be opened.
    """
    return ReleaseOpener(home).open(stable_release(home.catalogue))


def _query_itself(serving: ServingRelease) -> None:
    """Run the whole path once: the encoder, and in the first partition that opens a search for a passage it holds."""
    vector = serving.embedder.encode_query("groundwork self query")
    for partition in serving.snapshot.partitions:
        view = serving.snapshot.view(partition)
        if view is None or view.rows == 0:
            continue
        try:
            score = _find_itself(serving, view, vector)
        except ArtefactCorrupt:
            if view.without(serving.snapshot.damaged) is view:
                raise
            continue  # it is refused from now on; the others shall serve
        if not np.isclose(score, 1.0, atol=1e-3):
            raise NotReady(f"Release {serving.release.number} does not find its own passage (score {score:.4f}).")
        return
    if serving.snapshot.manifest.rows:
        reasons = "; ".join(serving.snapshot.broken.values())
        raise NotReady(f"Release {serving.release.number} has no shard that can be searched: {reasons}")


def _find_itself(serving: ServingRelease, view: PartitionView, vector: Vector) -> float:
    """The score of the passage that is nearest to ``vector``, searched by its own vector."""
    numbers, rows, _ = view.search(vector, 1)
    own = view.vectors(numbers, rows)[0]
    _, _, scores = view.search(own, 1, exact=True)
    text = view.passage(int(numbers[0]), int(rows[0])).text
    serving.bm25.scores(view.segments, serving.analyser.query_weights(text[:500]))
    return float(scores[0])
