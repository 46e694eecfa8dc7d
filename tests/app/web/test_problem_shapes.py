import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.metrics import Metrics
from app.web.allowed_methods import AllowedMethods
from app.web.error_answers import ErrorAnswers
from app.web.problem_shapes import OPENAI_ABSENT_PATHS, OPENAI_PATHS, Refusal, answer_refusal, is_openai
from indexing import errors

THEIRS, OURS = "/v1/embeddings", "/v1/search"


def answer(error, path=THEIRS, method="POST"):
    services = SimpleNamespace(metrics=Metrics(), home=SimpleNamespace(path=Path("/a/home")))
    app = SimpleNamespace(state=SimpleNamespace(services=services))
    scope = {"type": "http", "method": method, "path": path, "headers": [], "app": app}
    response = ErrorAnswers(AllowedMethods([])).answer(Request(scope), error)
    return response.status_code, json.loads(response.body), response.headers


@pytest.mark.parametrize("path", [*OPENAI_PATHS, *OPENAI_ABSENT_PATHS])
def test_openais_paths_are_those_and_what_is_below_them(path):
    assert is_openai(path)
    assert is_openai(f"{path}/anything/below")
    assert not is_openai(f"{path}x")
    assert not is_openai(path.removeprefix("/v1"))


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (errors.Unauthorized("x"), 401, "invalid_request_error", "invalid_api_key"),
        (errors.Forbidden("x"), 403, "invalid_request_error", "insufficient_permissions"),
        (errors.NotFound("x"), 404, "invalid_request_error", "not_found"),
        (errors.NotFound("x", field="model"), 404, "invalid_request_error", "model_not_found"),
        (errors.AlreadyExists("x"), 409, "invalid_request_error", "already_exists"),
        (errors.NotYetSearchable("x"), 412, "invalid_request_error", "not_yet_searchable"),
        (errors.InvalidInput("x"), 400, "invalid_request_error", "invalid_input"),
        (errors.InvalidInput("x", field="dimensions"), 400, "invalid_request_error", "invalid_value"),
        (errors.RateLimited("x", retry_after_seconds=3), 429, "requests", "rate_limit_exceeded"),
        (errors.QuotaExceeded("x"), 429, "insufficient_quota", "insufficient_quota"),
        (errors.Overloaded("x"), 503, "server_error", "overloaded"),
        (errors.DeadlineExceeded("x"), 504, "server_error", "deadline_exceeded"),
        (errors.StorageFull("x"), 507, "server_error", "storage_full"),
        (HTTPException(404), 404, "invalid_request_error", "not_found"),
        (HTTPException(405), 405, "invalid_request_error", "method_not_supported"),
        (HTTPException(413), 413, "invalid_request_error", "payload_too_large"),
        (HTTPException(415), 415, "invalid_request_error", "unsupported_media_type"),
        (ZeroDivisionError("a secret"), 500, "server_error", "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_failure_on_an_openai_path_has_openais_shape(error, status, kind, code):
    found, body, headers = answer(error)
    assert found == status
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    assert (body["error"]["type"], body["error"]["code"]) == (kind, code)
    assert body["error"]["param"] == getattr(error, "field", None)
    assert "secret" not in body["error"]["message"]
    assert ("retry-after" in headers) == (status in (429, 503))
    assert headers.get("x-should-retry") == ("false" if status in (409, 507) else None)


@pytest.mark.parametrize(
    ("fault", "param", "code"),
    [
        ({"type": "missing", "loc": ("body", "input"), "msg": "m"}, "input", "missing_required_parameter"),
        ({"type": "extra_forbidden", "loc": ("body", "n"), "msg": "m"}, "n", "unknown_parameter"),
        ({"type": "string_type", "loc": ("body", "input", 3), "msg": "m"}, "input[3]", "invalid_type"),
        ({"type": "less_than_equal", "loc": ("body", "a", "b"), "msg": "m"}, "a.b", "invalid_value"),
        ({"type": "json_invalid", "loc": ("body",), "msg": "m"}, None, "invalid_value"),
    ],
)
def test_what_is_malformed_is_400_and_names_its_place(fault, param, code):
    status, body, _ = answer(RequestValidationError([fault]))
    assert (status, body["error"]["param"], body["error"]["code"]) == (400, param, code)


def test_our_own_paths_keep_our_own_shape():
    fault = {"type": "missing", "loc": ("body", "query"), "msg": "m"}
    status, body, _ = answer(RequestValidationError([fault]), OURS)
    assert (status, list(body)) == (422, ["error", "message", "request_id"])


def test_headers_of_a_refusal_go_with_either_shape():
    refusal = Refusal(405, "MethodNotAllowed", "m", {"Allow": "GET"})
    assert {answer_refusal(path, refusal).headers["allow"] for path in (OURS, THEIRS)} == {"GET"}
