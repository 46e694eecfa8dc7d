"""What the documents of a search's candidates add to their scores, by the boosts of a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from indexing.features.boosts import Boosts, boosted
from indexing.features.feature_values import Feature, numbers_of
from indexing.features.materialise import now_utc
from indexing.features.online_store import OnlineStore, get_online
from indexing.records import Partition, Scores
from indexing.releases.recipes import Recipe


@dataclass(frozen=True, slots=True)
class BoostedDocuments:
    """What boosts add to the score of each document, float32 (n,), and the values that they used of it, by feature."""

    added: Scores
    values: Sequence[dict[str, float]]


@dataclass(frozen=True, slots=True)
class DocumentBoosts:
    """A recipe's boosts over the newest values of documents. Safe to share between threads."""

    boosts: Boosts
    features: Sequence[Feature]
    store: OnlineStore
    now: Callable[[], datetime] = now_utc

    def of(self, partition: Partition, ids: Sequence[str]) -> BoostedDocuments:
        """What boosts add to some documents of a partition, all at once and as of one moment."""
        found = get_online(self.store, self.features, partition, ids, self.now())
        values = [numbers_of(one) for one in found]
        return BoostedDocuments(np.array([boosted(self.boosts, one) for one in values], np.float32), values)


def boosts_of(recipe: Recipe, store: OnlineStore) -> DocumentBoosts | None:
    """The boosts of a recipe over a store; ``None`` for one that has none, so that its searches pay nothing.

    Raises:
        InvalidInput, NotFound: a boost uses a feature that the recipe's views do not have.
    """
    if not recipe.retrieval.boosts:
        return None
    return DocumentBoosts(recipe.retrieval.boosts, recipe.boost_features, store)
