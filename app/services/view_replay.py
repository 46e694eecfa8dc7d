"""Views of then: a release's snapshot with exactly the documents over it that a request saw, for a replay."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np

from app.live.overlay import Fresh, Overlay
from app.serving.document_boosts import boosts_as_known
from app.serving.release import ServingRelease
from indexing.catalogue.changes import Change
from indexing.catalogue.document_versions import read_kept_version
from indexing.features.embedding_store import FeatureStore, block_name, feature_kind, vector_key
from indexing.features.views import FeatureViews
from indexing.home import Home
from indexing.ledger.view_changes import LiveViewChange
from indexing.passages.chunker import Chunker
from indexing.records import Partition, Vector
from indexing.releases.binding import bind_recipe
from indexing.releases.recipes import Recipe
from indexing.snapshots.shard_layout import ShardInput

logger = logging.getLogger(__name__)
Bind: TypeAlias = Callable[[Recipe], tuple[Chunker, FeatureViews]]
"""Gives a recipe's chunker and feature views."""


class VersionGone(Exception):
    """A version of a document that a view had is not kept any more."""

    def __init__(self, change: Change) -> None:
        super().__init__(f"document {change.id!r} as write {change.seq} left it")
        self.change = change


class ViewsOfThen:
    """Lays views of then over releases of one home. For one thread at a time."""

    def __init__(self, home: Home, bind: Bind | None = None) -> None:
        """Read versions and vectors from ``home``; ``bind`` gives a recipe's chunker and views."""
        self._home = home
        self._bind = bind or partial(bind_recipe, home)
        self._stores: dict[str, FeatureStore] = {}
        self._bound: dict[int, tuple[Chunker, FeatureViews]] = {}

    def over(self, serving: ServingRelease, partition: Partition, changes: Iterable[LiveViewChange]) -> ServingRelease:
        """A release with a partition as some changes, oldest first, left it.

        Vectors are those that the process used: of the snapshot where it holds the same passage of the document, of
        the feature store, and computed only where neither has them. Boosts use what was known at the moment that is
        asked about.

        Raises:
            VersionGone: a document's version is not kept any more.
        """
        last: dict[str, int | None] = {}
        for change in changes:
            last |= dict.fromkeys(change.removed)
            last |= dict(change.added)
        overlay = Overlay(serving.snapshot, serving.analyser)
        if last:
            chunker, views = self._bound_to(serving.recipe)
            wanted = [Change(partition, name, seq) for name, seq in sorted(last.items()) if seq is not None]
            fresh = [self._fresh(overlay, serving, chunker, views, change) for change in wanted]
            overlay.remove(partition, last)
            if fresh:
                overlay.add(partition, fresh)
        boosts = boosts_as_known(serving.recipe, self._home.catalogue)
        return replace(serving, overlay=overlay, boosts=boosts)

    def _bound_to(self, recipe: Recipe) -> tuple[Chunker, FeatureViews]:
        """A recorded recipe's chunker and views, read once: a tokenizer takes longer than a search."""
        if recipe.number not in self._bound:
            self._bound[recipe.number] = self._bind(recipe)
        return self._bound[recipe.number]

    def _fresh(
        self, overlay: Overlay, serving: ServingRelease, chunker: Chunker, views: FeatureViews, change: Change
    ) -> Fresh:
        document = read_kept_version(self._home.catalogue, change)
        if document is None:
            raise VersionGone(change)
        passages = chunker.passages(document, chunker.spans(document))
        item = ShardInput(change.partition, document, passages)
        view = views.embedding_fingerprint
        keys = [vector_key(view, passage.encoder_input) for passage in passages]
        vectors = self._stored(views, keys, overlay.known_vectors(item))
        lacking = [place for place, vector in enumerate(vectors) if vector is None]
        if lacking:
            encoded = serving.embedder.encode_passages([passages[place].encoder_input for place in lacking])
            for place, vector in zip(lacking, encoded, strict=True):
                vectors[place] = vector
        return Fresh(item, np.array(vectors, np.float32), change.seq)

    def _stored(
        self, views: FeatureViews, keys: Sequence[bytes], known: Sequence[Vector | None]
    ) -> list[Vector | None]:
        """Known vectors with those that the feature store has: in the block of the document, or in any."""
        if all(vector is not None for vector in known):
            return list(known)
        view, name = views.embedding_fingerprint, block_name(keys)
        if self._home.storage.exists(feature_kind(view), name):
            store = FeatureStore(self._home.storage, view, blocks=[name])
        else:
            store = self._stores.get(view) or FeatureStore(self._home.storage, view)
            self._stores[view] = store
        return [
            store.vectors([key])[0] if vector is None and key in store else vector
            for key, vector in zip(keys, known, strict=True)
        ]
