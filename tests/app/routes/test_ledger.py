"""The ledger over HTTP: operators ask about all tenants, administrators about their own."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.ledger.query_ids import SECRET, QueryIds
from app.main import create_app, refresh
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.home_secrets import home_secret
from indexing.catalogue.models import insert_model
from indexing.catalogue.tenants import ensure_tenant
from indexing.errors import LedgerUnavailable
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, lexical_view
from indexing.ledger import day_sources
from indexing.ledger.erasure import erase_rows
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe
from indexing.retention.tenant_erasure import user_scope
from tests.support.api_client import TestClient
from tests.support.ledger_rows import NOON, made_id, made_row


@pytest.fixture
def client(home):
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def rows(home):
    rows = [
        made_row(
            n, NOON + timedelta(hours=n), tenant=("acme", "zeta")[n % 2], release=f"{n // 4}.1", query={"query": "hi"}
        )
        for n in range(8)
    ]
    home.ledger.append(rows)
    return rows


@pytest.fixture
def ask(home, client):
    """Asks as an administrator of a tenant, or as the operator."""
    ensure_tenant(home.catalogue, "zeta")

    def ask(path, whose="acme", scopes=("admin",), **query):
        ensure_tenant(home.catalogue, whose)
        secret = create_key(home.catalogue, whose, scopes=scopes)[1]
        return client.get(path, params=query, headers={"Authorization": f"Bearer {secret}"})

    return ask


def operator(ask, path, **query):
    return ask(path, "default", (OPERATOR,), **query)


@pytest.fixture
def query_ids(home):
    return QueryIds(home_secret(home.catalogue, SECRET))


def test_a_tenant_s_request_is_found_by_each_of_its_ids(ask, rows, query_ids):
    query_id = query_ids.text("acme", rows[2].id)
    for name in (str(rows[2].id), query_id, "request-000002"):
        answer = ask(f"/v1/ledger/requests/{name}")
        assert answer.status_code == 200, answer.text
        (found,) = answer.json()["requests"]
        assert (found["id"], found["release"], found["query"]) == (str(rows[2].id), "0.1", {"query": "hi"})
        assert [hit["document_id"] for hit in found["hits"]] == ["a.md", "b.md"]
        assert not {"seq", "view", "process", "number"} & found.keys(), "these are the installation's own"


def test_another_tenant_s_request_cannot_be_told_from_none(ask, rows):
    for name in (str(rows[1].id), "request-000001", "request-none"):
        answer = ask(f"/v1/ledger/requests/{name}")
        assert (answer.status_code, answer.json()["error"]) == (404, "NotFound")
        assert name in answer.json()["message"]
    assert operator(ask, f"/v1/ledger/requests/{rows[1].id}").json()["requests"][0]["tenant"] == "zeta"
    assert len(operator(ask, "/v1/ledger/requests/request-000001").json()["requests"]) == 1


def test_a_query_id_that_was_made_up_or_is_another_tenant_s_is_refused_by_its_tag(ask, rows, query_ids):
    made_up = base64.urlsafe_b64encode(rows[2].id.bytes + b"8 of tag").decode()
    given_to_another = query_ids.text("zeta", rows[2].id)  # whatever the row says
    for name in (made_up, given_to_another, query_ids.text("zeta", rows[1].id)):
        assert ask(f"/v1/ledger/requests/{name}").status_code == 404, name
    found = operator(ask, f"/v1/ledger/requests/{query_ids.text('zeta', rows[1].id)}").json()["requests"]
    assert [one["tenant"] for one in found] == ["zeta"]


def test_a_caller_s_own_request_id_may_look_like_a_query_id(ask, home):
    name = base64.urlsafe_b64encode(made_row(9).id.bytes + b"8 of tag").decode()
    home.ledger.append([made_row(9, tenant="acme", request_id=name)])
    assert [one["request_id"] for one in ask(f"/v1/ledger/requests/{name}").json()["requests"]] == [name]


def test_what_served_a_tenant_is_told_with_shares(ask, rows):
    answer = ask("/v1/ledger/served", **{"from": (NOON + timedelta(hours=1)).isoformat()}, limit=2)
    seen = answer.json()
    assert (seen["tenant"], seen["answers"], seen["unread"]) == ("acme", 3, [])
    assert [(one["release"], one["arm"], one["requests"]) for one in seen["shares"]] == [
        ("1.1", "live", 2),
        ("0.1", "live", 1),
    ]
    assert [one["request_id"] for one in seen["newest"]] == ["request-000006", "request-000004"]
    until = (NOON + timedelta(hours=4)).isoformat()
    assert operator(ask, "/v1/ledger/served", tenant="zeta", to=until).json()["answers"] == 2


def test_another_tenant_is_the_operator_s_alone(ask, rows):
    assert ask("/v1/ledger/served", tenant="zeta").status_code == 404
    assert operator(ask, "/v1/ledger/served", tenant="none").status_code == 404


@pytest.mark.parametrize(
    "query", [{"from": "2026-11-24"}, {"to": "Tuesday"}, {"limit": 1001}, {"from": "2026-11-24T10:00"}]
)
def test_a_moment_without_a_time_zone_and_too_many_rows_are_refused(ask, rows, query):
    assert ask("/v1/ledger/served", **query).status_code == 422


def test_a_day_that_cannot_be_read_is_named(ask, rows, home):
    home.ledger.close()
    (home.path / "ledger" / "2026-11-24.db").write_bytes(b"damaged" * 2000)
    answer = ask(f"/v1/ledger/requests/{rows[2].id}")
    assert (answer.status_code, answer.json()["error"]) == (503, "LedgerUnavailable")
    assert "2026-11-24" in answer.json()["message"]
    assert ask("/v1/ledger/served").json()["unread"][0]["day"] == "2026-11-24"


def test_why_a_day_cannot_be_read_names_no_place_of_this_machine(ask, rows, home, monkeypatch):
    def fails(path, busy_timeout_seconds):
        raise LedgerUnavailable(f"{path} cannot be made: see /var/log/syslog")

    monkeypatch.setattr(day_sources, "open_source", fails)
    (told,) = ask("/v1/ledger/served").json()["unread"]
    assert told["reason"] == "HOME/ledger/2026-11-24.db cannot be made: see syslog"


def test_an_answer_is_found_again_by_its_query_id_and_its_user_can_be_erased(served_home):
    headers = {"Authorization": "Bearer test-key-0123456789"}
    with TestClient(create_app(served_home.settings)) as client:
        services = client.app.state.services
        refresh(services)
        body = {"query": "reset a password", "collection": "helpdesk", "user": "user-4711"}
        answer = client.post("/v1/search", json=body, headers=headers).json()
        assert services.records.recorder.flush(20.0)
        (found,) = client.get(f"/v1/ledger/requests/{answer['query_id']}", headers=headers).json()["requests"]
        assert (found["release"], found["arm"], found["query"]) == (answer["release"], "live", None)
        told = [(hit["document_id"], hit["score"]) for hit in answer["hits"]]
        assert [(hit["document_id"], hit["score"]) for hit in found["hits"]] == told
        assert client.get("/v1/ledger/served", headers=headers).json()["answers"] == 1
        assert erase_rows(served_home.ledger, user_scope(served_home, "default", "user-4711")) == 1
        assert client.get(f"/v1/ledger/requests/{answer['query_id']}", headers=headers).status_code == 404


def test_what_a_model_answered_is_told_to_operators(home, ask, rows):
    recipe = Recipe("m@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), RetrievalConfig())
    number = record_recipe(home.catalogue, recipe).number
    mine = [row for row in rows if row.release == f"{number}.1"]
    home.ledger.append([replace(mine[0], id=made_id(), number=99, kind="shadow")])
    found = operator(ask, "/v1/ledger/model", model="m@1", limit=3).json()
    assert (found["recipes"], found["answers"], found["shadows"]) == ([number], len(mine), 1)
    assert sum(one["requests"] for one in found["by_day"]) == len(mine) + 1
    assert [one["release"] for one in found["newest"]] == [f"{number}.1"] * 3
    insert_model(
        home.catalogue, "m", 1, json.dumps({"files": {}, "max_tokens": 8, "canonical": {}}), "2026-11-01T00:00:00+00:00"
    )
    assert operator(ask, "/v1/ledger/model", model="m", limit=3).json() == {**found, "model": "m@1"}
    assert operator(ask, "/v1/ledger/model", model="gone@1").status_code == 404
    assert ask("/v1/ledger/model", model="m@1").status_code == 403
