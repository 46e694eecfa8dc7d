"""Calls that fail: which are sent again, after how long, and which error comes in the end."""

import asyncio
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from groundwork_client import (
    AsyncGroundwork,
    ConnectionFailed,
    Groundwork,
    GroundworkError,
    InvalidRequest,
    NotFound,
    Retries,
    ServerError,
    StatusError,
    TimedOut,
    TooManyRequests,
    Unavailable,
    UnreadableAnswer,
)

BROKEN = httpx.RemoteProtocolError("Server disconnected without sending a response.")
PROBLEM = {"error": "Overloaded", "message": "Too many.", "request_id": "abc"}


def problem(status, error="Overloaded", **headers):
    return httpx.Response(status, json=PROBLEM | {"error": error}, headers=headers)


class FakeApi:
    """Answers what it is told to, in turn; then with ``last``. Notes the requests and the waits."""

    def __init__(self, *answers, last=None):
        self.answers, self.last = list(answers), last or httpx.Response(200, json={"status": "ok"})
        self.requests, self.waits, self.now = [], [], 0.0

    def __call__(self, request):
        self.requests.append((request, request.read()))
        answer = self.answers.pop(0) if self.answers else self.last
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    async def answer(self, request):
        await request.aread()
        return self(request)

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds):
        self.sleep(seconds)

    def client(self, most=3, jitter=0.0):
        return Groundwork(
            "http://api.example/groundwork/",
            api_key="k",
            transport=httpx.MockTransport(self),
            retries=Retries(most=most, jitter=lambda: jitter),
            sleep=self.sleep,
            clock=lambda: self.now,
        )

    def async_client(self):
        return AsyncGroundwork(
            "http://api.example",
            api_key="k",
            transport=httpx.MockTransport(self.answer),
            retries=Retries(jitter=lambda: 0.0),
            sleep=self.sleep_async,
        )


def test_retry_after_is_waited_for_and_the_wait_doubles_without_it():
    api = FakeApi(problem(429, **{"Retry-After": "7"}), problem(503), httpx.Response(502))
    assert api.client().livez() == {"status": "ok"}
    assert api.waits == [7.0, 0.5, 1.0]
    assert [str(request.url) for request, _ in api.requests] == ["http://api.example/groundwork/livez"] * 4


def test_jitter_only_adds_to_what_was_asked_for():
    api = FakeApi(problem(429, **{"Retry-After": "8"}))
    api.client(jitter=0.5).livez()
    assert api.waits == [9.0]


def test_retry_after_may_be_a_date():
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    api = FakeApi(problem(503, **{"Retry-After": then}), problem(503, **{"Retry-After": "soon"}))
    api.client().livez()
    assert 20 < api.waits[0] <= 30
    assert api.waits[1] == 0.5


def test_tries_are_bounded_and_the_last_answer_is_the_error():
    api = FakeApi(last=problem(503, "NotReady", **{"Retry-After": "1"}))
    with pytest.raises(Unavailable, match="503 NotReady: Too many") as caught:
        api.client(most=2).livez()
    assert len(api.requests) == 3
    assert (caught.value.status, caught.value.error, caught.value.request_id) == (503, "NotReady", "abc")
    assert caught.value.headers["retry-after"] == "1"


def test_a_quota_that_renews_in_an_hour_is_not_waited_for():
    api = FakeApi(problem(429, "QuotaExceeded", **{"Retry-After": "3600"}))
    with pytest.raises(TooManyRequests):
        api.client().livez()
    assert api.waits == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.openai_get_file("f"),
        lambda client: client.count_documents("helpdesk"),
        lambda client: client.put_document("helpdesk", "a", text="b"),
        lambda client: client.delete_document("helpdesk", "a"),
        lambda client: client.feedback("q", "click", "a"),
    ],
)
def test_what_reads_or_is_idempotent_is_sent_again_when_the_connection_breaks(call):
    api = FakeApi(BROKEN, httpx.ReadError("reset"), last=problem(404, "NotFound"))
    with pytest.raises(NotFound):
        call(api.client())
    assert api.waits == [0.25, 0.5]
    assert len({content for _, content in api.requests}) == 1  # also the moment of feedback stays


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.create_key(name="a", scopes=["search"]),
        lambda client: client.patch_document("helpdesk", "a", title="b"),
        lambda client: client.upload_files("helpdesk", file=[("a.md", b"a")]),
    ],
)
def test_what_is_neither_is_sent_again_only_where_it_did_nothing(call):
    for failure in (BROKEN, problem(503, "StorageFailed"), httpx.Response(502)):
        api = FakeApi(failure)
        with pytest.raises(GroundworkError):
            call(api.client())
        assert len(api.requests) == 1
    for refusal in (problem(429, "RateLimited"), problem(503), httpx.ConnectError("refused")):
        api = FakeApi(refusal, last=problem(400, "InvalidInput"))
        with pytest.raises(InvalidRequest):
            call(api.client())
        assert len(api.requests) == 2


def test_connections_that_never_come_about_end_as_one_error():
    api = FakeApi(last=httpx.ConnectError("[Errno 111] Connection refused"))
    with pytest.raises(ConnectionFailed, match=r"GET /livez got no answer in 4 tries: .* refused"):
        api.client().livez()


def test_an_answer_that_does_not_come_in_time_is_not_asked_for_again():
    api = FakeApi(httpx.ReadTimeout("timed out"))
    with pytest.raises(TimedOut):
        api.client().livez()
    assert len(api.requests) == 1


def test_the_deadline_is_one_for_all_tries():
    api = FakeApi(problem(503, **{"Retry-After": "2"}), problem(503, **{"Retry-After": "2"}))
    with pytest.raises(Unavailable):
        api.client().search(query="a", timeout_ms=3_000)
    assert [request.headers["x-timeout-ms"] for request, _ in api.requests] == ["3000", "1000"]
    assert api.requests[1][0].extensions["timeout"]["read"] == 2.0
    assert api.waits == [2.0]


def test_files_are_read_from_the_beginning_in_each_try(tmp_path):
    path = tmp_path / "guide.md"
    path.write_bytes(b"# Guide")
    api = FakeApi(problem(429), last=problem(400))
    with path.open("rb") as opened, pytest.raises(InvalidRequest):
        api.client().upload_files("helpdesk", file=[path, ("b.md", b"# B"), ("c.md", opened)], metadata='{"a": 1}')
    for _, content in api.requests:
        assert content.count(b"# Guide") == 2
        assert b"# B" in content
        assert b'{"a": 1}' in content
    assert len(api.requests) == 2


def test_uploads_are_looked_at_until_none_is_read_any_more():
    def upload(name, state):
        common = {"size_bytes": 1, "step": "done", "documents": [], "rejects": [], "metadata": {}, "created_at": ""}
        return {"id": name, "filename": name, "state": state, "error": None, "ended_at": None, "warnings": []} | common

    def answers():
        both = [upload("a", "in_progress"), upload("b", "completed")]
        return [
            httpx.Response(202, json={"collection": "helpdesk", "uploads": both}),
            httpx.Response(200, json=upload("a", "in_progress")),
            httpx.Response(200, json=upload("a", "failed")),
        ]

    files = [("a.md", b"a"), ("b.md", b"b")]
    api = FakeApi(*answers())
    done = api.client().upload_and_wait("helpdesk", files, metadata={"team": "ä"}, allow=["support"])
    assert [one.state for one in done] == ["failed", "completed"]
    assert api.waits == [0.2, 0.4]
    assert '{"team": "ä"}'.encode() in api.requests[0][1]
    api = FakeApi(*answers())
    done = asyncio.run(api.async_client().upload_and_wait("helpdesk", files))
    assert [one.state for one in done] == ["failed", "completed"]
    api = FakeApi(*answers()[:1], last=answers()[1])
    with pytest.raises(TimedOut, match="still read after 1 s"):
        api.client().upload_and_wait("helpdesk", files, timeout_seconds=1)
    assert api.now == 1.0


def test_the_async_client_waits_and_sends_again_likewise():
    api = FakeApi(problem(429, **{"Retry-After": "7"}), BROKEN)

    async def ask():
        async with api.async_client() as client:
            return await client.livez()

    assert asyncio.run(ask()) == {"status": "ok"}
    assert api.waits == [7.0, 0.5]


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (PROBLEM, "Overloaded", "Too many."),
        ({"error": {"message": "No.", "type": "server_error", "param": None, "code": None}}, "server_error", "No."),
        ({"error_code": 1001, "error_msg": "No."}, "1001", "No."),
        ([], "Http500", "[]"),
    ],
)
def test_errors_are_understood_in_the_shape_of_each_door(body, error, message):
    api = FakeApi(httpx.Response(500, json=body, headers={"x-request-id": "abc"}))
    with pytest.raises(ServerError) as caught:
        api.client().livez()
    assert (caught.value.error, caught.value.message, caught.value.request_id) == (error, message, "abc")
    assert caught.value.body == body


def test_errors_of_something_between_that_are_no_json_are_told():
    api = FakeApi(httpx.Response(418, text="a teapot"))
    with pytest.raises(StatusError, match="418 Http418: a teapot"):
        api.client().livez()


@pytest.mark.parametrize("answer", [httpx.Response(200, json={"hits": 1}), httpx.Response(200, text="<html>")])
def test_an_answer_of_another_service_is_an_error_of_its_own(answer):
    with pytest.raises(UnreadableAnswer, match="POST /v1/search"):
        FakeApi(answer).client().search(query="a")
    with pytest.raises(UnreadableAnswer, match="GET /livez"):
        FakeApi(httpx.Response(200, text="<html>")).client().livez()


def test_a_connection_that_a_server_closes_is_made_anew():
    answer = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n{"status":"alive"}'
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve():
            for says in (b"", answer):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(says)

        server = threading.Thread(target=serve)
        server.start()
        waits = []
        with Groundwork(f"http://127.0.0.1:{listener.getsockname()[1]}", api_key="k", sleep=waits.append) as client:
            assert client.livez() == {"status": "alive"}
        server.join(30)
    assert len(waits) == 1


def test_fields_and_choices_of_a_later_version_break_nothing():
    put = {"id": "a", "seq": "s", "result": "merged", "searchable": True, "collection": "c", "build_request": None}
    api = FakeApi(httpx.Response(200, json=put | {"warnings": [], "region": "eu"}, headers={"ETag": '"7"'}))
    stored = api.client().put_document("c", "a", text="b", if_none_match="*")
    assert stored.result == "merged"
    assert stored.model_extra == {"region": "eu"}
    assert stored.http.etag == '"7"'
    request, content = api.requests[0]
    assert request.headers["if-none-match"] == "*"
    assert json.loads(content) == {"text": "b"}


def test_ids_are_one_part_of_a_path():
    api = FakeApi(last=problem(404))
    with pytest.raises(NotFound):
        api.client().get_document("a b", "c/../d?e#f", principals=["x", "y"])
    assert (
        api.requests[0][0].url.raw_path
        == b"/groundwork/v1/collections/a%20b/documents/c%2F..%2Fd%3Fe%23f?principals=x&principals=y"
    )
    with pytest.raises(ValueError, match=r"document_id is '\.\.'"):
        api.client().get_document("a", "..")


def test_url_and_key_come_from_the_environment_and_the_key_is_not_shown(monkeypatch):
    monkeypatch.delenv("GROUNDWORK_API_KEY", raising=False)
    with pytest.raises(ValueError, match="GROUNDWORK_API_KEY"):
        Groundwork()
    with pytest.raises(ValueError, match="http://"):
        Groundwork("localhost:8080", api_key="k")
    monkeypatch.setenv("GROUNDWORK_API_KEY", "gw_secret")
    monkeypatch.setenv("GROUNDWORK_URL", "https://search.example")
    api = FakeApi()
    with Groundwork(transport=httpx.MockTransport(api)) as client:
        client.livez()
        assert repr(client) == "Groundwork('https://search.example')"
    assert api.requests[0][0].headers["authorization"] == "Bearer gw_secret"
    assert str(api.requests[0][0].url) == "https://search.example/livez"
