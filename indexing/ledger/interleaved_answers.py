"""Reading interleaved answers: how many there were, and what their users preferred, by what they chose of each."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_sources import Cells, DayFault, OnFault, Period, log_fault, query_days
from indexing.ledger.feedback import POSITIVE
from indexing.ledger.feedback_readers import feedback_of
from indexing.ledger.hit_packing import unpack_hits
from indexing.ledger.interleaving import CANDIDATE, LIVE, OUTCOME, SLOTS, Preferences, Vote, vote_of
from indexing.ledger.row_columns import Value, hash_text
from indexing.ledger.store import LedgerStore


@dataclass(frozen=True, slots=True)
class InterleavedAnswer:
    """One answer of an interleaving, with what its user chose of it.

    ``slots`` says whose each hit was (``indexing.ledger.interleaving``), and is empty where the release in service
    answered alone, which ``outcome`` says. ``lacks_hits`` where some were erased, or none kept. ``vote`` is ``None``
    then, and where nothing of the answer was chosen.
    """

    id: UUID
    tenant: str
    collection: str
    unit: str | None
    outcome: str
    slots: str
    lacks_hits: bool
    vote: Vote | None

    @property
    def competitive(self) -> int:
        """At how many ranks the lists differed."""
        return self.slots.count(LIVE) + self.slots.count(CANDIDATE)


def count_interleaved(
    ledger: LedgerStore, rollout: int, since: datetime, until: datetime, *, on_fault: OnFault = log_fault
) -> int:
    """How many answers from ``since`` up to and without ``until`` held hits of both recipes of a rollout."""
    period = Period(since, until)
    sql = (
        "SELECT count(*) FROM requests WHERE rollout = ? AND arm = 'interleaved' AND comparison LIKE ? AND status < 400"
        " AND id >= ? AND id < ?"
    )
    parameters: list[Value] = [rollout, f'%"{SLOTS}"%', *period.ids]
    found = query_days(ledger, period, sql, parameters, has_ids=False, on_fault=on_fault)
    return sum(int(cells[0]) for _, cells in found)


def interleaved_answers(
    ledger: LedgerStore,
    rollout: int,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_fault: OnFault = log_fault,
) -> Iterator[InterleavedAnswer]:
    """The interleaved answers of a rollout, in the order of their ids, with all feedback about them that is there.

    A click, a copy, a citation or "this hit answered it" chooses a document.
    """
    period = Period(since, until)
    sql = (
        "SELECT id, tenant, collection, unit_hash, comparison, hits FROM requests WHERE rollout = ?"
        " AND arm = 'interleaved' AND comparison IS NOT NULL AND status < 400 AND id >= ? AND id < ? ORDER BY id"
    )
    feedback = feedback_of(ledger, None, since, until, on_fault=on_fault)
    waiting = next(feedback, None)
    for day, cells in query_days(ledger, period, sql, [rollout, *period.ids], on_fault=on_fault):
        row_id = bytes(cells[0])
        chosen: dict[str, list[int | None]] = defaultdict(list)
        while waiting is not None and waiting.query_id.bytes <= row_id:
            is_choice = waiting.query_id.bytes == row_id and waiting.action in POSITIVE
            if is_choice and waiting.document_id is not None:
                chosen[waiting.document_id].append(waiting.position)
            waiting = next(feedback, None)
        try:
            answer = _answer(cells, chosen)
        except (ArtefactCorrupt, ValueError) as error:
            on_fault(DayFault(day, str(error)))
        else:
            yield answer


def _answer(cells: Cells, chosen: dict[str, list[int | None]]) -> InterleavedAnswer:
    row_id, tenant, collection, unit, comparison, hits = cells
    kept = json.loads(comparison)
    slots = str(kept.get(SLOTS, ""))
    documents = [hit.document_id for hit in unpack_hits(hits)] if slots else []
    lacks_hits = len(documents) != len(slots)
    vote = vote_of(documents, slots, chosen) if slots and chosen and not lacks_hits else None
    return InterleavedAnswer(
        *(UUID(bytes=bytes(row_id)), tenant, collection, hash_text(unit)),
        *(str(kept[OUTCOME]), slots, lacks_hits, vote),
    )


def preferences(
    ledger: LedgerStore,
    rollout: int,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    on_fault: OnFault = log_fault,
) -> Preferences:
    """What the units of a rollout preferred of their interleaved answers; answers outside a share are no votes."""
    return preferences_of(interleaved_answers(ledger, rollout, since, until, on_fault=on_fault))


def preferences_of(answers: Iterator[InterleavedAnswer]) -> Preferences:
    """What units preferred: each the list that won more of the answers to it."""
    units: dict[str, int] = {}
    mixed = voted = left_out = 0
    alone: Counter[str] = Counter()
    for answer in answers:
        if not answer.slots:
            alone[answer.outcome] += 1
            continue
        mixed += 1
        if answer.lacks_hits or answer.unit is None:
            left_out += 1
        elif answer.vote is not None and answer.vote != Vote(0, 0):
            voted += 1
            units[answer.unit] = units.get(answer.unit, 0) + answer.vote.preference
    signs = {unit: (won > 0) - (won < 0) for unit, won in units.items()}
    return Preferences(signs, mixed, voted, left_out, dict(alone))
