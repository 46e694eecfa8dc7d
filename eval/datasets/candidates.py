"""Candidates for judging: what feedback, drift or a comparison proposes, until a person accepts or rejects it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from eval.datasets.curation import add_judgments
from eval.datasets.frequency import frequency_in_ledger
from eval.datasets.set_changes import SetChange, partition_of, require_set
from indexing.catalogue.database import Row, utc_now
from indexing.catalogue.judgment_candidates import (
    ACCEPTED,
    OPEN,
    REJECTED,
    candidate_row,
    candidate_rows,
    decide,
    propose,
)
from indexing.errors import AlreadyExists, InvalidInput, NotFound
from indexing.home import Home
from indexing.records import Json, Partition, moment_text

STATES = (OPEN, ACCEPTED, REJECTED)
"""How a candidate stands."""
LIMIT = 100
"""Candidates that are listed unless asked otherwise. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A query that should be judged, and mostly the document to judge for it; it says nothing of the answer.

    Only texts that the tenant lets be kept may be proposed: those in the ledger's rows are, where they are there.
    """

    partition: Partition
    query: str
    source: str
    """What proposes it: ``feedback``, ``drift``, ``comparison``."""
    document_id: str | None = None
    """``None`` for whichever document the person finds."""
    evidence: Mapping[str, Json] = field(default_factory=dict)
    """Why, for the person who judges: clicks, ratings, ranks; no texts."""
    user_hash: str | None = None
    """Whose request it was, by the ledger's hash, so that an erasure of the user reaches it."""
    also_asked_by: frozenset[str | None] = frozenset()
    """Others who asked the same, ``None`` for those without a user: it stays while any of them does."""
    asked_at: datetime | None = None
    """When it was last asked, UTC; ``None`` where it is no request of the ledger's, as a query of a set."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored proposal: how often it was made, and what was decided of it."""

    id: int
    partition: Partition
    query: str
    document_id: str | None
    source: str
    evidence: Mapping[str, Json]
    times: int
    proposed_at: str
    state: str
    decided_at: str | None
    decided_by: str | None
    reason: str | None


def propose_candidates(home: Home, proposals: Iterable[Proposal]) -> int:
    """Store candidates for judging; gives how many are new.

    One for the same query and document is counted once more, unless it was not asked since; one that was rejected stays
    so.

    Raises:
        InvalidInput: a query is blank.
    """
    at = utc_now()
    rows: list[Mapping[str, Json]] = []
    for one in proposals:
        query = " ".join(one.query.split())
        if not query:
            raise InvalidInput(f"A candidate from {one.source!r} has the query {one.query!r}; expected a text.")
        rows.append(
            {
                **{"tenant": one.partition.tenant, "collection": one.partition.collection},
                **{"query": query, "document": one.document_id or "", "source": one.source},
                "evidence": json.dumps(dict(one.evidence), sort_keys=True, ensure_ascii=False),
                "askers": sorted({one.user_hash, *one.also_asked_by}, key=lambda user: user or ""),
                **{"proposed_at": at, "asked_at": None if one.asked_at is None else moment_text(one.asked_at)},
            }
        )
    return propose(home.catalogue, rows)


def list_candidates(
    home: Home, *, state: str = OPEN, partition: Partition | None = None, limit: int = LIMIT
) -> Sequence[Candidate]:
    """Candidates in a state, those that were proposed most often first.

    Raises:
        InvalidInput: there is no such state.
    """
    if state not in STATES:
        raise InvalidInput(f"state {state!r} of candidates; expected one of: {', '.join(STATES)}")
    return [_candidate(row) for row in candidate_rows(home.catalogue, state=state, partition=partition, limit=limit)]


def accept_candidate(
    home: Home,
    number: int,
    name: str,
    grade: int,
    *,
    actor: str,
    document_id: str | None = None,
    reason: str = "",
) -> SetChange:
    """Make a judgment of a candidate: its query and document join a set with the grade that the person gives.

    Args:
        home: Where.
        number: Which candidate.
        name: Into which set; it must be about the same documents.
        grade: How well the document answers; 0 where it does not.
        actor: Who judges.
        document_id: The document, where the candidate names none or another answers.
        reason: Why; by default which candidate it was.

    Raises:
        NotFound: there is no such candidate, set or document.
        AlreadyExists: it was decided before.
        InvalidInput: no document is named, or the set is about others.
    """
    partition = partition_of(require_set(home, name))
    frequency = frequency_in_ledger(home, partition.tenant)
    with home.catalogue.write():
        row = _open_row(home, number)
        if partition != (about := Partition(row["tenant"], row["collection"])):
            raise InvalidInput(
                f"Candidate {number} is about {about}, and set {name!r} about {partition}: name a set of the same"
                " collection."
            )
        document = document_id or row["document"]
        if not document:
            raise InvalidInput(f"Candidate {number} names no document: say which one is judged.")
        told = reason or f"candidate {number}, from {row['source']}"
        change = add_judgments(
            home,
            name,
            row["query"],
            {document: grade},
            actor=actor,
            reason=told,
            origin=row["source"],
            user_hash=row["user_hash"],
            frequency=frequency,
        )
        decide(home.catalogue, number, state=ACCEPTED, actor=actor, reason=told, at=utc_now())
        return change


def reject_candidate(home: Home, number: int, *, actor: str, reason: str) -> None:
    """Decide that a candidate is not worth a judgment; it is not proposed again.

    Raises:
        NotFound: there is no such candidate.
        AlreadyExists: it was decided before.
        InvalidInput: the reason is blank.
    """
    if not reason.strip():
        raise InvalidInput(f"Candidate {number} is rejected without a reason: say why it is not judged.")
    with home.catalogue.write():
        _open_row(home, number)
        decide(home.catalogue, number, state=REJECTED, actor=actor, reason=reason, at=utc_now())


def _open_row(home: Home, number: int) -> Row:
    row = candidate_row(home.catalogue, number)
    if row is None:
        raise NotFound(f"No candidate {number}: 'groundwork eval sets candidates' lists those there are.")
    if row["state"] != OPEN:
        raise AlreadyExists(f"Candidate {number} was {row['state']} by {row['decided_by']} at {row['decided_at']}.")
    return row


def _candidate(row: Row) -> Candidate:
    return Candidate(
        id=row["id"],
        partition=Partition(row["tenant"], row["collection"]),
        query=row["query"],
        document_id=row["document"] or None,
        source=row["source"],
        evidence=json.loads(row["evidence"]),
        times=row["times"],
        proposed_at=row["proposed_at"],
        state=row["state"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        reason=row["reason"],
    )
