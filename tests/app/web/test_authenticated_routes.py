"""Who sends a request is asked before its body is read, and too many at once are refused."""

import threading

import pytest

from app.main import create_app, refresh
from indexing.catalogue.tenants import change_limits
from indexing.errors import Unauthorized
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
BATCH = "/v1/collections/helpdesk/documents:batch"


@pytest.fixture
def client(served_home):
    settings = served_home.settings.model_copy(update={"max_concurrency": 2})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context", BATCH, "/v1/keys"])
@pytest.mark.parametrize("content", [b"{", b"[" * 50_000, b'{"documents": ' + b"[]" * 1000])
def test_a_stranger_learns_nothing_about_its_body(client, path, content):
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 401
    assert answer.json()["error"] == Unauthorized.__name__


def test_a_request_with_a_valid_key_counts_even_if_its_body_is_malformed(client, served_home):
    change_limits(served_home.catalogue, "default", {"requests_per_minute": 2})
    statuses = [client.post("/v1/search", content=b"{", headers=KEY).status_code for _ in range(3)]
    assert statuses == [422, 422, 429]


def test_too_many_writes_at_once_are_refused_and_probes_are_answered(client, monkeypatch):
    begun, go_on = threading.Barrier(3), threading.Event()

    def wait(*arguments, **named):
        begun.wait(20)
        assert go_on.wait(20)
        return []

    monkeypatch.setattr("app.routes.documents.iterate_documents", wait)
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(client.get("/v1/collections/helpdesk/documents", headers=KEY).status_code)
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    begun.wait(20)
    refused = client.get("/v1/collections/helpdesk/documents", headers=KEY)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert [client.get(path).status_code for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
    assert client.post("/v1/search", json={"query": "invoice", "collection": "helpdesk"}, headers=KEY).is_success
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert answers == [200, 200]
    monkeypatch.undo()
    assert client.get("/v1/collections/helpdesk/documents", headers=KEY).is_success


def test_too_many_that_wait_for_a_write_are_refused(client, monkeypatch):
    services = client.app.state.services
    monkeypatch.setattr(services.live, "is_to_come", lambda serving, partition, seq: True)
    services.write_waits.taken = 2
    token = services.sequence_tokens.of_write("default", 10_000)
    body = {"query": "invoice", "collection": "helpdesk", "min_seq": token}
    assert client.post("/v1/search", json=body, headers=KEY).status_code == 503
    services.write_waits.taken = 0
    assert client.post("/v1/search", json=body, headers=KEY | {"x-timeout-ms": "60"}).status_code == 504
    assert services.write_waits.taken == 0
