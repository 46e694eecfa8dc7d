"""The route that answers a request of the ledger again."""

from fastapi import APIRouter, Request

from app.schemas.problems import problems
from app.schemas.replay import ReplayAnswer, ReplayBody
from app.services.replay_questions import replay_request
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Admin, DeadlineDep, services_of

router = APIRouter(tags=["ledger"], route_class=AuthenticatedRoute)


@router.post(
    "/v1/replay",
    summary="Answer a request again",
    operation_id="replay_request",
    responses=problems(404, 504, takes_body=True),
)
async def replay(body: ReplayBody, request: Request, caller: Admin, deadline: DeadlineDep) -> ReplayAnswer:
    """Answer a request of the ledger over the very documents that it saw, and compare every score to the bit.

    One is answered at a time in each process, by a release that is open in it; the command `groundwork replay` opens
    any that is retained.
    """
    services = services_of(request)
    with services.measurements.take():
        return await services.executor.run(request, deadline, replay_request, services, caller, body.query_id)
