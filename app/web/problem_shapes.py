"""In which shape a failure is told: ours, or that which the clients of a path know: OpenAI's or Dify's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import JSONResponse

from app.schemas.dify import DifyProblem
from app.schemas.openai_problems import OpenAIError, OpenAIProblem
from app.schemas.problems import Problem
from indexing.telemetry import request_id

OPENAI_PATHS = ("/v1/embeddings", "/v1/models", "/v1/files", "/v1/uploads", "/v1/vector_stores")
"""The doors that speak OpenAI's shapes, and all below them. A new family must be entered here."""
OPENAI_ABSENT_PATHS = tuple(
    f"/v1/{family}"
    for family in (
        "assistants",
        "audio",
        "batches",
        "chat",
        "completions",
        "conversations",
        "evals",
        "fine_tuning",
        "images",
        "moderations",
        "responses",
        "threads",
    )
)
"""OpenAI's doors that are not here: its clients are told so in its shape, too."""

DIFY_PATH = "/v1/dify/"
"""The door that speaks Dify's shapes, and all below it."""

_DIFY_CODES: Mapping[str, int] = {"Unauthorized": 1002, "NotFound": 2001}
"""Dify's codes by our names. Source: its External Knowledge API; others are the HTTP status, which it leaves free."""
_TYPES: Mapping[str, str] = {"RateLimited": "requests", "QuotaExceeded": "insufficient_quota"}
"""The ``type`` of OpenAI's errors that is no ``invalid_request_error``, below status 500."""
_CODES: Mapping[str, str] = {
    "Unauthorized": "invalid_api_key",
    "Forbidden": "insufficient_permissions",
    "RateLimited": "rate_limit_exceeded",
    "QuotaExceeded": "insufficient_quota",
    "MethodNotAllowed": "method_not_supported",
}
"""OpenAI's ``code`` for a failure by our name; any other is our name in small letters."""
_FAULTS: Mapping[str, str] = {"missing": "missing_required_parameter", "extra_forbidden": "unknown_parameter"}
"""OpenAI's ``code`` for a fault that pydantic found; any other is a wrong type or a wrong value."""
_NOT_WORTH_A_RETRY = (409, 507)
"""OpenAI's clients try 409 and everything from 500 again at once; these answers stay as they are until then."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What of a request is wrong: the place, such as ``input[3]``, and pydantic's name for the kind of fault."""

    place: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failure in no shape yet: its status, its name, what to say, further headers, and what of the request is wrong.

    ``status`` is that of our own shape.
    """

    status: int
    name: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Fault | None = None


def is_openai(path: str) -> bool:
    """Whether a path belongs to a door that speaks OpenAI's shapes, also where nothing is there."""
    return any(path == one or path.startswith(f"{one}/") for one in (*OPENAI_PATHS, *OPENAI_ABSENT_PATHS))


def answer_refusal(path: str, refusal: Refusal) -> JSONResponse:
    """The answer to a request for a path that failed."""
    if is_openai(path):
        return _openai(refusal)
    if path.startswith(DIFY_PATH):
        return _dify(refusal)
    problem = Problem(error=refusal.name, message=refusal.message, request_id=request_id.get())
    return JSONResponse(problem.model_dump(), status_code=refusal.status, headers=refusal.headers)


def _dify(refusal: Refusal) -> JSONResponse:
    code = _DIFY_CODES.get(refusal.name, refusal.status)
    problem = DifyProblem(error_code=code, error_msg=refusal.message, request_id=request_id.get())
    return JSONResponse(problem.model_dump(), status_code=refusal.status, headers=refusal.headers)


def _openai(refusal: Refusal) -> JSONResponse:
    """As OpenAI tells it: what is malformed is 400, and a client that would try again in vain is told not to."""
    status = 400 if refusal.status == 422 else refusal.status
    error = OpenAIError(
        message=refusal.message,
        type=_TYPES.get(refusal.name, "server_error" if status >= 500 else "invalid_request_error"),
        param=None if refusal.fault is None else refusal.fault.place,
        code=_code(refusal),
    )
    headers = dict(refusal.headers)
    if status in _NOT_WORTH_A_RETRY:
        headers["x-should-retry"] = "false"
    return JSONResponse(OpenAIProblem(error=error).model_dump(), status_code=status, headers=headers)


def _code(refusal: Refusal) -> str:
    fault = refusal.fault
    if refusal.status == 404 and fault is not None and fault.place is not None:
        return f"{fault.place.removesuffix('_id')}_not_found"
    if refusal.status in (400, 422) and fault is not None:
        kind = "invalid_type" if fault.kind.endswith("_type") else "invalid_value"
        return _FAULTS.get(fault.kind, kind)
    return _CODES.get(refusal.name) or re.sub(r"(?<!^)(?=[A-Z])", "_", refusal.name).lower()
