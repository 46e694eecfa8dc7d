"""Training-serving skew as a figure: values that answers used, against what is recomputed for the same moment."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import blake2b

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import document_version, rows_as_of
from indexing.errors import NotFound
from indexing.features.feature_values import (
    SECONDS_A_DAY,
    Feature,
    FeatureRow,
    FeatureValue,
    RowReader,
    numbers_of,
    row_of,
)
from indexing.features.materialise import computed_values
from indexing.features.transformations import TRANSFORMATIONS, Transformations, transformation_of
from indexing.features.views import DocumentView
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow
from indexing.records import Json, Partition, moment_text

logger = logging.getLogger(__name__)
RELATIVE_TOLERANCE = 1e-6
"""Values that differ by less are equal: what single precision leaves of a value. Our choice."""
MOMENT_SECONDS = 60.0
"""Ages that differ by less are equal: a search ends by then after its row got its moment. Source: our choice."""
_KEPT = 10_000
"""Recomputed documents that are kept, since hot ones are served again and again. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Served:
    """What an answer used of a document: at which moment, by which release, and the values by feature name."""

    partition: Partition
    document_id: str
    at: datetime
    release: str
    features: Mapping[str, float]


@dataclass(slots=True)
class FeatureSkew:
    """Of one feature: answers where served and recomputed value are both there, and those where they are not.

    ``mismatched`` are those of ``compared`` that differ; ``missing`` were not served though there was a value,
    ``extra`` were served though there was none. ``smape`` is the mean of ``2 |a - b| / (|a| + |b|)`` over ``compared``,
    0 to 2.
    """

    compared: int = 0
    mismatched: int = 0
    missing: int = 0
    extra: int = 0
    error_sum: float = 0.0

    @property
    def smape(self) -> float:
        """How far compared values are apart, 0 to 2; 0 without any."""
        return self.error_sum / self.compared if self.compared else 0.0

    @property
    def share(self) -> float:
        """The share of answers in which something is wrong with this feature, 0 to 1."""
        total = self.compared + self.missing + self.extra
        return (self.mismatched + self.missing + self.extra) / total if total else 0.0

    def to_json(self) -> Json:
        """The figures as JSON."""
        figures = asdict(self)
        del figures["error_sum"]
        return {**figures, "smape": self.smape, "share": self.share}


@dataclass(slots=True)
class SkewReport:
    """The skew by feature name, over ``sampled`` answers.

    Of ``unknown`` ones the document was changed or deleted since, in a view that is computed, or the release is not
    there any more: what they would have had to use cannot be said.
    """

    sampled: int = 0
    unknown: int = 0
    features: dict[str, FeatureSkew] = field(default_factory=dict)

    def above(self, share: float) -> list[str]:
        """The features of which a larger share of answers is wrong; each is also a log event ``features.skew``."""
        found = sorted(name for name, one in self.features.items() if one.share > share)
        for name in found:
            logger.error("features.skew", extra={"fields": {"feature": name, **self.features[name].to_json()}})
        return found

    def to_json(self) -> Json:
        """The figures as JSON."""
        return {
            "sampled": self.sampled,
            "unknown": self.unknown,
            "features": {name: self.features[name].to_json() for name in sorted(self.features)},
        }


def is_sampled(partition: Partition, document_id: str, share: float) -> bool:
    """Whether a document is in the sample: by the hash of its key, so that it is in every larger sample, too."""
    digest = blake2b(f"{partition}|{document_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < share


def measure_skew(
    catalogue: Database,
    served: Iterable[Served],
    features_of: Callable[[str], Sequence[Feature]],
    *,
    share: float = 1.0,
    transformations: Transformations = TRANSFORMATIONS,
) -> SkewReport:
    """Recompute what answers used, and compare.

    Computed values are computed anew by the code as it is now from documents as they are, so that stale rows and
    changed code show. Pushed ones are what had happened by then, even if that became known only later, so that late
    rows show.

    Args:
        catalogue: Where documents and rows are.
        served: What answers used, in any order.
        features_of: The features that the boosts of a release use; it raises ``NotFound`` of one that is not there.
        share: The share of documents that is looked at, 0 to 1, chosen by key.
        transformations: The code that computes, by name.
    """
    report, truth = SkewReport(), _Truth(catalogue, transformations)
    for one in served:
        if not is_sampled(one.partition, one.document_id, share):
            continue
        report.sampled += 1
        try:
            features = {feature.name: feature for feature in features_of(one.release)}
        except NotFound:  # a home was restored to before that release
            report.unknown += 1
            continue
        is_known = True
        for name in sorted({*features, *one.features}):
            try:
                values = {} if name not in features else {name: truth.value(features[name], one)}
            except _Unknown:
                is_known = False
                continue
            figures, expected = report.features.setdefault(name, FeatureSkew()), numbers_of(values).get(name)
            _compare(figures, one.features.get(name), expected, _tolerance(features.get(name)))
        report.unknown += not is_known
    return report


def _tolerance(feature: Feature | None) -> float:
    return MOMENT_SECONDS / SECONDS_A_DAY if feature is not None and feature.column.source == "age_days" else 0.0


def _compare(figures: FeatureSkew, served: float | None, expected: float | None, tolerance: float) -> None:
    if served is not None and expected is not None:
        figures.compared += 1
        apart, size = abs(served - expected), abs(served) + abs(expected)
        if apart > max(tolerance, RELATIVE_TOLERANCE * size / 2):
            figures.mismatched += 1
            figures.error_sum += 2 * apart / size
    elif expected is not None:
        figures.missing += 1
    elif served is not None:
        figures.extra += 1


class _Unknown(Exception):
    """What a document would have given at that moment cannot be said any more."""


class _Truth:
    """What values should have been, each document computed once."""

    def __init__(self, catalogue: Database, transformations: Transformations) -> None:
        self._catalogue, self._transformations = catalogue, transformations
        self._computed: dict[tuple[DocumentView, Partition, str], FeatureRow | None] = {}

    def value(self, feature: Feature, one: Served) -> FeatureValue:
        """What a feature should have been.

        Raises:
            _Unknown: it cannot be said.
        """
        view = feature.view
        if view.transformation is None:
            return RowReader(view, [feature]).read(self._pushed(view, one), one.at.timestamp())[feature.name]
        row = self._row(view, one)
        if row is None or row.event_seconds > one.at.timestamp():
            raise _Unknown
        return RowReader(view, [feature]).read(row, one.at.timestamp())[feature.name]

    def _pushed(self, view: DocumentView, one: Served) -> FeatureRow | None:
        found = rows_as_of(
            self._catalogue,
            view.fingerprint,
            one.partition,
            [one.document_id],
            event_time=moment_text(one.at),
            known_at=None,
        )
        return row_of(view, found[one.document_id]) if found else None

    def _row(self, view: DocumentView, one: Served) -> FeatureRow | None:
        key = view, one.partition, one.document_id
        if key not in self._computed:
            if len(self._computed) >= _KEPT:
                self._computed.clear()
            version = document_version(self._catalogue, one.partition, one.document_id)
            if version is None:
                self._computed[key] = None
            else:
                moment = datetime.fromisoformat(version.updated_at).timestamp()
                transformation = transformation_of(view, self._transformations)
                values = computed_values(view, transformation, version.document)
                self._computed[key] = FeatureRow(moment, moment, tuple(values.values()))
        return self._computed[key]


def served_values(rows: Iterable[RequestRow]) -> Iterator[Served]:
    """What the rows of the ledger say that answers used; rows without hits say nothing."""
    for row in rows:
        partition, at = Partition(row.tenant, row.collection), moment_of(row.id)
        for hit in row.hits:
            yield Served(partition, hit.document_id, at, row.release, hit.features)
