"""Rows of the ledger for tests and benchmarks: whole ones, at a moment of choice."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.ledger.query_ids import LedgerIds
from indexing.ledger.feedback import FeedbackRow
from indexing.ledger.hashes import EVENT, QUERY, USER, keyed_hash
from indexing.ledger.ids import moment_of
from indexing.ledger.records import RequestRow, ServedHit

SECRET = b"a secret of tests, 32 bytes long"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""A Tuesday."""


def made_id(at_ms: int | None = None) -> UUID:
    """A new id, by default of now."""
    return (LedgerIds() if at_ms is None else LedgerIds(lambda: at_ms * 1_000_000)).new()


def made_hit(document_id: str = "a.md", score: float = 0.5, **changes: Any) -> ServedHit:
    """A hit whose legs have numbers of both widths."""
    return replace(ServedHit(document_id, 10, 250, score, 0.25, 7.123456789, None), **changes)


def made_row(number: int = 1, at: datetime = NOON, **changes: Any) -> RequestRow:
    """A whole row of a search; ``changes`` are fields of ``RequestRow``."""
    row = RequestRow(
        id=made_id(int(at.timestamp() * 1000)),
        process="process-1",
        number=number,
        kind="search",
        request_id=f"request-{number:06d}",
        tenant="acme",
        collection="default",
        user=keyed_hash(SECRET, USER, b"user-4711"),
        release="12.3",
        rollout=None,
        arm="live",
        reason="live",
        unit=None,
        mode="hybrid",
        k=10,
        grouped=False,
        query_hash=keyed_hash(SECRET, QUERY, b"how do I reset my password"),
        query=None,
        filters=None,
        principals=None,
        query_features={"characters": 26, "terms": 6, "language": "en", "unknown_share": 0.0},
        is_reranked=False,
        seq=77,
        view=0,
        hits=(made_hit(), made_hit("b.md", 0.125)),
        timings_ms={"encode": 2.5, "total": 4.75},
        status=200,
        error=None,
        warnings=(),
    )
    return replace(row, **changes)


def made_feedback(row: RequestRow, action: str = "click", event: str = "event-1", **changes: Any) -> FeedbackRow:
    """Feedback about a row, by its user, three seconds after it; ``changes`` are fields of ``FeedbackRow``."""
    at = moment_of(row.id) + timedelta(seconds=3)
    made = FeedbackRow(
        id=keyed_hash(SECRET, EVENT, event.encode()),
        query_id=row.id,
        at=at,
        received_at=at + timedelta(seconds=1),
        tenant=row.tenant,
        action=action,
        user=row.user,
    )
    return replace(made, **changes)
