"""Which HTTP status each error becomes. A test proves that the map is complete."""

from collections.abc import Mapping

from starlette.responses import JSONResponse

from app.schemas import Problem
from indexing import errors
from indexing.telemetry import request_id

STATUS: dict[type[errors.GroundworkError], int] = {
    errors.GroundworkError: 500,
    errors.InvalidInput: 400,
    errors.SourceInvalid: 400,
    errors.NotFound: 404,
    errors.Unauthorized: 401,
    errors.Overloaded: 503,
    errors.NotReady: 503,
    errors.ArtefactMissing: 503,
    errors.ArtefactCorrupt: 503,
    errors.FormatUnknown: 503,
    errors.FeatureViewChanged: 409,
    errors.ParityLost: 409,
    errors.ModelMismatch: 503,
    errors.BuildFailed: 500,
    errors.BuildCancelled: 409,
    errors.AlreadyRunning: 409,
    errors.CatalogueBusy: 503,
    errors.StorageFull: 507,
}


def status_of(error: errors.GroundworkError) -> int:
    """The HTTP status of an error."""
    return STATUS[type(error)]


def headers_of(error: errors.GroundworkError) -> dict[str, str]:
    """The headers that go with an error's status: ``Retry-After`` with 503, ``WWW-Authenticate`` with 401."""
    status = status_of(error)
    if status == 503:
        seconds = error.retry_after_seconds if isinstance(error, errors.Overloaded) else 1
        return {"Retry-After": str(seconds)}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}


def problem_answer(status: int, error: str, message: str, headers: Mapping[str, str]) -> JSONResponse:
    """Any answer that is not a success, in the one shape that all of them have."""
    problem = Problem(error=error, message=message, request_id=request_id.get())
    return JSONResponse(problem.model_dump(), status_code=status, headers=headers)
