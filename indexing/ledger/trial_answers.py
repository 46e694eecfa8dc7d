"""What quality guards read of a rollout: each answer's arm, unit and best score, and its shadows."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.hit_packing import unpack_hits
from indexing.ledger.interleaving import best_of_candidate, guarded_arm, hits_of_candidate
from indexing.ledger.store import LedgerStore

MOST_ANSWERS = 50_000
"""Answers of a window that are read; of more, a half, a quarter ... of all. Source: our choice, some two seconds."""
MOST_HALVINGS = 8
"""Of a window with more than 256 times as many answers no smaller part is read. Source: one byte of an id decides."""
_KEPT = "kind IN ('search', 'context') AND is_whole = 1 AND status < 500"
"""Answers with hits, failures left out."""


@dataclass(frozen=True, slots=True)
class TrialAnswer:
    """One answer of a rollout: ``best_dense`` is the highest raw score of the dense leg, ``None`` without one.

    An interleaved answer counts as one of the candidate, with what the candidate found by itself; one to which the
    candidate brought nothing, since it failed, was late or was not asked, is no answer of either.
    """

    id: UUID
    arm: str
    unit: bytes | None
    hit_count: int
    best_dense: float | None


@dataclass(frozen=True, slots=True)
class TrialAnswers:
    """The answers of a window by id, or of many a part that the ids' random bits choose: one in ``2 ** halvings``."""

    answers: Sequence[TrialAnswer]
    halvings: int = 0


def trial_answers(
    ledger: LedgerStore,
    rollout: int,
    since: datetime,
    until: datetime,
    *,
    most: int = MOST_ANSWERS,
    on_fault: OnFault = log_fault,
) -> TrialAnswers:
    """The answers of a rollout from ``since`` up to and without ``until``, halved until some ``most`` are left.

    What is read of a window is also read of the same window once it has grown, until it is halved again.
    """
    period = Period(since, until)
    counted = f"SELECT count(*) FROM requests WHERE rollout = ? AND {_KEPT} AND id >= ? AND id < ?"
    found = query_days(ledger, period, counted, [rollout, *period.ids], has_ids=False, on_fault=on_fault)
    count = sum(int(cells[0]) for _, cells in found)
    halvings = min(max(0, math.ceil(math.log2(max(count, 1) / most))), MOST_HALVINGS)
    below = f"{256 >> halvings:02X}" if halvings else "~"  # the last byte of an id as two digits, which are below "~"
    sql = (
        "SELECT id, arm, unit_hash, hit_count, hits, CASE WHEN arm = 'interleaved' THEN comparison END FROM requests"
        f" WHERE rollout = ? AND {_KEPT}"
        " AND id >= ? AND id < ? AND substr(hex(id), 31, 2) < ? ORDER BY id"
    )
    answers: list[TrialAnswer] = []
    for day, cells in query_days(ledger, period, sql, [rollout, *period.ids, below], on_fault=on_fault):
        try:
            answers += _answer(cells)
        except ArtefactCorrupt as error:
            on_fault(DayFault(day, str(error)))
    return TrialAnswers(answers, halvings)


def _answer(cells: Cells) -> list[TrialAnswer]:
    """The answer, or none where the release in service answered alone what was to be interleaved."""
    row_id, arm, unit, hit_count, hits, comparison = cells
    named = UUID(bytes=bytes(row_id)), guarded_arm(arm), None if unit is None else bytes(unit)
    if comparison is not None:
        own = json.loads(comparison)
        found = hits_of_candidate(own)
        return [] if found is None else [TrialAnswer(*named, found, best_of_candidate(own))]
    best = max((hit.dense for hit in unpack_hits(hits) if hit.dense is not None), default=None)
    return [TrialAnswer(*named, int(hit_count), best)]


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
