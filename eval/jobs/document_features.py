"""Values of the document views that recipes which may serve use: computed for what changed since, every night."""

from collections.abc import Mapping

from indexing.errors import FeatureViewChanged
from indexing.features.engagement import materialise_engagement
from indexing.features.materialise import materialise
from indexing.features.view_registry import document_views
from indexing.features.views import FROM_LEDGER, DocumentView
from indexing.home import Home
from indexing.records import Json
from indexing.retention.feature_rows import recipes_using
from indexing.schedule.jobs import Steps


def materialise_used(home: Home, steps: Steps) -> Mapping[str, Json]:
    """Materialise every computed view that a retained recipe uses; pushed ones are left to who pushes them.

    Each batch is stored at once and only what has no values is computed, so that a run that was stopped is continued by
    the next.

    Returns:
        By view how many rows were appended, or why none could be.
    """
    found: dict[str, Json] = {}
    for view in document_views(home.catalogue):
        if (view.transformation is None and view.name not in FROM_LEDGER) or not recipes_using(home, view):
            continue
        steps(view.id)
        try:
            found[view.id] = {"rows": _rows(home, view, steps)}
        except FeatureViewChanged as error:  # of a version whose code is gone; the others must not wait for it
            found[view.id] = {"not_materialised": str(error)}
    return {"views": found}


def _rows(home: Home, view: DocumentView, steps: Steps) -> int:
    if view.name in FROM_LEDGER:
        return materialise_engagement(home.catalogue, home.ledger).rows
    told = materialise(
        home.catalogue, view, on_progress=lambda _, done, total: steps(f"{view.id}: {done} of {total} documents")
    )
    return told.rows
