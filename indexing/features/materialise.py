"""Appending values of documents: computed from what they are now, or pushed by people; both on one path."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import (
    BEFORE_ALL,
    DocumentVersion,
    NewFeatures,
    append_features,
    count_without_features,
    document_version,
    documents_without_features,
)
from indexing.errors import InvalidInput
from indexing.features.feature_values import moment_of
from indexing.features.transformations import (
    TRANSFORMATIONS,
    Transformation,
    Transformations,
    require_code,
    transformation_of,
)
from indexing.features.view_registry import record_view
from indexing.features.views import FROM_LEDGER, DocumentView, Scalar
from indexing.records import Document, Json, JsonFields, Partition, moment_text

BATCH = 200
"""Documents whose values are computed and appended together: what a killed run does again. Source: our choice."""
CLOCK_SECONDS = 5.0
"""How far ahead of this machine's clock the moment of a pushed value may lie. Source: our choice."""
MOST_INT = 2**53
"""Of a value: a float holds every whole number up to it."""
MOST_CHARACTERS = 1_000
"""Of a text value; our choice: values are kept in memory."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of values: how many rows were appended, and the documents that are not there."""

    rows: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Push:
    """Values of a document's stored columns, from ``event_time`` on; a column that is left out is null."""

    id: str
    event_time: str
    values: Mapping[str, Scalar]


def now_utc() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)


def materialise(
    catalogue: Database,
    view: DocumentView,
    *,
    most: int | None = None,
    transformations: Transformations = TRANSFORMATIONS,
    now: Callable[[], datetime] = now_utc,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Appended:
    """Compute and append what a view lacks: a row for each document that changed since its last one.

    Batch by batch, each durable at once: a run that was killed, or that was to compute ``most`` documents, is continued
    by the next. What is stored stays as it is; a new version of a view begins its own history, each row with the moment
    at which the document became what it is.

    Raises:
        InvalidInput: the view has no transformation, or it gave a value of another type than its column's.
        FeatureViewChanged: the view or its code changed without a new version.
    """
    transformation = transformation_of(view, transformations)
    require_code(view, transformation)
    record_view(catalogue, view)
    total = count_without_features(catalogue, view.fingerprint)
    done, left_out, after = 0, [], BEFORE_ALL
    on_progress("features", done, total)
    while most is None or done < most:
        wanted = BATCH if most is None else min(BATCH, most - done)
        batch = documents_without_features(catalogue, view.fingerprint, after=after, limit=wanted)
        if not batch:
            break
        rows = [_computed(view, transformation, one) for one in batch]
        left_out += _append(catalogue, view, rows, now())
        done += len(batch)
        after = batch[-1].partition.tenant, batch[-1].partition.collection, batch[-1].document.id
        on_progress("features", done, max(done, total))
    return Appended(done - len(left_out), tuple(left_out))


def materialise_documents(
    catalogue: Database,
    view: DocumentView,
    partition: Partition,
    ids: Sequence[str],
    *,
    transformations: Transformations = TRANSFORMATIONS,
    now: Callable[[], datetime] = now_utc,
) -> Appended:
    """As ``materialise``, of some documents that have just been written; those not there are left out."""
    transformation = transformation_of(view, transformations)
    require_code(view, transformation)
    record_view(catalogue, view)
    versions = [document_version(catalogue, partition, name) for name in ids]
    rows = [_computed(view, transformation, one) for one in versions if one is not None]
    left_out = _append(catalogue, view, rows, now())
    return Appended(len(rows) - len(left_out), tuple(left_out))


def push(
    catalogue: Database,
    view: DocumentView,
    partition: Partition,
    values: Iterable[Push],
    *,
    now: Callable[[], datetime] = now_utc,
) -> Appended:
    """Append values that people or programs know of documents, batch by batch; documents not there are left out.

    Raises:
        InvalidInput: the view's values are computed, a column is unknown, a value has another type than its column, or
            a moment is none or lies ahead. Batches before that one are stored.
        FeatureViewChanged: the view changed without a new version.
    """
    if view.transformation is not None or view.name in FROM_LEDGER:
        raise InvalidInput(
            f"The values of the document view {view.id} are computed: run 'groundwork features materialise {view.name}'"
            " instead of pushing any."
        )
    return append_values(catalogue, view, partition, values, now=now)


def append_values(
    catalogue: Database,
    view: DocumentView,
    partition: Partition,
    values: Iterable[Push],
    *,
    now: Callable[[], datetime] = now_utc,
) -> Appended:
    """As ``push``, of values that the caller computed, whatever the view."""
    record_view(catalogue, view)
    given, pushed, left_out = iter(values), 0, []
    while batch := list(islice(given, BATCH)):
        latest = now() + timedelta(seconds=CLOCK_SECONDS)
        rows = [
            NewFeatures(partition, one.id, _event_time(one, latest), _body(view, one.values, one.id)) for one in batch
        ]
        left_out += _append(catalogue, view, rows, now())
        pushed += len(batch)
    return Appended(pushed - len(left_out), tuple(left_out))


def _append(catalogue: Database, view: DocumentView, rows: list[NewFeatures], known_at: datetime) -> list[str]:
    """Store rows as known from now on; gives the ids of documents that are not there."""
    return [row.id for row in append_features(catalogue, view.fingerprint, moment_text(known_at), rows)]


def push_from_json(value: Json, now: datetime) -> Push:
    """A pushed row from JSON: ``id``, ``values`` and perhaps ``event_time``, by default now.

    Raises:
        InvalidInput: a field is missing, unknown or of another type.
    """
    try:
        fields = JsonFields(value)
        name, values = fields.take("id", str), fields.take("values", dict)
        event_time = fields.take_if_there("event_time", str)
        fields.end()
    except ValueError as error:
        raise InvalidInput(
            f'A pushed row is not valid: {error}; expected {{"id": ..., "values": {{...}}, "event_time": ...}}.'
        ) from error
    return Push(name, moment_text(now) if event_time is None else event_time, values)


def _event_time(one: Push, latest: datetime) -> str:
    moment = moment_of(one.event_time)
    if moment > latest:
        raise InvalidInput(
            f"The event_time {one.event_time!r} of document {one.id!r} lies ahead: expected a moment up to now."
        )
    return moment_text(moment)


def computed_values(view: DocumentView, transformation: Transformation, document: Document) -> dict[str, Scalar]:
    """The values of a view's stored columns, in their order, that its transformation as it is now gives of a document.

    Raises:
        InvalidInput: a value has another type than its column.
    """
    given = transformation.compute(document)
    return _checked(view, {one.name: given[one.name] for one in view.stored if one.name in given}, document.id)


def _computed(view: DocumentView, transformation: Transformation, one: DocumentVersion) -> NewFeatures:
    """The row of a document as it is, from the moment on at which it became that."""
    body = json.dumps(computed_values(view, transformation, one.document), ensure_ascii=False)
    return NewFeatures(one.partition, one.document.id, one.updated_at, body, one.content_sha256)


def _body(view: DocumentView, values: Mapping[str, Scalar], document_id: str) -> str:
    return json.dumps(_checked(view, values, document_id), ensure_ascii=False)


def _checked(view: DocumentView, values: Mapping[str, Scalar], document_id: str) -> dict[str, Scalar]:
    columns = {column.name: column for column in view.stored}
    for name, value in values.items():
        if name not in columns:
            raise InvalidInput(
                f"The column {name!r} of document {document_id!r} is not one that {view.id} stores: expected"
                f" {', '.join(columns)}."
            )
        kind = columns[name].type
        if value is not None and not _fits(value, kind):
            raise InvalidInput(
                f"The value {str(value)[:40]!r} of {view.id}:{name} of document {document_id!r} is invalid: expected"
                f" {kind} or null."
            )
    return {name: values.get(name) for name in columns}


def _fits(value: Scalar, kind: str) -> bool:
    """Whether a value is of a column's type, and a number that a float can hold."""
    if isinstance(value, bool) or kind == "bool":
        return isinstance(value, bool) and kind == "bool"
    if isinstance(value, int):
        return kind in ("int", "float") and abs(value) <= MOST_INT
    if isinstance(value, float):
        return kind == "float" and math.isfinite(value)
    return kind == "str" and len(value or "") <= MOST_CHARACTERS
