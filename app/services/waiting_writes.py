"""What waits for a build, and whether a builder runs, as answers, lists and metrics tell it."""

import logging
import math
from collections.abc import Callable

from app.access.authentication import Caller
from app.schemas.build_requests import BuilderAnswer, BuildRequestAnswer, BuildRequestsAnswer
from app.services.state import Services
from indexing.catalogue.build_requests import open_requests
from indexing.catalogue.builder_heartbeat import builder_seen, is_builder_running
from indexing.errors import GroundworkError, NotFound

logger = logging.getLogger(__name__)
NO_BUILDER = (
    "No builder was seen lately: what waits for a build is found only after one runs. Have the operator start"
    " 'groundwork builder', or run 'groundwork build'."
)


def warnings_about_builder(services: Services) -> list[str]:
    """What to say with a write that waits for a build: nothing while a builder runs."""
    return [] if is_builder_running(services.home.catalogue, services.now()) else [NO_BUILDER]


def list_build_requests(
    services: Services, caller: Caller, *, tenant: str | None, after: int, limit: int
) -> BuildRequestsAnswer:
    """The open requests that concern a caller: those of its own tenant's writes, for an operator those of all.

    Raises:
        NotFound: ``tenant`` is another's, and the caller is no operator.
    """
    if not caller.is_operator and tenant not in (None, caller.tenant):
        raise NotFound(f"No tenant {tenant!r}: leave it out, or check the name.")
    of = tenant if caller.is_operator else caller.tenant
    catalogue = services.home.catalogue
    found = open_requests(catalogue, tenant=of, after=after, limit=limit + 1)
    return BuildRequestsAnswer(
        requests=[
            BuildRequestAnswer(id=one.id, reason=one.reason, tenant=one.tenant, created_at=one.created_at)
            for one in found[:limit]
        ],
        next=found[limit - 1].id if len(found) > limit else None,
        documents_waiting=services.live.count_waiting(of),
        builder=builder_answer(services),
    )


def builder_answer(services: Services) -> BuilderAnswer:
    """Whether a builder runs, as it goes over the wire."""
    seen = builder_seen(services.home.catalogue)
    is_running = seen is not None and seen.is_running(services.now())
    return BuilderAnswer(state="running" if is_running else "none seen", seen_at=None if seen is None else seen.seen_at)


def counted(count: Callable[[], int]) -> float:
    """What ``count`` gives, as a metric; NaN, which Prometheus knows, while the catalogue cannot be read."""
    try:
        return count()
    except GroundworkError as error:
        logger.warning("metrics.not_counted", extra={"fields": {"reason": str(error)}})
        return math.nan
