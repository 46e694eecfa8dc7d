"""What is stored of a document view, what it lacks, and what two of them have otherwise."""

from dataclasses import dataclass

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import ViewRows, count_without_features, stored_views
from indexing.features.views import FROM_LEDGER, DocumentView, definition
from indexing.records import Json


@dataclass(frozen=True, slots=True)
class StoredView:
    """A document view with the rows stored of it, of how many documents, and when the last came to be known."""

    view: DocumentView
    rows: int
    documents: int
    known_at: str | None

    @property
    def definition(self) -> dict[str, Json]:
        """All that can change its values."""
        return definition(self.view)

    @property
    def is_from_ledger(self) -> bool:
        """Whether its values are counted from the ledger."""
        return self.view.name in FROM_LEDGER


def stored_view(catalogue: Database, view: DocumentView) -> StoredView:
    """What is stored of a view."""
    found = stored_views(catalogue).get(view.fingerprint, ViewRows(0, 0, ""))
    return StoredView(view, found.rows, found.documents, found.known_at or None)


def documents_lacking(catalogue: Database, view: DocumentView) -> int | None:
    """How many documents changed since a view was computed of them; ``None`` where it is not computed."""
    return None if view.transformation is None else count_without_features(catalogue, view.fingerprint)


def changed_fields(before: DocumentView, after: DocumentView) -> dict[str, list[Json]]:
    """What two views have otherwise: the old and the new value of each field of their definitions."""
    old, new = definition(before), definition(after)
    return {name: [old[name], new[name]] for name in old if old[name] != new[name]}
