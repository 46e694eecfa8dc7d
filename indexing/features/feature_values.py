"""What a document view says of a document at a moment: the one definition that training, serving and skew share."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias

from indexing.catalogue.database import Database, Row
from indexing.errors import InvalidInput
from indexing.features.view_registry import document_view
from indexing.features.views import Column, DocumentView, Scalar
from indexing.records import Json

SECONDS_A_DAY = 86_400.0
"""Of UTC as computers count it."""


class Absence(Enum):
    """Why there is no value; null is none of these, but a value that says so."""

    MISSING = "missing"
    """No row of the view says anything of the document at that moment."""
    EXPIRED = "expired"
    """The row that counts is older than the view's time to live."""


FeatureValue: TypeAlias = Scalar | Absence
"""A value, ``None`` for null, or why there is none."""


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """Values of a view's stored columns, in their order: when they were so, and since when that is known.

    Both are seconds since 1970.
    """

    event_seconds: float
    known_seconds: float
    values: tuple[Scalar, ...]

    @property
    def precedence(self) -> tuple[float, float]:
        """What decides between two rows of a document: the larger one counts."""
        return self.event_seconds, self.known_seconds


def row_of(view: DocumentView, stored: Row) -> FeatureRow:
    """A row of a view as the catalogue gives it."""
    values = json.loads(stored["body"])
    return FeatureRow(
        datetime.fromisoformat(stored["event_time"]).timestamp(),
        datetime.fromisoformat(stored["known_at"]).timestamp(),
        tuple(values.get(column.name) for column in view.stored),
    )


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of a document view, as ``VIEW:COLUMN`` names it."""

    name: str
    view: DocumentView
    column: Column


class RowReader:
    """What features of one view say of a document at a moment, given the row of the document that counts then.

    A row is expired once its ``event_time`` lies more than ``ttl_seconds`` back. An age below zero is zero.

    Source: expiry as in Feast's point-in-time joins, counted from the event.
    """

    __slots__ = ("_ages", "_expired", "_missing", "_needs_age", "_stored", "_ttl_seconds", "view")

    def __init__(self, view: DocumentView, features: Iterable[Feature]) -> None:
        """Read features of ``view``."""
        self.view, self._ttl_seconds = view, view.ttl_seconds
        columns = {feature.name: feature.column for feature in features}
        places = {column.name: place for place, column in enumerate(view.stored)}
        self._ages = [name for name, column in columns.items() if column.source == "age_days"]
        self._stored = [(name, places[column.name]) for name, column in columns.items() if column.name in places]
        self._needs_age = bool(self._ages) or self._ttl_seconds is not None
        self._missing = dict.fromkeys(columns, Absence.MISSING)
        self._expired = dict.fromkeys(columns, Absence.EXPIRED)

    def read(self, row: FeatureRow | None, at_seconds: float) -> dict[str, FeatureValue]:
        """The values by feature name at a moment, in seconds since 1970."""
        if row is None:
            return {**self._missing}
        values = row.values
        found: dict[str, FeatureValue] = {name: values[place] for name, place in self._stored}
        if self._needs_age:
            age_seconds = at_seconds - row.event_seconds
            if self._ttl_seconds is not None and age_seconds > self._ttl_seconds:
                return {**self._expired}
            for name in self._ages:
                found[name] = max(0.0, age_seconds / SECONDS_A_DAY)
        return found


def readers_of(features: Iterable[Feature]) -> list[RowReader]:
    """A reader for each view that some features are of."""
    groups: dict[DocumentView, list[Feature]] = {}
    for feature in features:
        groups.setdefault(feature.view, []).append(feature)
    return [RowReader(view, some) for view, some in groups.items()]


def numbers_of(values: Mapping[str, FeatureValue]) -> dict[str, float]:
    """The values that are numbers, claims as 0 and 1: none that is absent, null or a text."""
    return {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}


def read_features(catalogue: Database, names: Sequence[str]) -> list[Feature]:
    """Features by name, ``VIEW:COLUMN`` or ``VIEW@VERSION:COLUMN``, each once; without a version the newest.

    Raises:
        InvalidInput: a name has another form, or the view has no such column.
        NotFound: there is no such view.
    """
    found = []
    for name in dict.fromkeys(names):
        view_name, separator, _ = name.partition(":")
        if not separator:
            raise InvalidInput(f"The feature {name!r} is invalid: expected VIEW:COLUMN, such as document_stats:length.")
        found.append(feature_of(document_view(catalogue, view_name), name))
    return found


def feature_of(view: DocumentView, name: str) -> Feature:
    """The feature of a view that a name's last part is.

    Raises:
        InvalidInput: the view has no such column.
    """
    column = view.column(name.rpartition(":")[2])
    if column is None:
        known = ", ".join(one.name for one in view.columns)
        raise InvalidInput(f"The feature {name!r} is unknown: the document view {view.id} has {known}.")
    return Feature(name, view, column)


def moment_of(text: str) -> datetime:
    """A moment from ISO 8601 text, in UTC and to the millisecond, as rows hold it; a text without a zone is UTC.

    Raises:
        InvalidInput: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"The moment {text!r} is invalid: expected ISO 8601, such as 2026-11-28T09:30:00Z."
        ) from None


def plain(value: FeatureValue) -> Json:
    """A value as JSON: why there is none as an object, so that it is not mistaken for null or a text."""
    return {"absent": value.value} if isinstance(value, Absence) else value
