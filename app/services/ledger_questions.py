"""What the ledger says to those who may ask: operators of all tenants, administrators of their own."""

from datetime import datetime

from app.access.authentication import Caller
from app.ledger.query_ids import QueryIds
from app.schemas.ledger import (
    LedgerRequest,
    LedgerRequestsAnswer,
    ModelAnswersAnswer,
    ReleaseDayAnswer,
    ReleaseShare,
    ServedAnswer,
    UnreadDay,
)
from app.services.named_requests import named_ledger_id
from indexing.errors import LedgerUnavailable, NotFound, public_text
from indexing.home import Home
from indexing.ledger.day_sources import DayFault
from indexing.ledger.feedback_readers import feedback_about
from indexing.ledger.readers import (
    requests_named,
    served_request,
    served_tenant,
)
from indexing.ledger.records import RequestRow
from indexing.ledger.row_json import feedback_json, row_json
from indexing.ledger.store import LedgerStore
from indexing.releases.lineage_answers import answers_of_model


def requests_by_id(
    home: Home, query_ids: QueryIds, caller: Caller, name: str, since: datetime | None, until: datetime | None
) -> LedgerRequestsAnswer:
    """The requests that ``name`` names: a query id, a ledger id, or a caller's own request id within a period.

    A query id that is not the tenant's may still be a caller's own request id, which looks alike: 32 digits of a UUID.

    Raises:
        NotFound: there is none, or it is another tenant's, which a tenant's administrator cannot tell apart.
        LedgerUnavailable: none was found, and days could not be read.
    """
    ledger = home.ledger
    faults: list[DayFault] = []
    ledger_id = named_ledger_id(query_ids, caller, name)
    row = None if ledger_id is None else served_request(ledger, ledger_id, on_fault=faults.append)
    if row is not None:
        found = [row]
    else:
        tenant = None if caller.is_operator else caller.tenant
        found = requests_named(ledger, name, since, until, tenant=tenant, on_fault=faults.append)
    found = [row for row in found if caller.is_operator or row.tenant == caller.tenant]
    if not found:
        unreadable = [f"{fault.day}: {fault.reason}" for fault in faults if not fault.is_missing]
        if unreadable:
            raise LedgerUnavailable(f"No request {name[:60]!r} in the days that can be read. {' '.join(unreadable)}")
        raise NotFound(f"No request {name[:60]!r} in the ledger: check the id; old days are removed.")
    return LedgerRequestsAnswer(requests=[_with_feedback(ledger, row) for row in found], unread=_unread(faults, home))


def served(home: Home, tenant: str, since: datetime | None, until: datetime | None, limit: int) -> ServedAnswer:
    """What served a tenant from ``since`` up to and without ``until``, with its newest ``limit`` requests."""
    found = served_tenant(home.ledger, tenant, since, until, limit)
    return ServedAnswer(
        tenant=tenant,
        answers=found.answers,
        shares=[
            ReleaseShare(release=one.release, arm=one.arm, requests=one.requests, share=one.share)
            for one in found.shares
        ],
        newest=[_request(row) for row in found.newest],
        unread=_unread(found.faults, home),
    )


def answered_by_model(
    home: Home, model: str, since: datetime | None, until: datetime | None, limit: int
) -> ModelAnswersAnswer:
    """What a model version answered; errors as ``answers_of_model``."""
    found = answers_of_model(home, model, since, until, limit)
    return ModelAnswersAnswer(
        model=found.model,
        recipes=found.recipes,
        answers=found.answers,
        shadows=found.shadows,
        by_day=[
            ReleaseDayAnswer(day=str(one.day), release=one.release, kind=one.kind, requests=one.requests)
            for one in found.days
        ],
        newest=[_request(row) for row in found.newest],
        unread=_unread(found.faults, home),
    )


def _with_feedback(ledger: LedgerStore, row: RequestRow) -> LedgerRequest:
    # A day that cannot be read was told when its row was looked for.
    about = feedback_about(ledger, row.id, on_fault=lambda fault: None)
    return LedgerRequest.model_validate({**row_json(row), "feedback": [feedback_json(one) for one in about]})


def _request(row: RequestRow) -> LedgerRequest:
    # What the wire has no field for, such as sequence numbers, is the installation's own and stays here.
    return LedgerRequest.model_validate(row_json(row))


def _unread(faults: list[DayFault], home: Home) -> list[UnreadDay]:
    return [UnreadDay(day=str(fault.day), reason=public_text(fault.reason, home.path)) for fault in faults]
