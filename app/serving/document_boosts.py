"""What the documents of a search's candidates add to their scores, by the boosts of a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

import numpy as np

from indexing.catalogue.database import Database
from indexing.features.boosts import Boosts, boosted
from indexing.features.feature_values import Feature, FeatureValue, numbers_of
from indexing.features.materialise import now_utc
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.point_in_time import get_historical
from indexing.records import Partition, Scores
from indexing.releases.recipes import Recipe

Read: TypeAlias = Callable[[Sequence[Feature], Partition, Sequence[str], datetime], list[dict[str, FeatureValue]]]
"""Features, partition, ids and the moment to the values of each document by feature name."""


@dataclass(frozen=True, slots=True)
class BoostedDocuments:
    """What boosts add to the score of each document, float32 (n,), and the values that they used of it, by feature."""

    added: Scores
    values: Sequence[dict[str, float]]


@dataclass(frozen=True, slots=True)
class DocumentBoosts:
    """A recipe's boosts over values of documents. Safe to share between threads."""

    boosts: Boosts
    features: Sequence[Feature]
    read: Read
    now: Callable[[], datetime] = now_utc

    def of(self, partition: Partition, ids: Sequence[str], at: datetime | None = None) -> BoostedDocuments:
        """What boosts add to some documents of a partition, all at once, at the moment ``at``, by default now."""
        found = self.read(self.features, partition, ids, at or self.now())
        values = [numbers_of(one) for one in found]
        return BoostedDocuments(np.array([boosted(self.boosts, one) for one in values], np.float32), values)


def boosts_of(recipe: Recipe, store: OnlineStore) -> DocumentBoosts | None:
    """The boosts of a recipe over the newest values; ``None`` without boosts, so that its searches pay nothing.

    Raises:
        InvalidInput, NotFound: a boost uses a feature that the recipe's views do not have.
    """
    return _boosts_over(recipe, partial(get_online, store))


def boosts_as_known(recipe: Recipe, catalogue: Database) -> DocumentBoosts | None:
    """The boosts of a recipe over the values that were known at the moment of each search, for repeating one.

    Raises:
        InvalidInput, NotFound: as ``boosts_of``.
    """

    def read(
        features: Sequence[Feature], partition: Partition, ids: Sequence[str], at: datetime
    ) -> list[dict[str, FeatureValue]]:
        return get_historical(catalogue, features, [(partition, name) for name in ids], at)

    return _boosts_over(recipe, read)


def _boosts_over(recipe: Recipe, read: Read) -> DocumentBoosts | None:
    return DocumentBoosts(recipe.retrieval.boosts, recipe.boost_features, read) if recipe.retrieval.boosts else None
