"""Document features over HTTP: listed for admins, pushed and read by the tenant's own backend, nobody else's."""

from dataclasses import replace

import pytest

from app.main import create_app
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.tenants import create_tenant
from indexing.features.view_registry import record_view
from indexing.features.views import DOCUMENT_STATS, definition
from indexing.settings import Settings
from tests.support.api_client import TestClient
from tests.support.document_features import CLICKS
from tests.support.migrated_catalogue import place_home

BASE = "/v1/collections/help"
PUSH, READ = f"{BASE}/features:push", f"{BASE}/features:get"


@pytest.fixture
def client(tmp_path):
    settings = Settings(
        home=place_home(tmp_path / "home"), api_key="test-key-0123456789", sessions=1, poll_seconds=0.05
    )
    key = {"Authorization": "Bearer test-key-0123456789"}
    with TestClient(create_app(settings), raise_server_exceptions=False, headers=key) as client:
        record_view(client.app.state.services.home.catalogue, CLICKS)
        client.put(f"{BASE}/documents/a", json={"text": "x"})
        yield client


@pytest.fixture
def make_key(client):
    def make(*scopes, tenant="default"):
        catalogue = client.app.state.services.home.catalogue
        return {"Authorization": f"Bearer {create_key(catalogue, tenant, scopes=scopes)[1]}"}

    return make


def push(client, *rows, view="clicks", **options):
    return client.post(PUSH, json={"view": view, "rows": list(rows)}, **options)


def read(client, *ids, features=("clicks:clicks",), **more):
    answer = client.post(READ, json={"features": list(features), "ids": list(ids), **more})
    assert answer.status_code == 200, answer.text
    return [(one["id"], *one["values"].values()) for one in answer.json()["documents"]]


def test_views_are_listed_with_their_definitions(client):
    views = {one["view"]: one for one in client.get("/v1/features").json()["views"]}
    assert set(views) == {"clicks@1", "document_engagement@1", "document_stats@1"}
    stats = views["document_stats@1"]
    assert (stats["fingerprint"], stats["definition"]) == (DOCUMENT_STATS.fingerprint, definition(DOCUMENT_STATS))


def test_pushed_values_are_read_now_and_as_they_were_known(client):
    answer = push(client, {"id": "a", "values": {"clicks": 3}}, {"id": "gone", "values": {"clicks": 3}})
    assert answer.json() == {"view": "clicks@1", "rows": 1, "left_out": ["gone"]}
    missing = {"absent": "missing"}
    assert read(client, "a", "gone", "a") == [("a", 3), ("gone", missing), ("a", 3)]
    assert read(client, "a", features=("clicks:clicks", "clicks:share")) == [("a", 3, None)]
    assert read(client, "a", as_of="2020-01-01T00:00:00Z") == [("a", missing)]
    push(client, {"id": "a", "values": {"clicks": 9}, "event_time": "2020-01-01T00:00:00Z"})
    assert read(client, "a") == [("a", 3)]  # what happened before counts no more


@pytest.mark.parametrize(
    ("row", "status", "error"),
    [
        ({"id": "a", "values": {"clicks": "3"}}, 400, "InvalidInput"),
        ({"id": "a", "values": {"nope": 3}}, 400, "InvalidInput"),
        ({"id": "a", "values": {"clicks": [3]}}, 400, "InvalidInput"),
        ({"id": "a", "values": {}, "event_time": "soon"}, 400, "InvalidInput"),
        ({"id": "a", "values": {}, "event_time": "0001-01-01T00:00:00+23:59"}, 400, "InvalidInput"),
        ({"id": "a", "values": {}, "event_time": "2999-01-01"}, 400, "InvalidInput"),
        ({"id": "a"}, 422, "MalformedRequest"),
        ({"id": "a", "values": {}, "more": 1}, 422, "MalformedRequest"),
    ],
)
def test_a_row_that_is_not_acceptable_stores_none_of_its_batch(client, row, status, error):
    answer = push(client, {"id": "a", "values": {"clicks": 1}}, row)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert read(client, "a") == [("a", {"absent": "missing"})]


def test_computed_values_and_unknown_views_and_collections_are_refused(client):
    assert push(client, {"id": "a", "values": {}}, view="document_stats").status_code == 400
    assert push(client, {"id": "a", "values": {}}, view="nope").status_code == 404
    body = {"view": "clicks", "rows": [{"id": "a", "values": {}}]}
    assert client.post("/v1/collections/nope/features:push", json=body).status_code == 404
    assert client.post(READ, json={"features": ["clicks"], "ids": ["a"]}).status_code == 400
    assert client.post(READ, json={"features": ["nope:x"], "ids": ["a"]}).status_code == 404


def test_each_scope_opens_its_routes_alone(client, make_key):
    searcher, writer = make_key("search"), make_key("write")
    assert client.get("/v1/features", headers=writer).status_code == 403
    assert push(client, {"id": "a", "values": {}}, headers=searcher).status_code == 403
    body = {"features": ["clicks:clicks"], "ids": ["a"]}
    assert client.post(READ, json=body, headers=searcher).status_code == 403
    assert client.post(READ, json=body, headers=writer).status_code == 200


def test_values_of_another_tenant_are_as_if_they_were_not_there(client, make_key):
    push(client, {"id": "a", "values": {"clicks": 3}})
    create_tenant(client.app.state.services.home.catalogue, "rival")
    body = {"features": ["clicks:clicks"], "ids": ["a"]}
    assert client.post(READ, json=body, headers=make_key("write", tenant="rival")).status_code == 404


@pytest.fixture
def operator(client, make_key):
    """Asks about views as the operator."""
    headers = make_key(OPERATOR)
    return lambda method, path: client.request(method, f"/v1/features/{path}", headers=headers)


def test_a_view_is_shown_with_what_it_lacks_and_computed_in_parts(client, operator):
    for name in ("b", "c"):
        client.put(f"{BASE}/documents/{name}", json={"text": name})
    shown = operator("get", "document_stats").json()
    assert (shown["view"], shown["rows"], shown["documents_lacking"]) == ("document_stats@1", 0, 3)
    assert shown["definition"] == definition(DOCUMENT_STATS)
    rows = [operator("post", "document_stats/materialise?documents=2").json() for _ in range(3)]
    assert [(one["rows"], one["documents_lacking"]) for one in rows] == [(2, 1), (1, 0), (0, 0)]
    shown = operator("get", "document_stats@1").json()
    assert (shown["rows"], shown["documents"], shown["documents_lacking"], shown["recipes"]) == (3, 3, 0, [])
    assert read(client, "a", features=("document_stats:length",)) == [("a", 1)]
    pushed = operator("get", "clicks").json()
    assert (pushed["documents_lacking"], pushed["known_at"], pushed["is_from_ledger"]) == (None, None, False)


@pytest.mark.parametrize("view", ["clicks", "document_engagement"])
def test_what_is_not_computed_from_documents_is_refused(operator, view):
    answer = operator("post", f"{view}/materialise")
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidInput")
    assert view in answer.json()["message"]


def test_two_views_are_compared_field_by_field(client, operator):
    record_view(client.app.state.services.home.catalogue, replace(CLICKS, version=2, ttl_seconds=60))
    answer = operator("get", "clicks@2/diff?before=clicks@1")
    assert answer.json() == {"changes": {"version": [1, 2], "ttl_seconds": [CLICKS.ttl_seconds, 60]}}
    assert operator("get", "clicks@9/diff?before=clicks").status_code == 404


def test_operators_alone_see_and_compute_what_is_of_all_tenants(client, make_key):
    headers = make_key("admin", "write")
    for method, path in (
        ("get", "clicks"),
        ("get", "clicks/diff?before=clicks"),
        ("post", "document_stats/materialise"),
    ):
        assert client.request(method, f"/v1/features/{path}", headers=headers).status_code == 403
