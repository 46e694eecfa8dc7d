"""The newest values of documents, kept in memory by partition and followed commit by commit, for searches."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from indexing.catalogue.database import Database
from indexing.catalogue.document_features import FeatureState, feature_state, rows_after
from indexing.features.feature_values import Feature, FeatureRow, FeatureValue, readers_of, row_of
from indexing.features.views import DocumentView
from indexing.records import Partition

MAX_ROWS = 1_000_000
"""Rows that are kept at most, of all partitions and views: some 400 MB. Source: our choice."""
MARGIN_SECONDS = 30.0
"""How long before the newest row became known a question's moment may lie: a request may wait that long. Our choice."""

Recent: TypeAlias = tuple[FeatureRow, ...]
"""Rows of one document, by rising precedence: the last that is so by a moment counts then."""


@dataclass(slots=True)
class _Loaded:
    """What may count of each document of a partition, of all rows up to the state that was asked for before."""

    rows: dict[str, Recent]
    last: int
    size: int = 0


class OnlineStore:
    """The newest rows of document views. Safe to share between threads.

    A partition's rows are read at their first use and then followed: what any process appends is seen by the first call
    after its commit. Partitions not used for longest give way above ``max_rows``.
    """

    def __init__(self, catalogue: Database, *, max_rows: int = MAX_ROWS) -> None:
        """Keep rows of ``catalogue``; nothing is read yet."""
        self._catalogue = catalogue
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._loaded: OrderedDict[tuple[str, Partition], _Loaded] = OrderedDict()
        self._state = FeatureState(0, 0)
        self._version: int | None = None

    def recent(self, view: DocumentView, partition: Partition) -> Mapping[str, Recent]:
        """The rows of each document of a partition that count now, did just before or will, by id; to be read only.

        Of those that are so by a moment, the one with the newest ``event_time`` counts, of equal ones with the newest
        ``known_at``, of equal ones the one appended last: what ``get_historical`` gives of that moment.

        Args:
            view: Whose rows.
            partition: Whose documents.
        """
        with self._lock:
            self._look()
            key = view.fingerprint, partition
            loaded = self._loaded.get(key)
            if loaded is None:
                loaded = self._loaded[key] = _Loaded({}, 0)
            self._loaded.move_to_end(key)
            if loaded.last < self._state.last:
                self._follow(view, partition, loaded)
            return loaded.rows

    @property
    def rows(self) -> int:
        """How many rows are kept, of all partitions and views."""
        return sum(one.size for one in list(self._loaded.values()))

    def _look(self) -> None:
        """Ask how far rows go, if anything was committed since."""
        version = self._catalogue.version()
        if version is not None and version == self._version:
            return
        state = feature_state(self._catalogue)
        if state.removals != self._state.removals:
            self._loaded.clear()  # what was erased must not stay in memory
        self._state, self._version = state, version

    def _follow(self, view: DocumentView, partition: Partition, loaded: _Loaded) -> None:
        last = self._state.last
        for stored in rows_after(self._catalogue, view.fingerprint, partition, loaded.last):
            row, name = row_of(view, stored), str(stored["id"])
            known = loaded.rows.get(name, ())
            loaded.rows[name] = _with(known, row)
            loaded.size += len(loaded.rows[name]) - len(known)
        loaded.last = last  # rows beyond it may be there already, and are read again
        while len(self._loaded) > 1 and self.rows > self._max_rows:
            self._loaded.popitem(last=False)


def _with(known: Recent, row: FeatureRow) -> Recent:
    """Rows with one more, without those that can count at no moment that is asked about from now on."""
    rows = sorted((*known, row), key=lambda one: one.precedence)  # stable: of equal ones, this one is the last
    settled = row.known_seconds - MARGIN_SECONDS
    first = max((place for place, one in enumerate(rows) if one.event_seconds <= settled), default=0)
    return tuple(rows[first:])


def _row_at(rows: Recent, at_seconds: float) -> FeatureRow | None:
    return next((row for row in reversed(rows) if row.event_seconds <= at_seconds), None)


def get_online(
    store: OnlineStore, features: Sequence[Feature], partition: Partition, ids: Sequence[str], at: datetime
) -> list[dict[str, FeatureValue]]:
    """The values of some features now, for each document of a partition in order; as ``get_historical`` gives them.

    Args:
        store: Where the newest rows are.
        features: As ``read_features`` gives them.
        partition: Whose documents.
        ids: All that are asked about, at once.
        at: The moment of now, aware: what is so only later does not count yet.
    """
    found: list[dict[str, FeatureValue]] = []
    at_seconds = at.timestamp()
    for reader in readers_of(features):
        recent = store.recent(reader.view, partition)
        values = []
        for document_id in ids:
            rows = recent.get(document_id, ())
            row = rows[-1] if rows else None
            if row is not None and row.event_seconds > at_seconds:  # seldom: the last is so only later
                row = _row_at(rows, at_seconds)
            values.append(reader.read(row, at_seconds))
        found = [{**one, **more} for one, more in zip(found, values, strict=True)] if found else values
    return found or [{} for _ in ids]
