"""Batches of searches: admitted once, a few at a time, each answered by itself."""

import logging
from collections.abc import Sequence
from functools import partial

from anyio import CapacityLimiter, create_task_group

from app.access.authentication import Caller
from app.access.deadline import Deadline
from app.schemas.search import SearchBody
from app.services.search import search
from app.services.search_answers import search_answer
from app.services.search_executor import Client
from app.services.state import Services
from app.services.told_errors import tell
from indexing.errors import GroundworkError
from indexing.records import Json
from indexing.telemetry import annotate

logger = logging.getLogger(__name__)
_UNFORESEEN = "The search failed in a way that was not foreseen; the server's log has the reason under this request id."


async def search_batch(
    services: Services, client: Client, caller: Caller, bodies: Sequence[SearchBody], deadline: Deadline
) -> list[dict[str, Json]]:
    """Search as each body asks, within one deadline; what one cannot be answered keeps no other from its answer.

    The batch counts as one search in progress, and as many of it run at once as there are encoder sessions, half of
    what this process runs: so texts are encoded beside each other, and searches of others come between.

    Returns:
        For each its ``status`` and ``answer``, or its ``error`` and ``message``, in the order of the bodies.

    Raises:
        Overloaded: too many searches are in progress.
    """
    answers: list[dict[str, Json]] = [{} for _ in bodies]
    limiter = CapacityLimiter(services.home.settings.sessions)

    async def answer_one(place: int, body: SearchBody) -> None:
        async with limiter:
            answers[place] = await _answered(services, client, caller, body, deadline)

    with services.searches.take():
        async with create_task_group() as group:
            for place, body in enumerate(bodies):
                group.start_soon(answer_one, place, body)
    annotate(searches=len(bodies))
    return answers


async def _answered(
    services: Services, client: Client, caller: Caller, body: SearchBody, deadline: Deadline
) -> dict[str, Json]:
    release = ""
    try:
        answer = await search(
            services, client, caller, body, deadline, partial(search_answer, body=body), is_admitted=True
        )
        release = str(answer["release"])
        said: dict[str, Json] = {"status": 200, "answer": answer}
    except Exception as error:
        said = _refused(services, error)
    services.metrics.count(said["status"], release)
    return said


def _refused(services: Services, error: Exception) -> dict[str, Json]:
    """What is told of an error, as if the search had been asked alone."""
    status, name = services.records.outcome_of(error)
    if not isinstance(error, GroundworkError):
        logger.error("request.failed", exc_info=error)
        return {"status": status, "error": name, "message": _UNFORESEEN}
    return {"status": status, "error": name, "message": tell(services, error, status)}
