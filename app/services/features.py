"""Document features as every door handles them: which there are, values pushed, and values read."""

import logging
from datetime import UTC, datetime

from app.schemas.features import (
    DocumentValues,
    PushAnswer,
    PushBody,
    ReadAnswer,
    ReadBody,
    ViewAnswer,
    ViewsAnswer,
)
from app.services.state import Services
from indexing.catalogue.collections import require_collection
from indexing.features.feature_values import moment_of, plain, read_features
from indexing.features.materialise import Push, push
from indexing.features.online_store import get_online
from indexing.features.point_in_time import get_historical
from indexing.features.view_registry import document_view, document_views
from indexing.features.views import definition
from indexing.records import Partition, moment_text

logger = logging.getLogger(__name__)


def list_views(services: Services) -> ViewsAnswer:
    """All document views, built in or added."""
    return ViewsAnswer(
        views=[
            ViewAnswer(view=view.id, fingerprint=view.fingerprint, definition=definition(view))
            for view in document_views(services.home.catalogue)
        ]
    )


def push_values(services: Services, partition: Partition, body: PushBody) -> PushAnswer:
    """Append values of a collection's documents, all or none; searches that boost by them see them at once.

    Raises:
        NotFound: there is no such collection or view.
        InvalidInput: as ``push``.
    """
    catalogue, now = services.home.catalogue, moment_text(datetime.now(UTC))
    require_collection(catalogue, partition)
    view = document_view(catalogue, body.view)
    rows = [Push(row.id, now if row.event_time is None else row.event_time, row.values) for row in body.rows]
    appended = push(catalogue, view, partition, rows)
    fields = {"collection": partition.collection, "view": view.id, "rows": appended.rows}
    logger.info("features.pushed", extra={"fields": fields})
    return PushAnswer(view=view.id, rows=appended.rows, left_out=list(appended.left_out))


def read_values(services: Services, partition: Partition, body: ReadBody) -> ReadAnswer:
    """Values of a collection's documents, now or as they were known at a moment.

    Raises:
        NotFound: there is no such collection or view.
        InvalidInput: a feature or the moment is none.
    """
    catalogue = services.home.catalogue
    require_collection(catalogue, partition)
    features = read_features(catalogue, body.features)
    if body.as_of is None:
        found = get_online(services.pool.features, features, partition, body.ids, datetime.now(UTC))
    else:
        found = get_historical(catalogue, features, [(partition, name) for name in body.ids], moment_of(body.as_of))
    return ReadAnswer(
        documents=[
            DocumentValues(id=name, values={feature: plain(value) for feature, value in values.items()})
            for name, values in zip(body.ids, found, strict=True)
        ]
    )
