"""The context route: a search whose hits come as one block for a prompt."""

from fastapi import APIRouter, Request, Response

from app.access.deadline import Deadline
from app.retrieval.prompt_context import assemble
from app.schemas.context import ContextAnswer, ContextBody, citations_of, left_out_of
from app.schemas.problems import SEARCH_PROBLEMS
from app.services.request_records import CONTEXT
from app.services.search import Found, search
from app.services.state import Services
from app.web.dependencies import DeadlineDep, Searcher, services_of
from app.web.fast_routes import FastRoute
from app.web.responses import served_by
from indexing.telemetry import StageTimings, request_id

router = APIRouter(tags=["search"], route_class=FastRoute)


@router.post(
    "/v1/context",
    summary="Search a collection for a prompt's context",
    operation_id="assemble_context",
    response_model=ContextAnswer,
    responses=SEARCH_PROBLEMS,
)
async def context(
    body: ContextBody,
    request: Request,
    caller: Searcher,
    deadline: DeadlineDep,
) -> Response:
    """Find the passages that answer a query, as one block of text with numbered citations, within a budget of tokens.

    Nothing is said twice, neighbouring passages are joined, and every hit that is not in the block is named with the
    reason.
    """
    services = services_of(request)

    def answer(found: Found) -> Response:
        return _answer(services, found, body, deadline)

    return await search(services, request, caller, body, deadline, answer, kind=CONTEXT)


def _answer(services: Services, found: Found, body: ContextBody, deadline: Deadline) -> Response:
    """Everything that takes time beside the search, in one thread with it."""
    serving, result = found.serving, found.result
    timings = StageTimings(deadline.check)
    with timings.stage("context"):
        block = assemble(result.hits, serving.embedder.count_tokens, body.max_tokens)
    release = serving.release.number
    milliseconds = timings.milliseconds["context"]
    services.metrics.observe(serving.release.recipe, timings.milliseconds)
    total = result.timings_ms["total"] + milliseconds
    found.record.timings_ms |= {"context": milliseconds, "total": total}
    found.record.features |= {
        "context_tokens": float(block.tokens),
        "context_left_out": float(len(block.left_out)),
        "context_cut": float(sum(citation.is_cut for citation in block.citations)),
        "context_citations": float(len(block.citations)),
        "context_max_tokens": float(body.max_tokens),
    }
    answer = ContextAnswer(
        query_id=found.record.query_id,
        request_id=request_id.get(),
        release=release,
        snapshot=serving.snapshot.id,
        seq=found.seq,
        context=block.text,
        tokens=block.tokens,
        citations=citations_of(block),
        left_out=left_out_of(block),
        timings_ms={
            stage: round(value, 3)
            for stage, value in {**result.timings_ms, **timings.milliseconds, "total": total}.items()
        },
        warnings=result.warnings,
    )
    return served_by(release, serving.snapshot.id, answer)
