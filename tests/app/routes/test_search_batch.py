"""Batches of searches: each is answered by itself, counted, recorded, and all within one admission."""

import pytest

from app.main import create_app, refresh
from indexing.catalogue.tenants import change_limits
from indexing.ledger.readers import requests_of
from tests.app.conftest import copied
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}
BATCH = "/v1/search:batch"


@pytest.fixture(scope="module")
def client(built_home, tmp_path_factory):
    home = copied(built_home, tmp_path_factory.mktemp("batch"))
    with TestClient(create_app(home.settings), raise_server_exceptions=False, headers=KEY) as client:
        refresh(client.app.state.services)
        yield client
    home.close()


def asked(*queries, **more):
    return {"searches": [{"query": query, "collection": "helpdesk", **more} for query in queries]}


def without_volatile(answer):
    volatile = ("request_id", "query_id", "seq", "timings_ms")
    return {name: value for name, value in answer.items() if name not in volatile}


def test_each_is_answered_as_it_would_be_alone(client):
    queries = ["password", "invoice", "webhook", "export my data", "calendar", "zugzwang"]
    batch = client.post(BATCH, json=asked(*queries, k=3, highlight=True)).json()
    assert [one["status"] for one in batch["answers"]] == [200] * len(queries)
    for query, one in zip(queries, batch["answers"], strict=True):
        alone = client.post("/v1/search", json=asked(query, k=3, highlight=True)["searches"][0]).json()
        assert without_volatile(one["answer"]) == without_volatile(alone)
        assert one["answer"]["request_id"] == batch["request_id"]


def test_one_that_fails_says_why_in_its_place(client):
    body = asked("password", "invoice")
    body["searches"].insert(1, {"query": "x", "collection": "ghost"})
    body["searches"].append({"query": "x", "collection": "helpdesk", "min_seq": "nonsense"})
    answers = client.post(BATCH, json=body).json()["answers"]
    assert [(one["status"], one.get("error")) for one in answers] == [
        (200, None),
        (404, "NotFound"),
        (200, None),
        (400, "InvalidInput"),
    ]
    assert "'ghost'" in answers[1]["message"]


def test_an_error_that_was_not_foreseen_is_told_in_one_place_alone(client, caplog, monkeypatch):
    services = client.app.state.services
    begin = services.retriever.begin

    def broken(serving, partition, query, before_stage):
        if query.text == "invoice":
            raise RuntimeError("a secret of the server")
        return begin(serving, partition, query, before_stage)

    monkeypatch.setattr(services.retriever, "begin", broken)
    answer = client.post(BATCH, json=asked("password", "invoice"))
    assert [one["status"] for one in answer.json()["answers"]] == [200, 500]
    assert "secret" not in answer.text
    assert "a secret of the server" in caplog.text


def test_each_has_its_row_in_the_ledger_under_one_request(client):
    answer = client.post(BATCH, json=asked("password", "invoice", "webhook"), headers={"x-request-id": "mine-1"})
    services = client.app.state.services
    assert services.records.recorder.flush(20.0)
    rows = [row for row in requests_of(services.home.ledger, "default") if row.request_id == "mine-1"]
    assert len(rows) == 3
    told = {one["answer"]["query_id"] for one in answer.json()["answers"]}
    assert told == {services.records.query_ids.text("default", row.id) for row in rows}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"searches": []}, "at least 1"),
        (asked(*["x"] * 51), "at most 50"),
        (asked("x", k=0), "body.searches.0.k"),
        ({"searches": [{"query": "x"}, {"collection": "y"}]}, "body.searches.1"),
        ({"queries": []}, "queries"),
    ],
)
def test_a_malformed_batch_is_refused_by_the_place(client, body, said):
    answer = client.post(BATCH, json=body)
    assert answer.status_code == 422
    assert said in answer.json()["message"]


def test_a_batch_takes_one_place(client, monkeypatch):
    services = client.app.state.services
    monkeypatch.setattr(services.searches, "most", 1)
    assert [one["status"] for one in client.post(BATCH, json=asked(*["x"] * 5)).json()["answers"]] == [200] * 5
    monkeypatch.setattr(services.searches, "most", 0)
    assert client.post(BATCH, json=asked("x")).status_code == 503


@pytest.fixture
def limited(client):
    catalogue = client.app.state.services.home.catalogue
    change_limits(catalogue, "default", {"requests_per_minute": 10})
    yield
    change_limits(catalogue, "default", {"requests_per_minute": None})


@pytest.mark.usefixtures("limited")
def test_each_search_of_a_batch_counts_towards_the_rate(client):
    first = client.post(BATCH, json=asked(*["x"] * 7))
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (200, "3")
    second = client.post(BATCH, json=asked(*["x"] * 4))
    assert (second.status_code, second.headers["x-ratelimit-remaining"]) == (429, "2")
    too_large = client.post(BATCH, json=asked(*["x"] * 11))
    assert (too_large.status_code, too_large.json()["error"]) == (400, "InvalidInput")
    assert "11 requests at once" in too_large.json()["message"]


def test_what_comes_too_late_says_so_and_the_batch_is_answered(client):
    answers = client.post(BATCH, json=asked("password", "invoice"), headers={"x-timeout-ms": "0.001"}).json()["answers"]
    assert {one["status"] for one in answers} == {504}


def test_a_body_of_more_than_two_mebibytes_is_refused(client):
    assert client.post(BATCH, json=asked("x" * (2 << 20))).status_code == 413
    assert client.post(BATCH, json=asked(*["y" * 19_000] * 20)).status_code == 200
