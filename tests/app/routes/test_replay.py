"""Replays over HTTP: administrators of their own tenant's requests, operators of all."""

import pytest

from app.main import create_app, refresh
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.tenants import change_limits, ensure_tenant
from tests.support.api_client import TestClient


@pytest.fixture
def client(served_home):
    change_limits(served_home.catalogue, "default", {"log_queries": True})
    settings = served_home.settings.model_copy(update={"log_queries": True})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


@pytest.fixture
def post(served_home, client):
    def post(path, whose="default", scopes=("admin", "search"), **body):
        ensure_tenant(served_home.catalogue, whose)
        secret = create_key(served_home.catalogue, whose, scopes=scopes)[1]
        return client.post(path, json=body, headers={"Authorization": f"Bearer {secret}"})

    return post


@pytest.fixture
def query_id(client, post):
    answer = post("/v1/search", query="forgotten password", collection="helpdesk").json()
    services = client.app.state.services
    assert services.records.recorder.flush(20.0)
    assert services.views.flush(20.0)
    return answer["query_id"]


def test_a_request_is_answered_again_with_the_same_hits(post, query_id):
    answer = post("/v1/replay", query_id=query_id)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["outcome"], found["message"], found["differences"], found["release"]) == (
        "identical",
        None,
        [],
        "1.1",
    )
    assert found["hits"][0]["document_id"] == "password"
    assert post("/v1/replay", "rival", (OPERATOR,), query_id=query_id).json()["outcome"] == "identical"


def test_another_tenant_s_request_is_as_unknown_as_one_that_never_was(post, query_id):
    answers = [
        post("/v1/replay", "rival", query_id=query_id),
        post("/v1/replay", query_id="01a22436-fe47-7d41-adba-4ddb93916ade"),
        post("/v1/replay", query_id="no id"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert post("/v1/replay", scopes=("search",), query_id=query_id).status_code == 403


def test_a_query_id_of_another_tenant_or_of_none_is_refused_without_a_look_into_the_ledger(post, query_id, monkeypatch):
    asked = []
    monkeypatch.setattr("app.services.replay_questions.served_request", lambda *arguments: asked.append(arguments))
    made_up = query_id[:-4] + ("AAAA" if query_id[-4:] != "AAAA" else "BBBB")
    answers = [post("/v1/replay", "rival", query_id=query_id), post("/v1/replay", query_id=made_up)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert asked == []


def test_a_release_that_is_not_open_here_is_left_to_the_command_line(client, post, query_id):
    pool = client.app.state.services.pool
    pool.now = lambda: type("Now", (), {"releases": {}})()
    found = post("/v1/replay", query_id=query_id).json()
    assert (found["outcome"], found["hits"]) == ("release_unreadable", [])
    assert "groundwork replay" in found["message"]
