"""Tenants and keys over HTTP: who may do what, what is refused and how, and what nobody learns."""

import json
import logging

import pytest

from app.access.rate_limit import RateLimiter
from app.main import create_app
from indexing.catalogue.api_keys import OPERATOR, SCOPES, create_key, list_keys, parse_expiry, revoke_key
from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.documents import load_document
from indexing.catalogue.tenants import create_tenant, ensure_tenant, list_tenants, read_tenant, revoke_tenant
from indexing.home import Home
from indexing.records import Document, Partition
from indexing.telemetry import JsonFormatter
from tests.conftest import settings_at
from tests.support.api_client import TestClient
from tests.support.api_document import api_document
from tests.support.migrated_catalogue import place_home

NEEDED = {
    ("post", "/v1/search"): "search",
    ("post", "/v1/search:batch"): "search",
    ("post", "/v1/context"): "search",
    ("post", "/rerank"): "search",
    ("post", "/v1/rerank"): "search",
    ("post", "/v2/rerank"): "search",
    ("post", "/v1/dify/retrieval"): "search",
    ("post", "/mcp"): "search",
    ("post", "/mcp/{collection}"): "search",
    ("post", "/v1/feedback"): "search",
    ("post", "/v1/embeddings"): "search",
    ("get", "/v1/models"): "search",
    ("get", "/v1/models/{model}"): "search",
    ("post", "/v1/vector_stores/{vector_store_id}/search"): "search",
    ("post", "/v1/files"): "write",
    ("get", "/v1/files"): "write",
    ("get", "/v1/files/{file_id}"): "write",
    ("delete", "/v1/files/{file_id}"): "write",
    ("get", "/v1/files/{file_id}/content"): "write",
    ("post", "/v1/uploads"): "write",
    ("post", "/v1/uploads/{upload_id}/parts"): "write",
    ("post", "/v1/uploads/{upload_id}/complete"): "write",
    ("post", "/v1/uploads/{upload_id}/cancel"): "write",
    ("post", "/v1/vector_stores"): "write",
    ("get", "/v1/vector_stores"): "search",
    ("get", "/v1/vector_stores/{vector_store_id}"): "search",
    ("post", "/v1/vector_stores/{vector_store_id}"): "write",
    ("delete", "/v1/vector_stores/{vector_store_id}"): "write",
    ("post", "/v1/vector_stores/{vector_store_id}/files"): "write",
    ("get", "/v1/vector_stores/{vector_store_id}/files"): "write",
    ("get", "/v1/vector_stores/{vector_store_id}/files/{file_id}"): "write",
    ("post", "/v1/vector_stores/{vector_store_id}/files/{file_id}"): "write",
    ("delete", "/v1/vector_stores/{vector_store_id}/files/{file_id}"): "write",
    ("get", "/v1/vector_stores/{vector_store_id}/files/{file_id}/content"): "write",
    ("post", "/v1/vector_stores/{vector_store_id}/file_batches"): "write",
    ("get", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}"): "write",
    ("post", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel"): "write",
    ("get", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files"): "write",
    ("post", "/v1/collections/{collection}/uploads"): "write",
    ("get", "/v1/collections/{collection}/uploads"): "write",
    ("get", "/v1/collections/{collection}/uploads/{file_id}"): "write",
    ("delete", "/v1/collections/{collection}/uploads/{file_id}"): "write",
    ("post", "/v1/collections/{collection}/recall"): "admin",
    ("get", "/v1/collections/{collection}/legs"): "admin",
    ("get", "/v1/collections"): "search",
    ("put", "/v1/collections/{collection}"): "write",
    ("delete", "/v1/collections/{collection}"): "write",
    ("get", "/v1/collections/{collection}/documents"): "search",
    ("post", "/v1/collections/{collection}/documents:batch"): "write",
    ("patch", "/v1/collections/{collection}/documents/{document_id}"): "write",
    ("post", "/v1/collections/{collection}/documents:list"): "search",
    ("post", "/v1/collections/{collection}/documents:count"): "search",
    ("post", "/v1/collections/{collection}/documents:delete"): "write",
    ("put", "/v1/collections/{collection}/documents/{document_id}"): "write",
    ("get", "/v1/collections/{collection}/documents/{document_id}"): "search",
    ("delete", "/v1/collections/{collection}/documents/{document_id}"): "write",
    ("get", "/v1/build-requests"): "admin",
    ("post", "/v1/tenants"): "operator",
    ("get", "/v1/tenants"): "operator",
    ("get", "/v1/tenants/{tenant}"): "admin",
    ("patch", "/v1/tenants/{tenant}"): "operator",
    ("delete", "/v1/tenants/{tenant}"): "operator",
    ("post", "/v1/keys"): "admin",
    ("get", "/v1/keys"): "admin",
    ("delete", "/v1/keys/{key_id}"): "admin",
    ("get", "/v1/ledger/requests/{request_id}"): "admin",
    ("get", "/v1/ledger/served"): "admin",
    ("get", "/v1/ledger/model"): "operator",
    ("post", "/v1/replay"): "admin",
    ("get", "/v1/features"): "admin",
    ("get", "/v1/features:skew"): "admin",
    ("get", "/v1/features/{view}"): "operator",
    ("get", "/v1/features/{view}/diff"): "operator",
    ("post", "/v1/features/{view}/materialise"): "operator",
    ("post", "/v1/collections/{collection}/features:push"): "write",
    ("post", "/v1/collections/{collection}/features:get"): "write",
    ("get", "/v1/releases"): "operator",
    ("get", "/v1/releases/{release}"): "operator",
    ("get", "/v1/releases/{release}/diff"): "operator",
    ("post", "/v1/releases:promote"): "operator",
    ("post", "/v1/releases:rollback"): "operator",
    ("get", "/v1/lineage"): "operator",
    ("get", "/v1/pins"): "operator",
    ("put", "/v1/pins/{tenant}"): "operator",
    ("delete", "/v1/pins/{tenant}"): "operator",
    ("get", "/v1/preparations"): "operator",
    ("post", "/v1/preparations"): "operator",
    ("get", "/v1/preparations/{preparation}"): "operator",
    ("post", "/v1/preparations/{preparation}/cancel"): "operator",
    ("get", "/v1/rollouts"): "operator",
    ("post", "/v1/rollouts"): "operator",
    ("get", "/v1/rollouts/{rollout}"): "operator",
    ("post", "/v1/rollouts/{rollout}/shadow"): "operator",
    ("post", "/v1/rollouts/{rollout}/canary"): "operator",
    ("post", "/v1/rollouts/{rollout}/ab"): "operator",
    ("post", "/v1/rollouts/{rollout}/interleaving"): "operator",
    ("post", "/v1/rollouts/{rollout}/share"): "operator",
    ("post", "/v1/rollouts/{rollout}/pause"): "operator",
    ("post", "/v1/rollouts/{rollout}/resume"): "operator",
    ("post", "/v1/rollouts/{rollout}/reject"): "operator",
    ("post", "/v1/rollouts/{rollout}/end"): "operator",
    ("post", "/v1/rollouts/{rollout}/promote"): "operator",
    ("post", "/v1/rollouts/{rollout}/rollback"): "operator",
    ("get", "/v1/alerts"): "operator",
    ("post", "/v1/alerts/{alert}:acknowledge"): "operator",
    ("get", "/"): None,
    ("get", "/livez"): None,
    ("get", "/readyz"): None,
    ("get", "/metrics"): None,
}
"""The scope that each route asks for. A new route must be entered here."""


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def client(home):
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A client for tests that ask for nothing that is there, and its home."""
    folder = tmp_path_factory.mktemp("admin")
    place_home(folder / "home")
    with TestClient(create_app(settings_at(folder)), raise_server_exceptions=False) as client:
        yield client, client.app.state.services.home


@pytest.fixture
def make(home: Home):
    """Makes a key of a tenant and gives the headers that carry it."""
    return maker(home)


def maker(home: Home):
    def make_key(*scopes, tenant="acme", **fields):
        ensure_tenant(home.catalogue, tenant)
        return bearer(create_key(home.catalogue, tenant, scopes=scopes or SCOPES, **fields)[1])

    return make_key


@pytest.fixture
def operator(make):
    return make(OPERATOR, tenant="default")


def operations():
    """Every route of the OpenAPI document with its method."""
    paths = api_document()["paths"]
    return {(method, path): one for path, methods in paths.items() for method, one in methods.items()}


def call(client, method, path, headers):
    """A request that a caller with the right to make it would be refused for its body or an unknown name."""
    unknown = {"collection": "none", "document_id": "none", "request_id": "none", "rollout": 9999, "release": "9999"}
    unknown |= {"alert": 9999, "preparation": 9999, "model": "none", "vector_store_id": "none", "view": "none"}
    unknown |= {"file_id": "none", "batch_id": "none", "upload_id": "none"}
    path = path.format(tenant="nobody", key_id="k_unknown", **unknown)
    body = {"content": b"[]"} if method in ("post", "patch", "put") else {}
    return client.request(method, path, headers={**headers, "Content-Type": "application/json"}, **body)


def problem(response):
    """The name and the message of a refusal, in either shape."""
    body = response.json()
    if "error_code" in body:  # Dify's shape
        return {1002: "Unauthorized", 403: "Forbidden"}[body["error_code"]], body["error_msg"]
    error = body["error"]
    if isinstance(error, str):
        return error, response.json()["message"]
    return {"invalid_api_key": "Unauthorized", "insufficient_permissions": "Forbidden"}[error["code"]], error["message"]


def test_every_route_of_the_document_asks_for_the_scope_that_is_written_down_here():
    found = operations()
    assert set(found) == set(NEEDED)
    for route, scope in NEEDED.items():
        assert found[route].get("security") == ([{"HTTPBearer": [scope]}] if scope else None), route


def test_without_a_valid_key_every_route_that_asks_for_one_is_401(client, home, make, monkeypatch):
    headers = {"no": {}, "unknown": bearer("gw_unknown"), "scheme": {"Authorization": "Basic YTpi"}}
    headers["expired"] = make(expires_at=parse_expiry("30m"))
    for name in ("revoked", "closed"):
        headers[name] = make(tenant=name)
    revoke_key(home.catalogue, list_keys(home.catalogue, "revoked")[0].id)
    revoke_tenant(home.catalogue, "closed")
    monkeypatch.setattr("indexing.catalogue.api_keys.utc_now", lambda: "2999-01-01T00:00:00.000+00:00")
    for (method, path), scope in NEEDED.items():
        for kind, given in headers.items():
            response = call(client, method, path, given)
            if scope is None:
                assert response.status_code in (200, 503), (path, kind)
                continue
            assert response.status_code == 401, (method, path, kind)
            assert response.headers["www-authenticate"] == "Bearer"
            assert problem(response)[0] == "Unauthorized"


@pytest.mark.parametrize("scopes", [("search",), ("write",), ("admin",), ("operator",), SCOPES], ids=" ".join)
def test_a_key_does_what_its_scopes_say_and_nothing_else(shared, scopes):
    client, home = shared
    headers = maker(home)(*scopes)
    for (method, path), scope in NEEDED.items():
        response = call(client, method, path, headers)
        is_allowed = scope is None or scope in scopes or (scope == "admin" and OPERATOR in scopes)
        if is_allowed:
            assert response.status_code in (200, 201, 204, 400, 404, 409, 415, 422, 503), (method, path)
        else:
            assert response.status_code == 403, (method, path)
            name, message = problem(response)
            assert name == "Forbidden"
            assert f"the scope '{scope}'" in message


def test_another_tenants_names_and_ids_look_like_ones_that_do_not_exist(client, home, make):
    headers = make(tenant="zeta")
    make(tenant="acme")
    theirs = list_keys(home.catalogue, "acme")[0]
    asked = 0
    for (method, path), operation in operations().items():
        if NEEDED[method, path] != "admin" or "{collection}" in path:
            continue
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        urls = [path] if "{" in path else []
        if "tenant" in names and "{tenant}" not in path:
            urls.append(f"{path}?tenant={{tenant}}")
        for url in urls:
            bodies = []
            for tenant, key in (("acme", theirs.id), ("nobody", "k_unknown")):
                content = {"json": {"scopes": ["search"]}} if method == "post" else {}
                response = client.request(
                    method, url.format(tenant=tenant, key_id=key, request_id=key), headers=headers, **content
                )
                assert response.status_code == 404, (method, url)
                body = response.json()["message"]
                bodies.append(body.replace(tenant, "NAME").replace(key, "ID"))
            assert bodies[0] == bodies[1]
            asked += 1
    assert asked >= 5
    assert list_keys(home.catalogue, "acme") == [theirs]


def test_another_tenants_collections_answer_as_if_they_did_not_exist(client, home, make):
    headers = make(tenant="zeta")
    put_documents(home.catalogue, Partition("acme", "help"), [Document("a", "Apples", "Red and round.")])
    bodies = {"documents:batch": {"documents": [{"id": "b", "text": "t"}]}, "documents/{document_id}": {"text": "t"}}
    bodies["documents:delete"] = {"filter": {"type": "eq", "key": "k", "value": 1}}
    asked = 0
    for method, path in NEEDED:
        if "{collection}" not in path:
            continue
        answers = []
        for collection in ("help", "nowhere"):
            url = path.format(collection=collection, document_id="a", file_id="a")
            body = bodies.get(path.removeprefix("/v1/collections/{collection}/"), {})
            content = {"json": body} if method in ("post", "put") else {}
            response = client.request(method, url, headers=headers, **content)
            answers.append((response.status_code, response.json().get("message", "").replace(collection, "NAME")))
        assert answers[0] == answers[1], (method, path)
        for collection in collection_sizes(home.catalogue, "zeta"):
            client.delete(f"/v1/collections/{collection}", headers=headers)
        asked += 1
    assert asked >= 8
    assert collection_sizes(home.catalogue, "acme") == {"help": 1}
    assert load_document(home.catalogue, Partition("acme", "help"), "a").text == "Red and round."


# Keys


def test_a_key_is_made_shown_once_used_listed_and_revoked(client, home, make):
    headers = make()
    body = {"name": "website", "scopes": ["search", "admin"], "expires_at": "2999-01-01T02:00+02:00"}
    response = client.post("/v1/keys", json=body, headers=headers)
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    made = response.json()
    secret = made.pop("key")
    assert (made["tenant"], made["name"], made["scopes"]) == ("acme", "website", ["search", "admin"])
    assert made["expires_at"] == "2999-01-01T00:00:00.000+00:00"
    listed = client.get("/v1/keys", headers=bearer(secret))
    assert made in listed.json()["keys"]
    assert secret not in listed.text
    revoked = client.delete(f"/v1/keys/{made['id']}", headers=headers)
    assert revoked.status_code == 200
    assert revoked.json()["revoked_at"] is not None
    assert secret not in revoked.text
    assert client.get("/v1/keys", headers=bearer(secret)).status_code == 401


def test_a_key_may_revoke_itself(client, make, home):
    headers = make()
    (own,) = list_keys(home.catalogue, "acme")
    assert client.delete(f"/v1/keys/{own.id}", headers=headers).status_code == 200
    assert client.get("/v1/keys", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("own", "asked", "status"),
    [
        (("admin",), ["search"], 403),
        (("admin", "search"), ["search", "write"], 403),
        (("admin", "search"), ["search", "admin"], 201),
        (SCOPES, ["operator"], 422),
        ((*SCOPES, OPERATOR), ["operator"], 422),
        ((OPERATOR,), ["search", "write", "admin"], 201),
        (SCOPES, [], 422),
    ],
)
def test_no_key_makes_one_that_may_do_more(client, home, make, own, asked, status):
    headers = make(*own)
    assert client.post("/v1/keys", json={"scopes": asked}, headers=headers).status_code == status
    assert len(list_keys(home.catalogue, "acme")) == 1 + (status == 201)
    assert sum(OPERATOR in key.scopes for key in list_keys(home.catalogue)) == (OPERATOR in own)


def test_no_key_makes_one_that_outlives_it(client, make):
    headers = make(expires_at=parse_expiry("30d"))
    for expires_at, status in ((None, 403), ("2999-01-01T00:00Z", 403)):
        body = {"scopes": ["search"], "expires_at": expires_at}
        assert client.post("/v1/keys", json=body, headers=headers).status_code == status


@pytest.mark.parametrize(("expires_at", "status"), [("2001-01-01T00:00Z", 400), ("2999-01-01T00:00", 422), ("x", 422)])
def test_an_expiry_in_the_past_or_without_a_zone_is_refused(shared, expires_at, status):
    client, home = shared
    headers, before = maker(home)(), list_keys(home.catalogue)
    response = client.post("/v1/keys", json={"expires_at": expires_at}, headers=headers)
    assert response.status_code == status
    assert list_keys(home.catalogue) == before


def test_an_operators_key_needs_an_operator_to_be_revoked_and_the_last_one_stays(client, home, make, operator):
    (key,) = [key for key in list_keys(home.catalogue, "default") if OPERATOR in key.scopes]
    response = client.delete(f"/v1/keys/{key.id}", headers=make(tenant="default"))
    assert response.status_code == 403
    assert "'operator'" in response.json()["message"]
    response = client.delete(f"/v1/keys/{key.id}", headers=operator)
    assert response.status_code == 400
    assert "No operator's key would be left" in response.json()["message"]
    assert client.delete("/v1/tenants/default", headers=operator).status_code == 400
    assert client.get("/v1/tenants", headers=operator).status_code == 200
    second = make(OPERATOR, tenant="acme")
    assert client.delete(f"/v1/keys/{key.id}", headers=operator).status_code == 200
    assert client.get("/v1/tenants", headers=second).status_code == 200


def test_an_operator_looks_after_the_keys_of_any_tenant_that_is_named(client, home, make, operator):
    make(tenant="acme")
    (theirs,) = list_keys(home.catalogue, "acme")
    made = client.post("/v1/keys?tenant=acme", json={"scopes": ["write"]}, headers=operator).json()
    assert made["tenant"] == "acme"
    listed = client.get("/v1/keys?tenant=acme", headers=operator).json()["keys"]
    assert [key["id"] for key in listed] == [theirs.id, made["id"]]
    assert client.delete(f"/v1/keys/{theirs.id}", headers=operator).status_code == 404  # of the operator's own tenant
    assert client.delete(f"/v1/keys/{theirs.id}?tenant=acme", headers=operator).status_code == 200


def test_lists_come_in_pages(client, make, home, operator):
    for number in range(7):
        make(tenant=f"t{number}")
    for path, name, kind in (("/v1/tenants", "name", "tenants"), ("/v1/keys?tenant=t3", "id", "keys")):
        for _ in range(3):
            make(tenant="t3")
        found, after = [], ""
        while after is not None:
            page = client.get(path, params={"limit": 2, "after": after, "tenant": "t3"}, headers=operator).json()
            found += [one[name] for one in page[kind]]
            after = page["next"]
        everything = client.get(path, params={"limit": 1000, "tenant": "t3"}, headers=operator).json()
        assert found == [one[name] for one in everything[kind]]
        assert everything["next"] is None
    assert client.get("/v1/tenants?limit=0", headers=operator).status_code == 422


# Tenants


def test_a_tenant_is_made_listed_limited_and_revoked(client, make, operator):
    body = {"name": "acme", "max_documents": 10, "requests_per_minute": 100}
    made = client.post("/v1/tenants", json=body, headers=operator)
    assert made.status_code == 201
    assert made.json().items() >= {**body, "max_passages": None, "documents": 0, "revoked_at": None}.items()
    assert client.post("/v1/tenants", json=body, headers=operator).status_code == 409
    headers = make("admin", tenant="acme")
    assert client.get("/v1/tenants/acme", headers=headers).json() == made.json()
    changes = {"max_documents": None, "max_passages": 5}
    changed = client.patch("/v1/tenants/acme", json=changes, headers=operator).json()
    assert changed == {**made.json(), **changes}
    assert made.json()["name"] in [one["name"] for one in client.get("/v1/tenants", headers=operator).json()["tenants"]]
    assert client.delete("/v1/tenants/acme", headers=operator).json()["revoked_at"] is not None
    assert client.get("/v1/tenants/acme", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"name": "a/b"}, 400),
        ({"name": ""}, 422),
        ({"name": "x" * 129}, 422),
        ({"name": "acme", "max_documents": -1}, 422),
        ({"name": "acme", "requests_per_minute": 0}, 422),
        ({"name": "acme", "colour": "red"}, 422),
    ],
)
def test_a_tenant_that_cannot_be_is_refused(shared, body, status):
    client, home = shared
    operator = maker(home)(OPERATOR, tenant="default")
    before = list_tenants(home.catalogue)
    assert client.post("/v1/tenants", json=body, headers=operator).status_code == status
    assert list_tenants(home.catalogue) == before


# Limits


def counted(client, reason):
    line = f'groundwork_refusals_total{{reason="{reason}"}} '
    return sum(
        float(one.removeprefix(line)) for one in client.get("/metrics").text.splitlines() if one.startswith(line)
    )


def test_a_tenant_over_its_rate_is_told_when_to_come_back_and_others_go_on(client, home, make, operator):
    now = [0.0]
    client.app.state.services.limiter = RateLimiter(clock=lambda: now[0])
    headers, others = make(), make(tenant="zeta")
    client.patch("/v1/tenants/acme", json={"requests_per_minute": 3}, headers=operator)
    for _ in range(5):
        client.get("/v1/keys", headers=bearer("gw_unknown"))  # takes nothing of anybody
        client.get("/livez", headers=headers)
    statuses = [client.get("/v1/keys", headers=headers).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    response = client.post("/v1/search", json={"query": "x"}, headers=headers)
    assert response.status_code == 429
    assert response.json()["error"] == "RateLimited"
    assert response.headers["retry-after"] == "20"
    assert client.get("/v1/keys", headers=others).status_code == 200
    for path in ("/livez", "/metrics"):
        assert client.get(path, headers=headers).status_code == 200
    now[0] += 20
    assert client.get("/v1/keys", headers=headers).status_code == 200
    assert (counted(client, "rate"), counted(client, "key")) == (2, 5)


def test_refusals_are_counted_by_reason_without_a_tenant(client, make):
    client.get("/v1/tenants", headers=make())
    client.get("/v1/tenants")
    assert (counted(client, "scope"), counted(client, "key")) == (1, 1)
    assert "acme" not in client.get("/metrics").text


def test_a_quota_that_is_used_up_is_429_with_its_numbers(client, home, make, operator):
    headers = make()
    client.patch("/v1/tenants/acme", json={"max_documents": 1}, headers=operator)
    put_documents(home.catalogue, Partition("acme", "help"), [Document("a", "", "")])
    response = client.put("/v1/collections/help/documents/b", json={"text": "one more"}, headers=headers)
    assert response.status_code == 429
    assert response.json()["error"] == "QuotaExceeded"
    assert "may hold 1 documents and would hold 2" in response.json()["message"]
    assert response.headers["retry-after"] == "3600"
    assert counted(client, "quota") == 1
    assert read_tenant(home.catalogue, "acme").documents == 1


def test_the_log_names_tenant_and_key_and_never_a_secret(client, home, make, caplog):
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(JsonFormatter().format(record))

    handler = Keep()
    logging.getLogger().addHandler(handler)
    caplog.set_level(logging.DEBUG)
    try:
        headers = make()
        (own,) = list_keys(home.catalogue, "acme")
        made = client.post("/v1/keys", json={"scopes": ["search"]}, headers=headers).json()
        client.get("/v1/keys", headers=bearer(made["key"]))
        client.delete(f"/v1/keys/{made['id']}", headers=headers)
        client.get("/v1/keys", headers=bearer(made["key"]))
        client.get("/livez")
    finally:
        logging.getLogger().removeHandler(handler)
    text = "\n".join(lines)
    for secret in (made["key"], headers["Authorization"].removeprefix("Bearer ")):
        assert secret not in text
    events = {json.loads(line)["event"]: json.loads(line) for line in lines if '"logger": "app' in line}
    created, revoked = events["key.created"], events["key.revoked"]
    assert (created["tenant"], created["key_id"], created["new_key_id"]) == ("acme", own.id, made["id"])
    assert (revoked["key_id"], revoked["revoked_key_id"]) == (own.id, made["id"])
    assert events["request.refused"]["reason"] == "key"
    assert "tenant" not in events["request.refused"]


def test_names_with_odd_characters_can_be_looked_after(client, home, operator):
    for name in ("Größe & 東京", "a b?c#d", "50%"):
        create_tenant(home.catalogue, name)
        made = client.post("/v1/keys", params={"tenant": name}, json={"scopes": ["search"]}, headers=operator)
        assert made.json()["tenant"] == name
