"""The one way from an error to its answer: FastAPI's routes, the fast ones and the middleware all end here."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.services.state import Services
from app.services.told_errors import tell
from app.web.allowed_methods import AllowedMethods
from app.web.problem_shapes import Fault, Refusal, answer_refusal
from app.web.problems import REFUSALS, headers_of, name_of, status_of
from indexing.errors import GroundworkError, Unauthorized

logger = logging.getLogger(__name__)


class ErrorAnswers:
    """Has an answer for every error."""

    def __init__(self, allowed: AllowedMethods) -> None:
        """Say in ``Allow`` what ``allowed`` knows."""
        self._allowed = allowed

    def answer(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed; what was not foreseen is logged, and not told."""
        path: str = request.scope["path"]
        if isinstance(error, HTTPException) and error.status_code == 405 and request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": self._allow(path)})
        return answer_refusal(path, self._refusal(request, error))

    def _refusal(self, request: Request, error: Exception) -> Refusal:
        if isinstance(error, GroundworkError):
            return _groundwork(request, error)
        if isinstance(error, RequestValidationError):
            return _malformed(error)
        if isinstance(error, HTTPException):
            return self._http(request, error)
        logger.error("request.failed", exc_info=error)
        message = "The server failed in a way that was not foreseen; its log has the reason under this request id."
        return Refusal(500, name_of(500), message)

    def _http(self, request: Request, error: HTTPException) -> Refusal:
        """What Starlette, FastAPI or the middleware refuses: no such path, a wrong method, a body that is too large."""
        status, message, headers = error.status_code, str(error.detail), dict(error.headers or {})
        path: str = request.scope["path"]
        if status == 404:
            message = f"There is no {path[:200]!r} here: GET / says what there is."
        elif status == 405:
            headers = {"Allow": self._allow(path)}
            message = f"{request.method[:20]} is not a method of {path[:200]!r}: expected one of {headers['Allow']}."
        return Refusal(status, name_of(status), message, headers)

    def _allow(self, path: str) -> str:
        return ", ".join(self._allowed.of(path))


def pass_errors_on(app: FastAPI) -> None:
    """Keep an application from answering errors by itself, so that they reach the middleware before it."""

    async def pass_on(request: Request, error: Exception) -> Response:
        raise error

    for kind in (RequestValidationError, HTTPException):
        app.add_exception_handler(kind, pass_on)


def _groundwork(request: Request, error: GroundworkError) -> Refusal:
    """An error of ours, which is counted where operators watch for it."""
    services: Services = request.app.state.services
    if (reason := REFUSALS.get(type(error))) is not None:
        services.metrics.refusals.labels(reason).inc()
        fields = {"reason": reason, "path": request.scope["path"][:200]}
        if isinstance(error, Unauthorized):  # of no tenant: where it came from is all there is
            fields["client"] = request.client.host if request.client else "unknown"
        logger.info("request.refused", extra={"fields": fields})
    status, name = status_of(error), type(error).__name__
    message = tell(services, error, status)
    fault = None if error.field is None else Fault(error.field, "value_error")
    return Refusal(status, name, message, headers_of(error), fault)


def _malformed(error: RequestValidationError) -> Refusal:
    """A body, a path, a query string or a header that its schema refuses."""
    faults = error.errors()
    message = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
    return Refusal(422, name_of(422), message, {}, _first_fault(faults))


def _first_fault(faults: Sequence[Any]) -> Fault | None:
    """Where the first fault of a request is, as JavaScript would say it: ``input[3]``."""
    if not faults:
        return None
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in faults[0]["loc"][1:])
    return Fault(place.removeprefix(".") or None, faults[0]["type"])
