"""The rows of drift watches: what repeated looks at one part of the traffic have seen together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from indexing.catalogue.database import Database


@dataclass(frozen=True, slots=True)
class DriftWatch:
    """One watched part of the traffic.

    ``reference_at`` is from when on it is compared with what was before, ``looked_until`` up to when it was looked at,
    both UTC, ISO 8601; ``evidence`` is each signal's against "nothing changed", ``looks`` how many looks made it.
    """

    scope: str
    tenant: str | None
    reference_at: str
    looked_until: str
    looks: int
    evidence: Mapping[str, float]


def read_watch(database: Database, scope: str) -> DriftWatch | None:
    """The watch of a scope, or ``None`` before its first look."""
    row = database.row("SELECT * FROM drift_watches WHERE scope = ?", (scope,))
    return None if row is None else DriftWatch(**{**row, "evidence": json.loads(row["evidence"])})


def put_watch(database: Database, watch: DriftWatch) -> None:
    """Keep what a watch has seen; what it had seen before is in it."""
    with database.write() as db:
        sql = (
            "INSERT OR REPLACE INTO drift_watches (scope, tenant, reference_at, looked_until, looks, evidence)"
            " VALUES (?, ?, ?, ?, ?, ?)"
        )
        cells = (watch.scope, watch.tenant, watch.reference_at, watch.looked_until, watch.looks)
        db.conn.execute(sql, (*cells, json.dumps(dict(watch.evidence), allow_nan=False)))
