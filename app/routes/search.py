"""The search route."""

import logging
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Response

from app.deps import Services, authorization_of, services_of
from app.schemas import Problem, SearchAnswer, SearchBody, answer_of
from app.tenancy import tenant_of
from indexing.errors import NotFound
from indexing.records import Partition
from indexing.telemetry import request_id

logger = logging.getLogger(__name__)
router = APIRouter(tags=["search"])

_PROBLEMS = {
    401: "No valid API key.",
    404: "The tenant has no such collection.",
    422: "The request is malformed.",
    503: "Too busy or not ready; come back after `Retry-After` seconds.",
}


@router.post(
    "/v1/search",
    summary="Search a collection",
    responses={status: {"model": Problem, "description": text} for status, text in _PROBLEMS.items()},
)
async def search(
    body: SearchBody,
    response: Response,
    services: Annotated[Services, Depends(services_of)],
    authorization: Annotated[str | None, Depends(authorization_of)],
) -> SearchAnswer:
    """Find the passages that answer a query, best first, one a document unless asked otherwise.

    The answer names the release and the snapshot that served it, and how long each stage took.
    """
    tenant = tenant_of(services.home.catalogue, authorization)
    with services.door():
        answer = await to_thread.run_sync(_search, services, tenant, body, limiter=services.threads)
    response.headers["x-release-id"] = answer.release
    response.headers["x-snapshot-id"] = answer.snapshot
    return answer


def _search(services: Services, tenant: str, body: SearchBody) -> SearchAnswer:
    """Everything that takes time, in one thread."""
    serving = services.pool.current()
    partition = Partition(tenant, body.collection)
    if serving.snapshot.view(partition) is None and body.collection not in services.home.catalogue.collections(tenant):
        raise NotFound(f"No collection {body.collection!r}. Ingest documents into it first, or check the name.")
    result = services.retriever.search(
        serving, partition, body.query, k=body.k, mode=body.mode, group_by_document=body.group_by_document
    )
    release = serving.release.number
    for stage, milliseconds in result.timings_ms.items():
        services.metrics.stages.labels(stage, release).observe(milliseconds / 1000.0)
    fields = {"release": release, "mode": body.mode, "hits": len(result.hits), "timings_ms": result.timings_ms}
    if services.home.settings.log_queries:
        fields["query"] = body.query
    logger.info("search.answered", extra={"fields": fields})
    return answer_of(result, release, serving.snapshot.id, request_id.get())
