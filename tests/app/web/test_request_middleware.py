"""The middleware alone, over plain ASGI applications that do what a test needs."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.metrics import Metrics
from app.web.allowed_methods import AllowedMethods
from app.web.error_answers import ErrorAnswers
from app.web.request_middleware import MAX_BODY_BYTES, RequestMiddleware
from indexing.errors import NotReady
from indexing.telemetry import annotate, caller_ids, log_fields, request_id


class Call:
    """One request through the middleware: what was answered, and what was counted."""

    def __init__(
        self,
        app,
        *,
        method="POST",
        path="/v1/search",
        raw_path=None,
        query=b"",
        headers=(),
        chunks=(b"",),
        is_stopping=False,
    ):
        self.metrics = Metrics()
        self.sent = []
        incoming = [
            {"type": "http.request", "body": chunk, "more_body": i < len(chunks)} for i, chunk in enumerate(chunks, 1)
        ]
        home = SimpleNamespace(path=Path("/a/home"))
        services = SimpleNamespace(metrics=self.metrics, is_stopping=is_stopping, home=home)
        state = SimpleNamespace(services=services)
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": raw_path or path.encode(),
            "query_string": query,
            "headers": encoded,
            "app": SimpleNamespace(state=state),
        }

        async def receive():
            return incoming.pop(0)

        async def send(message):
            self.sent.append(message)

        answers = ErrorAnswers(AllowedMethods([]))
        asyncio.run(RequestMiddleware(app, answers.answer)(scope, receive, send))

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def id(self):
        return dict(self.sent[0]["headers"])[b"x-request-id"].decode()

    @property
    def body(self):
        return json.loads(b"".join(message.get("body", b"") for message in self.sent[1:]))

    def counted(self, status, recipe=""):
        labels = {"status": str(status), "recipe": recipe}
        return self.metrics.registry.get_sample_value("groundwork_search_requests_total", labels) or 0


def answering(status=200, headers=()):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": request_id.get().encode()})

    return app


class Reader:
    """Reads the body to its end, as a route does."""

    def __init__(self):
        self.read = b""

    async def __call__(self, scope, receive, send):
        while True:
            message = await receive()
            self.read += message["body"]
            if not message["more_body"]:
                break
        await answering()(scope, receive, send)


async def failing(scope, receive, send):
    raise ZeroDivisionError("a secret of the house")


async def failing_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError


def test_a_client_that_goes_before_its_body_has_come_is_no_failure(caplog):
    async def app(scope, receive, send):
        raise ClientDisconnect

    with caplog.at_level("INFO"):
        call = Call(app)
    assert call.sent == []
    assert [record.getMessage() for record in caplog.records] == ["request.answered"]
    assert caplog.records[0].fields["status"] == 499


@pytest.mark.parametrize("given", ["trace-7", "a", "x" * 128, "with space / and ~"])
def test_a_sane_request_id_is_kept_for_everything_that_the_request_does(given):
    call = Call(answering(), headers=[("x-request-id", given)])
    assert call.id == call.sent[1]["body"].decode() == given


@pytest.mark.parametrize("given", ["", "x" * 129, "line\nbreak", "tab\t", "ä", "\x7f"])
def test_any_other_request_id_is_replaced(given):
    call = Call(answering(), headers=[("x-request-id", given)])
    assert len(call.id) == 32
    assert call.id != given


def test_requests_without_an_id_get_different_ones_and_leave_none_behind():
    assert Call(answering()).id != Call(answering()).id
    assert request_id.get() == ""


def test_who_asked_is_forgotten_after_the_answer():
    async def app(scope, receive, send):
        caller_ids.set(("acme", "k_1"))
        await answering()(scope, receive, send)

    Call(app)
    assert caller_ids.get() is None


def test_a_body_of_the_largest_size_passes_whole():
    reader = Reader()
    half = b"x" * (MAX_BODY_BYTES // 2)
    assert Call(reader, headers=[("content-length", str(MAX_BODY_BYTES))], chunks=[half, half]).status == 200
    assert reader.read == half + half


@pytest.mark.parametrize(
    ("announced", "chunks"),
    [
        (str(MAX_BODY_BYTES + 1), [b"x"]),
        ("9" * 5000, [b"x"]),
        (None, [b"x" * MAX_BODY_BYTES, b"x"]),
        ("3", [b"x" * (MAX_BODY_BYTES + 1)]),
        ("-1", [b"x" * (MAX_BODY_BYTES + 1)]),
    ],
)
def test_a_larger_body_is_refused_whatever_was_announced(announced, chunks):
    refused = []

    async def app(scope, receive, send):
        try:
            await Reader()(scope, receive, send)
        except HTTPException as error:
            refused.append(error.status_code)
            await answering(error.status_code)(scope, receive, send)

    headers = [] if announced is None else [("content-length", announced)]
    call = Call(app, headers=headers, chunks=chunks)
    assert refused == [413]
    assert call.counted(413) == 1


def test_every_answer_of_the_search_route_is_counted_with_its_recipe():
    call = Call(answering(200, [(b"x-release-id", b"1.2")]))
    assert call.counted(200, "1") == 1
    assert Call(answering(422)).counted(422) == 1


def test_answers_of_other_routes_are_not_counted():
    (family,) = Call(answering(), path="/livez").metrics.requests.collect()
    assert family.samples == []


def test_what_nobody_foresaw_is_answered_counted_logged_and_not_told(caplog):
    call = Call(failing, headers=[("x-request-id", "trace-7")])
    assert (call.status, call.id) == (500, "trace-7")
    assert call.body["error"] == "InternalError"
    assert call.body["request_id"] == "trace-7"
    assert "secret" not in call.body["message"]
    assert call.counted(500) == 1
    (record,) = caplog.records
    assert record.exc_info[0] is ZeroDivisionError


def test_a_failure_after_the_answer_began_is_not_answered_twice():
    with pytest.raises(ZeroDivisionError):
        Call(failing_late)
    assert request_id.get() == ""


def test_what_is_no_request_passes_untouched():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    asyncio.run(RequestMiddleware(app, None)({"type": "lifespan"}, "receive", "send"))
    assert seen == [({"type": "lifespan"}, "receive", "send")]


@pytest.mark.parametrize(("path", "level"), [("/v1/search", "INFO"), ("/readyz", "DEBUG")])
def test_each_request_has_one_line_that_names_its_route_and_what_was_said_of_it(caplog, path, level):
    async def app(scope, receive, send):
        caller_ids.set(("acme", "k_1"))
        annotate(hits=3)
        scope["route"] = SimpleNamespace(path="/v1/collections/{collection}")
        await answering(201)(scope, receive, send)

    caplog.set_level("DEBUG")
    Call(app, path=path)
    (record,) = [record for record in caplog.records if record.name == "app.web.request_middleware"]
    assert (record.levelname, record.getMessage()) == (level, "request.answered")
    assert record.fields.pop("duration_ms") >= 0
    assert record.fields == {"method": "POST", "path": "/v1/collections/{collection}", "status": 201, "hits": 3}


def test_a_path_without_a_route_is_cut_in_the_log(caplog):
    caplog.set_level("INFO")
    Call(answering(404), path="/" + "x" * 1000)
    assert len(caplog.records[0].fields["path"]) == 200


def test_a_process_that_is_about_to_end_lets_go_of_its_connections():
    def connection(call):
        return dict(call.sent[0]["headers"]).get(b"connection")

    assert connection(Call(answering())) is None
    assert connection(Call(answering(), is_stopping=True)) == b"close"


def test_what_one_request_said_is_not_said_of_the_next():
    Call(answering())
    annotate(hits=3)
    assert log_fields.get() is None


@pytest.mark.parametrize(("error", "status"), [(HTTPException(418), 418), (NotReady("opening"), 503)])
def test_what_fails_below_is_answered_here_in_the_shape_of_every_problem(error, status):
    async def app(scope, receive, send):
        raise error

    call = Call(app)
    assert call.status == status
    assert set(call.body) == {"error", "message", "request_id"}


def test_the_application_sees_get_for_head_and_its_answer_goes_without_the_body(caplog):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["method"])
        await answering(200, [(b"content-length", b"32")])(scope, receive, send)

    caplog.set_level("INFO")
    call = Call(app, method="HEAD", path="/")
    assert seen == ["GET"]
    assert dict(call.sent[0]["headers"])[b"content-length"] == b"32"
    assert call.sent[1]["body"] == b""
    assert caplog.records[0].fields["method"] == "HEAD"


@pytest.mark.parametrize(
    "target",
    [{"raw_path": b"/v1/x/%ff"}, {"raw_path": b"/v1/x/%c3"}, {"query": b"after=%fe"}, {"query": b"a=%ED%A0%80"}],
)
def test_paths_and_queries_that_are_not_utf_8_reach_no_route(target):
    call = Call(failing, **target)
    assert (call.status, call.body["error"]) == (400, "InvalidInput")
    assert Call(answering(), raw_path=b"/v1/x/%C3%A4%zz", query=b"q=%F0%9F%99%82").status == 200
