"""The release pool: which release serves now, opened, warmed and proved before it takes over."""

import logging
import threading
import time
from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from app.serving.document_boosts import boosts_of
from app.serving.query_cache import QueryCache
from app.serving.release import FreshWrites, ServingRelease
from indexing.backoff import Backoff
from indexing.errors import ArtefactCorrupt, NotReady
from indexing.features.online_store import OnlineStore
from indexing.home import Home
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import Embedder, load_embedder
from indexing.models.reranker import RerankerModel, load_reranker
from indexing.records import Vector, fingerprint
from indexing.releases.deployments import stable_release
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release
from indexing.snapshots.partition_view import PartitionView
from indexing.snapshots.snapshot import Snapshot

logger = logging.getLogger(__name__)
REPAIRS = Backoff(10.0, 2560.0)
"""When a snapshot with refused shards is opened again, in case they were restored: after 10 seconds, then after twice
that, and so on up to 43 minutes."""


class ReleasePool:
    """Gives out the release in service and swaps it when another is deployed. Safe to share between threads.

    A snapshot's files stay mapped until the last search that uses them has ended, since searches hold the object
    itself.
    """

    def __init__(self, home: Home, fresh: FreshWrites | None = None, queries: QueryCache | None = None) -> None:
        """Serve the releases of ``home``, with ``fresh`` writes over them or as they were built.

        Queries that were asked before are not encoded again where there is a cache of ``queries``.
        """
        self._home = home
        self._fresh = fresh
        self._queries = queries
        self._lock = threading.Lock()
        self._serving: ServingRelease | None = None
        self._embedders: dict[tuple[str, str], Embedder] = {}
        self._rerankers: dict[tuple[str, str], RerankerModel] = {}
        self.features = OnlineStore(home.catalogue)
        self._opened_at = 0.0
        self._repairs = 0
        self.failure: str | None = None

    def current(self) -> ServingRelease:
        """The release in service.

        Raises:
            NotReady: none was opened yet; the message says why.
        """
        serving = self._serving
        if serving is None:
            raise NotReady(self.failure or "The release is still being opened: try again in a moment.")
        return serving

    def refresh(self) -> ServingRelease:
        """Switch to the release that is deployed now, if it is another; on any failure the old one goes on serving.

        Raises:
            GroundworkError: the deployed release cannot be opened.
        """
        with self._lock:
            release = stable_release(self._home.catalogue)
            serving = self._serving
            # An erasure gives a release another snapshot under the same number.
            is_new = serving is None or _identity(serving.release) != _identity(release)
            if serving is None or is_new or self._may_be_repaired(serving):
                self._repairs = 0 if is_new else self._repairs + 1
                self._opened_at = time.monotonic()
                serving = self._take_over(self.open(release))
                self._embedders = {key: self._embedders[key] for key in [_embedder_key(serving.recipe)]}
                self._rerankers = {key: self._rerankers[key] for key in _reranker_keys(serving.recipe)}
                fields = {
                    "release": release.number,
                    "snapshot": release.snapshot,
                    "rows": serving.snapshot.manifest.rows,
                }
                logger.info("pool.release_in_service", extra={"fields": fields})
            elif serving.release != release or (self._fresh is not None and self._fresh.is_outdated()):
                # A build that gave the same snapshot moves the sequence number from which on writes are fresh.
                serving = self._take_over(replace(serving, release=release))
            self.failure = None
            return serving

    def _take_over(self, opened: ServingRelease) -> ServingRelease:
        with nullcontext(opened) if self._fresh is None else self._fresh.taking_over(opened) as serving:
            self._serving = serving
        return serving

    def _may_be_repaired(self, serving: ServingRelease) -> bool:
        """Whether to open a snapshot with refused shards again: a build may have restored them."""
        pause_seconds = REPAIRS.pause_seconds(self._repairs + 1)
        return bool(serving.snapshot.broken) and time.monotonic() - self._opened_at >= pause_seconds

    def open(self, release: Release) -> ServingRelease:
        """A release opened, warmed and proved, without putting it in service.

        Raises:
            NotReady: none of its shards can be searched, or it does not find its own passage.
            GroundworkError: its recipe, model or snapshot cannot be read.
        """
        recipe = read_recipe(self._home.catalogue, release.recipe)
        # What reads showed to be damaged may be as it was when it was last checked, as far as the file system says.
        distrusted = () if self._serving is None else tuple(self._serving.snapshot.damaged)
        snapshot = Snapshot(
            self._home.storage,
            release.snapshot,
            max_shards=self._home.settings.max_open_shards,
            distrusted=distrusted,
        )
        snapshot.check()
        serving = ServingRelease(
            release=release,
            recipe=recipe,
            snapshot=snapshot,
            embedder=self._embedder(recipe),
            analyser=Analyser(recipe.lexical.language),
            bm25=Bm25(recipe.retrieval.bm25_k1, recipe.retrieval.bm25_b),
            reranker=self._reranker_model(recipe),
            boosts=boosts_of(recipe, self.features),
        )
        _query_itself(serving)  # by the encoder itself: a cached vector would prove nothing
        return serving if self._queries is None else replace(serving, embedder=self._cached(recipe, self._queries))

    def _cached(self, recipe: Recipe, queries: QueryCache) -> Embedder:
        model = self._home.models.get(recipe.model)
        identity = recipe.bind(model).embedding_fingerprint, model.prompts.query
        return queries.over(self._embedder(recipe), fingerprint(identity))

    def _embedder(self, recipe: Recipe) -> Embedder:
        key = _embedder_key(recipe)
        if key not in self._embedders:
            model = self._home.models.get(recipe.model)
            self._embedders[key] = load_embedder(
                self._home.storage, model, recipe.embedding.precision, sessions=self._home.settings.sessions
            )
        return self._embedders[key]

    def _reranker_model(self, recipe: Recipe) -> RerankerModel | None:
        """The recipe's reranker, loaded and proved, if it has one."""
        for name, precision in _reranker_keys(recipe):
            if (name, precision) not in self._rerankers:
                self._rerankers[name, precision] = load_reranker(
                    self._home.storage, self._home.models.get(name), precision, sessions=self._home.settings.sessions
                )
            return self._rerankers[name, precision]
        return None


def _identity(release: Release) -> tuple[str, str]:
    return release.number, release.snapshot


def _embedder_key(recipe: Recipe) -> tuple[str, str]:
    return recipe.model, recipe.embedding.precision


def _reranker_keys(recipe: Recipe) -> list[tuple[str, str]]:
    return [] if recipe.reranker is None else [(recipe.reranker, recipe.second_pass.precision)]


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
    serving.bm25.scores(view.segments, serving.analyser.terms(text[:500]))
    return float(scores[0])
