"""The feedback route."""

from fastapi import APIRouter

from app.schemas.feedback import FeedbackAnswer, FeedbackEvent
from app.schemas.problems import problems
from app.services.feedback import take_feedback
from app.web.authenticated_routes import FeedbackRoute
from app.web.dependencies import Searcher, ServicesDep

router = APIRouter(tags=["feedback"], route_class=FeedbackRoute)


@router.post(
    "/v1/feedback",
    summary="Say what became of an answer",
    operation_id="post_feedback",
    status_code=202,
    responses=problems(404, takes_body=True),
)
async def post_feedback(body: FeedbackEvent, caller: Searcher, services: ServicesDep) -> FeedbackAnswer:
    """One event about the answer to a query, as User Behavior Insights 1.3 has it: what a user said or did.

    The `query_id` must be one that this tenant was given; the event may come late, early or twice. It is taken here and
    written a moment later; send it again after a 503.
    """
    return take_feedback(services, caller, body)
