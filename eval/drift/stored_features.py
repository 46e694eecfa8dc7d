"""What the feature store said, at the end of a period, of the documents that answered it: they may drift as well."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from eval.drift.observations import FEATURE, Observation
from indexing.catalogue.document_features import stored_views
from indexing.features.feature_values import Feature, feature_of, numbers_of
from indexing.features.point_in_time import get_historical
from indexing.features.view_registry import document_views
from indexing.features.views import FROM_LEDGER, Column, DocumentView
from indexing.home import Home
from indexing.ledger.day_sources import Period
from indexing.records import Partition


def features_in_store(home: Home) -> list[Feature]:
    """Every feature that any document has a row of, but those that grow by themselves, and would always have moved.

    These are ages, and counts that are made of the ledger: they grow with a new home, and at its nightly count.
    """
    stored = stored_views(home.catalogue)
    newest = {view.name: view for view in document_views(home.catalogue) if view.fingerprint in stored}
    return [
        feature_of(view, f"{view.name}:{column.name}")
        for view in newest.values()
        for column in view.columns
        if not _grows(view, column)
    ]


def _grows(view: DocumentView, column: Column) -> bool:
    return column.source == "age_days" or (view.name in FROM_LEDGER and column.type == "int")


def with_stored_features(home: Home, observations: Sequence[Observation], period: Period) -> list[Observation]:
    """Observations with the features of their best document as they were known at the end of the period.

    What a row itself says of a feature, since a boost used it, stays, but for those that grow by themselves.
    """
    grows = {
        f"{FEATURE}{view.name}:{column.name}"
        for view in document_views(home.catalogue)
        for column in view.columns
        if _grows(view, column)
    }
    observations = [replace(one, numbers=_without(one.numbers, grows)) for one in observations]
    features = features_in_store(home)
    asked = [place for place, one in enumerate(observations) if one.documents and "collection" in one.slices]
    if not features or not asked or period.until is None:
        return observations
    keys = []
    for place in asked:
        tenant, _, collection = observations[place].slices["collection"].partition("/")
        keys.append((Partition(tenant, collection), observations[place].documents[0]))
    found = list(observations)
    for place, values in zip(asked, get_historical(home.catalogue, features, keys, period.until), strict=True):
        one = observations[place]
        numbers = {f"{FEATURE}{name}": value for name, value in numbers_of(values).items()}
        found[place] = replace(one, numbers={**numbers, **one.numbers})
    return found


def _without(numbers: Mapping[str, float], names: Collection[str]) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if name not in names}
