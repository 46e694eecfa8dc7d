"""What is stored of a document view, what it lacks, and what two of them have otherwise."""

from collections.abc import Sequence
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

    def to_json(self) -> dict[str, Json]:
        """This with all that can change the view's values; ``is_from_ledger``: they are counted from the ledger."""
        return {
            "view": self.view.id,
            "fingerprint": self.view.fingerprint,
            "rows": self.rows,
            "documents": self.documents,
            "known_at": self.known_at,
            "definition": definition(self.view),
            "is_from_ledger": self.view.name in FROM_LEDGER,
        }


def read_stored_views(catalogue: Database, views: Sequence[DocumentView]) -> list[StoredView]:
    """What is stored of each view."""
    stored, nothing = stored_views(catalogue), ViewRows(0, 0, "")
    found = [stored.get(view.fingerprint, nothing) for view in views]
    return [
        StoredView(view, one.rows, one.documents, one.known_at or None) for view, one in zip(views, found, strict=True)
    ]


def documents_lacking(catalogue: Database, view: DocumentView) -> int | None:
    """How many documents changed since a view was computed of them; ``None`` where it is not computed."""
    return None if view.transformation is None else count_without_features(catalogue, view.fingerprint)


def changed_fields(before: DocumentView, after: DocumentView) -> dict[str, list[Json]]:
    """What two views have otherwise: the old and the new value of each field of their definitions."""
    old, new = definition(before), definition(after)
    return {name: [old[name], new[name]] for name in old if old[name] != new[name]}
