"""Taking feedback: whose query it is about is told by the query id alone, and what is kept by the tenant's policy."""

from datetime import datetime, timedelta
from uuid import UUID

from app.access.authentication import Caller
from app.schemas.feedback import FeedbackAnswer, FeedbackEvent
from app.services.state import Services
from indexing.errors import InvalidInput, NotFound
from indexing.ledger.feedback import FeedbackRow
from indexing.ledger.ids import day_of, moment_of
from indexing.records import canonical_json
from indexing.telemetry import request_id


def take_feedback(services: Services, caller: Caller, event: FeedbackEvent) -> FeedbackAnswer:
    """Hand feedback over to be written; nothing is looked up, so the query's own row may come later.

    Raises:
        InvalidInput: the query id was not given to this tenant, or the event lacks what its action needs.
        NotFound: the query is older than the ledger keeps.
        Overloaded: too much feedback waits to be written.
    """
    query_id = services.records.query_ids.read(caller.tenant, event.query_id)
    if event.lacking:
        raise InvalidInput(f"The action {event.action_name!r} needs {' and '.join(event.lacking)}: give it, too.")
    now = datetime.fromisoformat(services.now())
    days = services.home.settings.ledger_days
    if day_of(query_id) <= now.date() - timedelta(days=days):
        raise NotFound(
            f"query_id {event.query_id!r} is older than the {days} days that the ledger keeps: feedback about it comes"
            " too late."
        )
    row = _row(services, caller, event, query_id, now)
    services.feedback.record(row)
    if services.traced is not None:
        services.traced.judged(row, event.query_id)
    return FeedbackAnswer(
        query_id=event.query_id,
        event=row.id,
        action=row.action,
        has_comment=row.comment is not None,
        request_id=request_id.get(),
    )


def _row(services: Services, caller: Caller, event: FeedbackEvent, query_id: UUID, now: datetime) -> FeedbackRow:
    policy, given = services.records.policy, event.attributes
    keeps_text = policy.is_whole and policy.may_keep_text and caller.log_queries
    document_id = None if given.object is None else str(given.object.object_id)
    position = None if given.position is None else given.position.ordinal
    value = {"rate": given.rating, "dwell": given.dwell_ms}.get(event.action)
    user = event.user_id or event.client_id or None
    happened = [event.action, event.timestamp.isoformat(), document_id, position, value, event.message, user]
    own_id = canonical_json(happened).decode() if event.event_id is None else event.event_id
    return FeedbackRow(
        id=policy.event_hash(own_id),
        query_id=query_id,
        at=min(max(event.timestamp, moment_of(query_id)), now),
        received_at=now,
        tenant=caller.tenant,
        action=event.action,
        document_id=document_id if policy.is_whole else None,
        position=position if policy.is_whole else None,
        value=value,
        comment=event.message if keeps_text and (event.message or "").strip() else None,
        user=policy.user_hash(user),
    )
