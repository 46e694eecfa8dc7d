"""Replays over HTTP: a request is answered again by a release that is open in this process."""

from collections.abc import Collection
from dataclasses import asdict

from app.access.authentication import Caller
from app.schemas.ledger import LedgerHit
from app.schemas.replay import ReplayAnswer
from app.services.named_requests import named_ledger_id
from app.services.replay import NotReplayable, Replayer
from app.services.state import Services
from app.serving.release import ServingRelease
from app.serving.release_opening import ReleaseOpener
from app.serving.release_pool import ReleasePool
from indexing.errors import NotFound, NotReady, public_text
from indexing.ledger.readers import served_request
from indexing.releases.release import Release


class _OpenReleases(ReleaseOpener):
    """Gives out what is open already: a second copy of a model is no work for a process that serves."""

    def __init__(self, pool: ReleasePool) -> None:
        self._pool = pool

    def open(self, release: Release, distrusted: Collection[str] = ()) -> ServingRelease:
        for serving in self._pool.now().releases.values():
            if (serving.release.number, serving.release.snapshot) == (release.number, release.snapshot):
                return serving
        raise NotReady("It is not open in this process: run 'groundwork replay' on the host, which opens it.")


def replay_request(services: Services, caller: Caller, query_id: str) -> ReplayAnswer:
    """Answer a request of the caller's tenant again, for an operator one of any tenant.

    Raises:
        NotFound: there is no such request, or it is another tenant's, which a tenant's administrator cannot tell apart.
    """
    home = services.home
    ledger_id = named_ledger_id(services.records.query_ids, caller, query_id)
    row = None if ledger_id is None else served_request(home.ledger, ledger_id)
    if row is None or not (caller.is_operator or row.tenant == caller.tenant):
        raise NotFound(f"No request {query_id[:60]!r} in the ledger: check the id; old days are removed.")
    found = Replayer(home, opener=_OpenReleases(services.pool)).replay(row)
    if isinstance(found, NotReplayable):
        message = public_text(found.message, home.path)
        return ReplayAnswer(
            id=str(row.id),
            release=row.release,
            outcome=found.reason,
            message=message,
            differences=[],
            notes=[],
            hits=[],
        )
    return ReplayAnswer(
        id=str(row.id),
        release=row.release,
        outcome="identical" if found.is_identical else "different",
        message=None,
        differences=list(found.differences),
        notes=list(found.notes),
        hits=[LedgerHit(**asdict(hit)) for hit in found.hits],
    )
