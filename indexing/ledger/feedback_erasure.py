"""Which feedback of a day an erasure takes with it: what names a document, what a user gave, what is about its rows."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from indexing.ledger.compaction import compacted_rows
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import DayOnDisk
from indexing.ledger.row_columns import COLUMNS, Value
from indexing.records import Json

Key = tuple[bytes, bytes]
"""Query id and event: what identifies feedback."""
_AT = {name: position for position, name in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True)
class FeedbackScope:
    """Feedback of one tenant: of all of it, of one user's, or of one collection's documents.

    A user's is what the user gave, and what others gave about the user's queries. Of documents it is what names them;
    feedback does not say its collection, so where the query's row is not there it counts as of this one.
    """

    tenant: str
    user_hash: bytes | None = None
    collection: str | None = None
    document_ids: Set[str] | None = None
    """``None`` for all documents of ``collection``."""

    @property
    def where(self) -> tuple[str, list[Value]]:
        """A condition in SQL that at least such feedback meets, with its parameters."""
        if self.collection is None:
            return "tenant = ?", [self.tenant]
        if self.document_ids is None:
            return "tenant = ? AND document_id IS NOT NULL", [self.tenant]
        named = json.dumps(sorted(self.document_ids))
        return "tenant = ? AND document_id IN (SELECT value FROM json_each(?))", [self.tenant, named]

    def covers(self, user_hash: bytes | None, query: tuple[str, bytes | None] | None) -> bool:
        """Whether feedback goes, given who gave it, and collection and user of its query's row if that is there."""
        if self.collection is not None:
            return query is None or query[0] == self.collection
        return self.user_hash is None or self.user_hash in (user_hash, query[1] if query else None)


def feedback_to_erase(file: DayFile, one: DayOnDisk, scope: FeedbackScope) -> list[tuple[Key, str | None]]:
    """The feedback of a day that goes, each with the document that it names.

    Look before the queries' rows are erased: afterwards they cannot say whose they were.
    """
    where, parameters = scope.where
    sql = f"SELECT query_id, event, document_id, user_hash FROM feedback WHERE {where}"
    found = list(file.rows(sql, parameters))
    queries = _queries(file, one, scope.tenant, {cells[0] for cells in found})
    return [
        ((query, event), document) for query, event, document, user in found if scope.covers(user, queries.get(query))
    ]


def erase_feedback(file: DayFile, keys: Sequence[Key], page_rows: int) -> None:
    """Delete feedback, ``page_rows`` at once, so that others append meanwhile."""
    for start in range(0, len(keys), page_rows):
        with file.write():
            for key in keys[start : start + page_rows]:
                file.execute("DELETE FROM feedback WHERE query_id = ? AND event = ?", key)
            file.mark_vacuum_due()


def _queries(
    file: DayFile, one: DayOnDisk, tenant: str, wanted: Set[bytes]
) -> Mapping[bytes, tuple[str, bytes | None]]:
    """Collection and user of the rows of some queries, by id."""
    if not wanted:
        return {}
    found: dict[bytes, tuple[str, bytes | None]] = {}
    for row_id, collection, user in _rows(file, one, tenant):
        if row_id in wanted:
            found[row_id] = collection, user
    return found


def _rows(file: DayFile, one: DayOnDisk, tenant: str) -> Iterator[tuple[Json, ...]]:
    yield from file.rows("SELECT id, collection, user_hash FROM requests WHERE tenant = ?", (tenant,))
    for cells in compacted_rows(file, one):
        if cells[_AT["tenant"]] == tenant:
            yield cells[_AT["id"]], cells[_AT["collection"]], cells[_AT["user_hash"]]
