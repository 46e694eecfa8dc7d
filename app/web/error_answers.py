"""The one way from an error to its answer: FastAPI's routes, the fast ones and the middleware all end here."""

import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.services.state import Services
from app.services.told_errors import tell
from app.web.allowed_methods import AllowedMethods
from app.web.problems import REFUSALS, headers_of, name_of, problem_answer, status_of
from indexing.errors import GroundworkError

logger = logging.getLogger(__name__)


class ErrorAnswers:
    """Has an answer for every error."""

    def __init__(self, allowed: AllowedMethods) -> None:
        """Say in ``Allow`` what ``allowed`` knows."""
        self._allowed = allowed

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed; what was not foreseen is logged, and not told."""
        if isinstance(error, GroundworkError):
            return _answer_groundwork(request, error)
        if isinstance(error, RequestValidationError):
            return _answer_malformed(error)
        if isinstance(error, HTTPException):
            return self._answer_http(request, error)
        logger.error("request.failed", exc_info=error)
        message = "The server failed in a way that was not foreseen; its log has the reason under this request id."
        return problem_answer(500, name_of(500), message, {})

    def _answer_http(self, request: Request, error: HTTPException) -> Response:
        """What Starlette, FastAPI or the middleware refuses: no such path, a wrong method, a body that is too large."""
        status, message, headers = error.status_code, str(error.detail), dict(error.headers or {})
        path: str = request.scope["path"]
        if status == 404:
            message = f"There is no {path[:200]!r} here: GET / says what there is."
        elif status == 405:
            headers = {"Allow": ", ".join(self._allowed.of(path))}
            if request.method == "OPTIONS":
                return Response(status_code=204, headers=headers)
            message = f"{request.method[:20]} is not a method of {path[:200]!r}: expected one of {headers['Allow']}."
        return problem_answer(status, name_of(status), message, headers)


def pass_errors_on(app: FastAPI) -> None:
    """Keep an application from answering errors by itself, so that they reach the middleware before it."""

    async def pass_on(request: Request, error: Exception) -> Response:
        raise error

    for kind in (RequestValidationError, HTTPException):
        app.add_exception_handler(kind, pass_on)


def _answer_groundwork(request: Request, error: GroundworkError) -> Response:
    """The answer to an error of ours, which is counted where operators watch for it."""
    services: Services = request.app.state.services
    if (reason := REFUSALS.get(type(error))) is not None:
        services.metrics.refusals.labels(reason).inc()
        logger.info("request.refused", extra={"fields": {"reason": reason, "path": request.scope["path"][:200]}})
    status = status_of(error)
    return problem_answer(status, type(error).__name__, tell(services, error, status), headers_of(error))


def _answer_malformed(error: RequestValidationError) -> Response:
    """The answer to a body, a path, a query string or a header that its schema refuses."""
    faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
    return problem_answer(422, name_of(422), "; ".join(faults), {})
