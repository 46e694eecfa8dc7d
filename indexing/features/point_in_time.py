"""Features as they were known at a moment, for training and for checks: nothing leaks in from later."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import rows_as_of
from indexing.features.feature_values import Feature, FeatureRow, FeatureValue, readers_of, row_of
from indexing.features.views import DocumentView
from indexing.records import Partition, moment_text

EntityKey: TypeAlias = tuple[Partition, str]
"""A document: its partition and its id."""


def get_historical(
    catalogue: Database, features: Sequence[Feature], keys: Sequence[EntityKey], as_of: datetime
) -> list[dict[str, FeatureValue]]:
    """The values of some features, for each key in order, as they were known at a moment.

    Only rows count whose ``event_time`` and ``known_at`` both lie at or before ``as_of``, to the millisecond: the
    newest ``event_time`` first, of equal ones the newest ``known_at``, of equal ones what was appended last.

    Args:
        catalogue: Where the rows are.
        features: As ``read_features`` gives them.
        keys: Documents, in any order; each may be asked about more than once.
        as_of: The moment, aware.

    Returns:
        By feature name a value, ``None`` for null, ``Absence.MISSING`` without a row that counts, or
        ``Absence.EXPIRED`` where that row is older than its view's time to live.
    """
    moment = moment_text(as_of)
    by_partition: dict[Partition, set[str]] = {}
    for partition, name in keys:
        by_partition.setdefault(partition, set()).add(name)
    found: list[dict[str, FeatureValue]] = [{} for _ in keys]
    for reader in readers_of(features):
        rows = _rows(catalogue, reader.view, by_partition, moment)
        for values, key in zip(found, keys, strict=True):
            values |= reader.read(rows.get(key), as_of.timestamp())
    return found


def _rows(
    catalogue: Database, view: DocumentView, by_partition: Mapping[Partition, Collection[str]], moment: str
) -> dict[EntityKey, FeatureRow]:
    return {
        (partition, name): row_of(view, row)
        for partition, ids in by_partition.items()
        for name, row in rows_as_of(
            catalogue, view.fingerprint, partition, ids, event_time=moment, known_at=moment
        ).items()
    }
