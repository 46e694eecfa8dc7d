"""What quality guards read of a rollout: each answer's arm, unit and best score, and its shadows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_sources import DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.hit_packing import unpack_hits
from indexing.ledger.store import LedgerStore

MOST_ANSWERS = 50_000
"""Answers of a window that are read, the first ones, so that a window that grows keeps its beginning. Source: our
choice; reading them takes some two seconds, and what they do not show is small."""


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """One answer of a rollout: ``best_dense`` is the highest raw score of the dense leg, ``None`` without one."""

    id: UUID
    arm: str
    unit: bytes | None
    hit_count: int
    best_dense: float | None


def trial_answers(
    ledger: LedgerStore,
    rollout: int,
    since: datetime,
    until: datetime,
    *,
    limit: int = MOST_ANSWERS,
    on_fault: OnFault = log_fault,
) -> list[TrialAnswer]:
    """The first ``limit`` answers of a rollout from ``since`` up to and without ``until``, by id, failures left out."""
    period = Period(since, until)
    sql = (
        "SELECT id, arm, unit_hash, hit_count, hits FROM requests WHERE rollout = ? AND kind IN ('search', 'context')"
        " AND is_whole = 1 AND status < 500 AND id >= ? AND id < ? ORDER BY id LIMIT ?"
    )
    found = query_days(ledger, period, sql, [rollout, *period.ids, limit], on_fault=on_fault)
    answers = []
    for day, (row_id, arm, unit, hit_count, hits) in islice(found, limit):
        try:
            scores = [hit.dense for hit in unpack_hits(hits) if hit.dense is not None]
        except ArtefactCorrupt as error:
            on_fault(DayFault(day, str(error)))
            continue
        best = max(scores, default=None)
        answers.append(
            TrialAnswer(UUID(bytes=bytes(row_id)), arm, None if unit is None else bytes(unit), int(hit_count), best)
        )
    return answers


def shadow_overlaps(
    ledger: LedgerStore,
    rollout: int,
    since: datetime,
    until: datetime,
    *,
    limit: int = MOST_ANSWERS,
    on_fault: OnFault = log_fault,
) -> Sequence[float]:
    """How many of the hits each shadowed answer shares with the one that was given, in [0, 1], by id."""
    period = Period(since, until)
    sql = (
        "SELECT id, comparison FROM requests WHERE rollout = ? AND kind = 'shadow' AND comparison IS NOT NULL"
        " AND id >= ? AND id < ? ORDER BY id LIMIT ?"
    )
    found = query_days(ledger, period, sql, [rollout, *period.ids, limit], on_fault=on_fault)
    compared = (json.loads(cells[1]) for _, cells in islice(found, limit))
    return [float(one["overlap"]) for one in compared if "overlap" in one]
