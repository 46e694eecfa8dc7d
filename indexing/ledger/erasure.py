"""Erasure from the ledger: a tenant's rows, a user's rows, what names a document; no byte of them is left."""

import json
from collections.abc import Iterator, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from indexing.errors import ArtefactCorrupt
from indexing.ledger.compaction import compacted_rows, remove_other_generations, write_generation
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import DayOnDisk, list_days
from indexing.ledger.day_sources import Cells
from indexing.ledger.feedback_erasure import FeedbackScope, erase_feedback, feedback_to_erase
from indexing.ledger.hit_packing import pack_hits, unpack_hits
from indexing.ledger.parquet_day import require_analytics
from indexing.ledger.row_columns import COLUMNS
from indexing.ledger.store import LedgerStore
from indexing.ledger.view_changes import LiveViewChange
from indexing.records import Json

_AT = {name: position for position, name in enumerate(COLUMNS)}
_PAGE = 500
"""Ids that one condition looks for; of more, every row is looked at. Source: half of SQLite's depth of expressions."""

PAGE_ROWS = 500
"""Rows that are looked through at once, and changed in one transaction: some 25 ms. Source: our choice."""


class Scope(Protocol):
    """What is to be erased."""

    @property
    def where(self) -> tuple[str, tuple[Json, ...]]:
        """A condition in SQL that at least its rows meet, with its parameters."""
        ...

    @property
    def of_view_changes(self) -> tuple[str, tuple[Json, ...]]:
        """The same for changes of live views: those whose JSON names what is erased."""
        ...

    @property
    def of_feedback(self) -> FeedbackScope:
        """The feedback that goes."""
        ...

    @property
    def of_sketches(self) -> tuple[str, tuple[Json, ...]]:
        """The same for sketches of query vectors: those whose rows go."""
        ...

    def change(self, cells: Cells) -> Cells | None:
        """What becomes of a row: itself where it is not concerned, ``None`` where it goes."""
        ...


@dataclass(frozen=True, slots=True)
class OfTenant:
    """Everything that a tenant asked; the rows go."""

    tenant: str

    @property
    def where(self) -> tuple[str, tuple[Json, ...]]:
        """Its rows."""
        return "tenant = ?", (self.tenant,)

    @property
    def of_view_changes(self) -> tuple[str, tuple[Json, ...]]:
        """Those that name it."""
        return "instr(body, ?) > 0", (_field("tenant", self.tenant),)

    @property
    def of_feedback(self) -> FeedbackScope:
        """All that it gave."""
        return FeedbackScope(self.tenant)

    @property
    def of_sketches(self) -> tuple[str, tuple[Json, ...]]:
        """All of its own."""
        return self.where

    def change(self, cells: Cells) -> Cells | None:
        """Leave its rows out."""
        return None if cells[_AT["tenant"]] == self.tenant else cells


@dataclass(frozen=True, slots=True)
class OfUser:
    """Everything that one user of a tenant asked, by ``keyed_hash``; the rows go."""

    tenant: str
    user_hash: str

    @property
    def where(self) -> tuple[str, tuple[Json, ...]]:
        """The user's rows."""
        return "tenant = ? AND user_hash = ?", (self.tenant, bytes.fromhex(self.user_hash))

    @property
    def of_view_changes(self) -> tuple[str, tuple[Json, ...]]:
        """None: they are about documents."""
        return "0", ()

    @property
    def of_feedback(self) -> FeedbackScope:
        """What the user gave, and what is about the user's queries."""
        return FeedbackScope(self.tenant, user_hash=bytes.fromhex(self.user_hash))

    @property
    def of_sketches(self) -> tuple[str, tuple[Json, ...]]:
        """All of the user's own."""
        return self.where

    def change(self, cells: Cells) -> Cells | None:
        """Leave the user's rows out."""
        is_theirs = cells[_AT["tenant"]] == self.tenant and cells[_AT["user_hash"]] == bytes.fromhex(self.user_hash)
        return None if is_theirs else cells


@dataclass(frozen=True, slots=True)
class OfDocuments:
    """The hits that name documents of a collection; the rows stay, marked as erased in part.

    ``ids`` of ``None`` are all documents that there ever were. A query's text, where it was kept, stays: it is the
    tenant's own and not the document's.
    """

    tenant: str
    collection: str
    ids: Set[str] | None

    @property
    def where(self) -> tuple[str, tuple[Json, ...]]:
        """Rows of the collection with hits; which of them name a document is seen when they are unpacked."""
        return "tenant = ? AND collection = ? AND hits IS NOT NULL", (self.tenant, self.collection)

    @property
    def of_view_changes(self) -> tuple[str, tuple[Json, ...]]:
        """Those of the collection that name one of the documents; of many documents all of the collection."""
        place = "instr(body, ?) > 0 AND instr(body, ?) > 0"
        fields = (_field("tenant", self.tenant), _field("collection", self.collection))
        if self.ids is None or len(self.ids) > _PAGE:
            return place, fields
        named = " OR ".join(["instr(body, ?) > 0"] * len(self.ids)) or "0"
        return f"{place} AND ({named})", (*fields, *map(_quoted, sorted(self.ids)))

    @property
    def of_feedback(self) -> FeedbackScope:
        """What names the documents."""
        return FeedbackScope(self.tenant, collection=self.collection, document_ids=self.ids)

    @property
    def of_sketches(self) -> tuple[str, tuple[Json, ...]]:
        """None: they are about what was asked, and their rows stay."""
        return "0", ()

    def change(self, cells: Cells) -> Cells | None:
        """Take the hits out."""
        if (cells[_AT["tenant"]], cells[_AT["collection"]]) != (self.tenant, self.collection):
            return cells
        hits = unpack_hits(cells[_AT["hits"]])
        kept = [] if self.ids is None else [hit for hit in hits if hit.document_id not in self.ids]
        if len(kept) == len(hits):
            return cells
        changed = list(cells)
        changed[_AT["hits"]], changed[_AT["is_erased"]] = pack_hits(kept), 1
        return tuple(changed)


def _field(name: str, text: str) -> str:
    """How a field stands in JSON as the ledger writes it; inside a text its quotes would be escaped."""
    return f"{_quoted(name)}:{_quoted(text)}"


def _quoted(text: str) -> str:
    """How a text stands in JSON."""
    return json.dumps(text)


def count_rows(ledger: LedgerStore, scope: Scope) -> int:
    """How many rows an erasure will remove or change; changes nothing.

    Raises:
        GroundworkError: a day cannot be read.
    """
    return sum(_in_day(ledger, one, scope, does=False) for one in list_days(ledger.folder))


def named_documents(ledger: LedgerStore, tenant: str, collection: str, ids: Set[str]) -> frozenset[str]:
    """Which of these documents some hit, feedback or change of a live view names; errors as in ``erase_rows``."""
    scope = OfDocuments(tenant, collection, ids)
    where, parameters = scope.of_view_changes
    found: set[str] = set()
    for one in list_days(ledger.folder):
        with _opened(ledger, one) as file:
            for cells in chain(_rows(file, scope), compacted_rows(file, one)):
                if scope.change(cells) is not cells:
                    found |= ids & {hit.document_id for hit in unpack_hits(cells[_AT["hits"]])}
            found |= {name for _, name in feedback_to_erase(file, one, scope.of_feedback) if name is not None}
            for number, body in file.rows(f"SELECT number, body FROM view_changes WHERE {where}", parameters):
                change = LiveViewChange.from_body(number, json.loads(body))
                found |= ids & {*change.removed, *(name for name, _ in change.added)}
    return frozenset(found)


def erase_rows(ledger: LedgerStore, scope: Scope) -> int:
    """Erase from every day, also from its log and its free pages; how many rows were removed or changed.

    Processes append meanwhile; a day that lost rows is written anew, and then they wait. Doing it again finishes what
    was interrupted. What processes still hold in memory is written later: hide what is
    erased from them first.

    Raises:
        GroundworkError: a day cannot be read or written; the days before it are done.
        NotReady: a day is compacted, and the extra ``analytics`` is not installed.
    """
    return sum(_in_day(ledger, one, scope, does=True) for one in list_days(ledger.folder))


@contextmanager
def _opened(ledger: LedgerStore, one: DayOnDisk) -> Iterator[DayFile]:
    if one.compacted:
        require_analytics()
    if one.database is None:
        raise ArtefactCorrupt(
            f"The database of {one.day} is gone from the ledger, its compacted file is not: restore or remove the day."
        )
    with closing(DayFile(one.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
        yield file


def _in_day(ledger: LedgerStore, one: DayOnDisk, scope: Scope, *, does: bool) -> int:
    with _opened(ledger, one) as file:
        feedback = [key for key, _ in feedback_to_erase(file, one, scope.of_feedback)]
        if not does:
            rows = sum(len(page) for page in _concerned(file, scope))
            return len(feedback) + rows + _count_compacted(file, one, scope)
        file.delete_securely()
        erase_feedback(file, feedback, PAGE_ROWS)
        changed = len(feedback) + _erase_compacted(file, one, scope) + _erase_database(file, scope)
        if file.is_vacuum_due:
            file.vacuum()
        remove_other_generations(file, one)
        return changed


def _concerned(file: DayFile, scope: Scope) -> Iterator[list[tuple[Json, Cells | None]]]:
    """The id of each row that changes, with what becomes of it; page by page, so that little is in memory."""
    where, parameters = scope.where
    sql = f"SELECT {', '.join(COLUMNS)} FROM requests WHERE {where} AND id > ? ORDER BY id LIMIT {PAGE_ROWS}"
    last: Json = b""
    while page := list(file.rows(sql, (*parameters, last))):
        yield [(cells[_AT["id"]], changed) for cells in page if (changed := scope.change(cells)) is not cells]
        last = page[-1][_AT["id"]]


def _rows(file: DayFile, scope: Scope) -> Iterator[Cells]:
    where, parameters = scope.where
    return file.rows(f"SELECT {', '.join(COLUMNS)} FROM requests WHERE {where}", parameters)


def _erase_database(file: DayFile, scope: Scope) -> int:
    """Erase from the database of a day. Rows are looked through outside of transactions: others append meanwhile."""
    (where, parameters), (of_sketches, sketch_parameters) = scope.of_view_changes, scope.of_sketches
    with file.write():
        count = file.execute(f"DELETE FROM view_changes WHERE {where}", parameters)
        sketches = file.execute(f"DELETE FROM query_sketches WHERE {of_sketches}", sketch_parameters)
        if count or sketches:
            file.mark_vacuum_due()
    for page in _concerned(file, scope):
        if page:
            with file.write():
                _change_rows(file, page)
                file.mark_vacuum_due()
        count += len(page)
    return count


def _change_rows(file: DayFile, page: Sequence[tuple[Json, Cells | None]]) -> None:
    for row_id, changed in page:
        if changed is None:
            file.execute("DELETE FROM requests WHERE id = ?", (row_id,))
        else:
            sql = "UPDATE requests SET hits = ?, is_erased = 1 WHERE id = ?"
            file.execute(sql, (changed[_AT["hits"]], row_id))


def _count_compacted(file: DayFile, one: DayOnDisk, scope: Scope) -> int:
    return sum(1 for cells in compacted_rows(file, one) if scope.change(cells) is not cells)


def _erase_compacted(file: DayFile, one: DayOnDisk, scope: Scope) -> int:
    count = _count_compacted(file, one, scope)
    if count:
        with file.write():  # the day is over: hardly a row comes
            write_generation(file, one, scope.change, with_database=False)
    return count
