"""Document features as every door handles them: which there are, values computed, pushed, read, and held to account."""

import logging
from datetime import UTC, datetime, timedelta

from app.schemas.features import (
    DocumentValues,
    MaterialisedAnswer,
    PushAnswer,
    PushBody,
    ReadAnswer,
    ReadBody,
    ShownViewAnswer,
    SkewAnswer,
    ViewAnswer,
    ViewDiffAnswer,
    ViewsAnswer,
)
from app.services.state import Services
from indexing.catalogue.collections import require_collection
from indexing.features.feature_values import moment_of, plain, read_features
from indexing.features.materialise import Push, materialise, push
from indexing.features.online_store import get_online
from indexing.features.point_in_time import get_historical
from indexing.features.skew import measure_skew, served_values
from indexing.features.stored_views import changed_fields, documents_lacking, read_stored_views
from indexing.features.view_registry import document_view, document_views
from indexing.features.views import definition
from indexing.ledger.readers import requests_of
from indexing.ledger.records import ANSWER_KINDS
from indexing.records import Partition, moment_text
from indexing.releases.recipes import boost_features_of
from indexing.retention.feature_rows import recipes_using

logger = logging.getLogger(__name__)


def list_views(services: Services) -> ViewsAnswer:
    """All document views, built in or added."""
    return ViewsAnswer(
        views=[
            ViewAnswer(view=view.id, fingerprint=view.fingerprint, definition=definition(view))
            for view in document_views(services.home.catalogue)
        ]
    )


def show_view(services: Services, name: str) -> ShownViewAnswer:
    """A document view, what is stored of it and what it lacks, and which recipes use it.

    Raises:
        NotFound: there is no such view.
    """
    catalogue = services.home.catalogue
    view = document_view(catalogue, name)
    (stored,) = read_stored_views(catalogue, [view])
    lacking, recipes = documents_lacking(catalogue, view), recipes_using(services.home, view)
    return ShownViewAnswer.model_validate({**stored.to_json(), "documents_lacking": lacking, "recipes": recipes})


def view_difference(services: Services, before: str, after: str) -> ViewDiffAnswer:
    """What a document view has otherwise than another.

    Raises:
        NotFound: there is no such view.
    """
    views = (document_view(services.home.catalogue, name) for name in (before, after))
    return ViewDiffAnswer(changes=changed_fields(*views))


def materialise_view(services: Services, name: str, most: int) -> MaterialisedAnswer:
    """Compute a view of ``most`` documents that changed since; searches that boost by it see the values at once.

    Raises:
        NotFound: there is no such view.
        InvalidInput: it is not computed from documents.
        FeatureViewChanged: as ``materialise``.
    """
    catalogue = services.home.catalogue
    view = document_view(catalogue, name)
    appended = materialise(catalogue, view, most=most)
    fields = {"view": view.id, "rows": appended.rows}
    logger.info("features.materialised", extra={"fields": fields})
    return MaterialisedAnswer(
        view=view.id,
        rows=appended.rows,
        left_out=list(appended.left_out),
        documents_lacking=documents_lacking(catalogue, view) or 0,
    )


def skew_of(
    services: Services, tenant: str, since: datetime | None, until: datetime | None, sample: float, limit: int
) -> SkewAnswer:
    """What a tenant's newest ``limit`` answers used against what is recomputed, of a ``sample`` of documents."""
    home = services.home
    begin = datetime.now(UTC) - timedelta(days=1) if since is None else since
    rows = requests_of(home.ledger, tenant, begin, until, kinds=ANSWER_KINDS, limit=limit, newest_first=True)
    report = measure_skew(home.catalogue, served_values(rows), boost_features_of(home.catalogue), share=sample)
    return SkewAnswer.model_validate({"tenant": tenant, **report.to_json()})


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
