"""How stale the index is: a reading, since it grows by itself and has no level that chance alone would explain."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.drift.windows import Sample, Scope
from indexing.catalogue.staleness import changed_since, updated_moments
from indexing.home import Home
from indexing.ledger.ids import moment_of
from indexing.records import Partition
from indexing.releases.release import Release

_DAY_SECONDS = 86_400.0
"""Of UTC as computers count it."""
STALE_SHARE = 0.2
"""Of the documents: where more changed since the snapshot, the corpus has moved away from it. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """Of a release, over a window: ``changed`` documents since its snapshot, of ``documents``, and ``deleted`` ones.

    ``live_share`` is the share of hits that no snapshot held yet; ``hit_age_days`` the median age of the documents of
    hits, as they are now. ``None`` where the window has no hits.
    """

    release: str
    documents: int
    changed: int
    deleted: int
    live_share: float | None
    hit_age_days: float | None

    @property
    def changed_share(self) -> float:
        """How many of the documents changed since the snapshot or are gone, 0 to 1."""
        total = self.documents + self.deleted
        return (self.changed + self.deleted) / total if total else 0.0

    @property
    def is_stale(self) -> bool:
        """Whether so many did that the index answers about another corpus."""
        return self.changed_share > STALE_SHARE


def read_staleness(home: Home, scope: Scope, release: Release, window: Sample) -> Staleness:
    """How far a release lags behind the documents, and what a window's answers saw of that."""
    changed = changed_since(home.catalogue, release.seq, tenant=scope.tenant, collection=scope.collection)
    answered = [row for row in window.rows if row.hits]
    shares = [float(row.query_features.get("live_share", 0.0)) * len(row.hits) for row in answered]
    hits = sum(len(row.hits) for row in answered)
    ages = _ages_days(home, window)
    return Staleness(
        release.number,
        changed.documents,
        changed.written,
        changed.deleted,
        sum(shares) / hits if hits else None,
        statistics.median(ages) if ages else None,
    )


def _ages_days(home: Home, window: Sample) -> Sequence[float]:
    """How old each hit's document was when it answered; one that was written since counts as new."""
    names: dict[Partition, set[str]] = {}
    for row in window.rows:
        names.setdefault(Partition(row.tenant, row.collection), set()).update(hit.document_id for hit in row.hits)
    updated = {partition: updated_moments(home.catalogue, partition, ids) for partition, ids in names.items()}
    found = []
    for row in window.rows:
        known, asked_at = updated[Partition(row.tenant, row.collection)], moment_of(row.id)
        for hit in row.hits:
            if hit.document_id in known:
                age = asked_at - datetime.fromisoformat(known[hit.document_id])
                found.append(max(0.0, age.total_seconds() / _DAY_SECONDS))
    return found
