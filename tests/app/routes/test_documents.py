"""Documents and collections over HTTP: written durably, found soon, deleted at once, and nobody else's."""

import json
from functools import partial
from urllib.parse import quote

import pytest

from app.main import create_app, refresh
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.build_requests import open_requests
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import ensure_tenant
from indexing.records import Document, Partition, TextAccount
from tests.app.conftest import ARTICLES, release, serving
from tests.support.api_client import TestClient
from tests.support.api_document import api_document

KEY = {"Authorization": "Bearer test-key-0123456789"}
BASE = "/v1/collections/helpdesk"
VOICE = {"title": "Voice calls", "text": "Ring a customer from the inbox with the green telephone."}


@pytest.fixture
def client(served_home):
    with TestClient(create_app(served_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


@pytest.fixture(scope="module")
def shared(built_home, tmp_path_factory):
    """A client for tests that leave behind no document."""
    with serving(built_home, tmp_path_factory.mktemp("documents")) as client:
        yield client


@pytest.fixture
def make_key(served_home):
    def make(*scopes, tenant="default"):
        ensure_tenant(served_home.catalogue, tenant)
        return {"Authorization": f"Bearer {create_key(served_home.catalogue, tenant, scopes=scopes)[1]}"}

    return make


def put(client, name="voice", body=VOICE, headers=KEY, collection="helpdesk"):
    return client.put(
        f"/v1/collections/{quote(collection, safe='')}/documents/{quote(name)}", json=body, headers=headers
    )


def ask(client, query="green telephone", headers=KEY, **body):
    return client.post("/v1/search", json={"query": query, "collection": "helpdesk"} | body, headers=headers)


def ids(answer):
    return [hit["document_id"] for hit in answer.json()["hits"]]


def test_a_written_document_is_found_by_a_search_that_must_see_it(client):
    answer = put(client)
    assert answer.status_code == 200
    written = answer.json()
    assert {name: written[name] for name in ("id", "result", "searchable", "build_request")} == {
        "id": "voice",
        "result": "created",
        "searchable": True,
        "build_request": None,
    }
    found = ask(client, min_seq=written["seq"])
    assert found.status_code == 200
    assert ids(found)[0] == "voice"
    read = client.app.state.services.sequence_tokens.read
    assert read("default", found.json()["seq"]) >= read("default", written["seq"])
    assert found.json()["release"] == "1.1"
    assert client.get(f"{BASE}/documents/voice", headers=KEY).json()["searchable"] is True


def test_the_same_content_again_changes_nothing(client):
    first, again = put(client).json(), put(client)
    assert again.status_code == 200
    assert again.json() == first | {"result": "unchanged"}
    assert put(client, body=VOICE | {"url": "https://x.example"}).json()["result"] == "updated"


def test_a_document_is_read_as_it_was_written(client):
    body = VOICE | {
        "url": "https://x.example/é",
        "metadata": {"year": 2020, "tags": ["a", "ü"]},
        "content_type": "text/markdown",
        "allow": ["boss", "agents"],
    }
    seq = put(client, body=body).json()["seq"]
    found = client.get(f"{BASE}/documents/voice", headers=KEY).json()
    assert found["updated_at"].endswith("+00:00")
    expected = body | {"id": "voice", "collection": "helpdesk", "seq": seq, "allow": ["agents", "boss"]}
    assert {name: found[name] for name in expected} == expected


def test_a_document_that_was_read_from_a_file_shows_where_its_text_went(client, served_home):
    account = TextAccount("pdf 2", 40, 30, {"running lines": 10}, ("Page 2 of 3 is a picture.",))
    document = Document("guide.pdf", "Guide", "A guide.", account=account)
    put_documents(served_home.catalogue, Partition("default", "helpdesk"), [document], source="tree:/x")
    assert client.get(f"{BASE}/documents/guide.pdf", headers=KEY).json()["account"] == {
        "reader": "pdf 2",
        "raw": 40,
        "kept": 30,
        "left_out": {"running lines": 10},
        "unexplained": 0,
        "notes": ["Page 2 of 3 is a picture."],
    }
    put(client, "guide.pdf")
    assert client.get(f"{BASE}/documents/guide.pdf", headers=KEY).json()["account"] is None


def test_a_permission_in_the_metadata_is_refused_by_name(shared):
    answer = put(shared, body=VOICE | {"metadata": {"Allow": ["ann"]}})
    assert answer.status_code == 400
    assert "metadata.Allow: a list looks like a permission" in answer.text
    assert put(shared, body=VOICE | {"Allow": ["ann"]}).status_code == 422


@pytest.mark.parametrize(
    "name", ["a/b/c.md", "docs/ü ö?.md", "100%", "a+b&c=d", "😀", ".well-known/x", "x" * 512, "a//b"]
)
def test_any_id_may_be_written_read_and_deleted(shared, name):
    seq = put(shared, name).json()["seq"]
    path = f"{BASE}/documents/{quote(name, safe='')}"
    assert shared.get(path, headers=KEY).json()["id"] == name
    assert ids(ask(shared, min_seq=seq))[0] == name
    assert shared.delete(path, headers=KEY).json()["id"] == name
    assert shared.get(path, headers=KEY).status_code == 404
    assert name not in ids(ask(shared))


def test_a_delete_hides_before_it_is_answered(client):
    assert "password" in ids(ask(client, "reset my password"))
    answer = client.delete(f"{BASE}/documents/password", headers=KEY)
    assert answer.status_code == 200
    found = ask(client, "reset my password", k=100, min_seq=answer.json()["seq"])
    assert set(ids(found)) == ARTICLES.keys() - {"password"}
    assert client.delete(f"{BASE}/documents/password", headers=KEY).status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "named"),
    [
        ("\x07", VOICE, "control"),
        ("y" * 513, VOICE, "512"),
        ("a", VOICE | {"metadata": {"a": "x" * 70_000}}, "65536"),
        ("a", VOICE | {"metadata": {"a": list(range(10_001))}}, "10000 values"),
        (
            "a",
            VOICE | {"metadata": {"a": json.loads("[" * 40 + "]" * 40)}},
            "32 deep",
        ),
    ],
)
def test_what_a_document_may_not_hold_is_refused_by_name(shared, name, body, named):
    answer = put(shared, name, body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "InvalidInput"
    assert named in answer.json()["message"]


@pytest.mark.parametrize(
    "body", [{"texts": "x"}, {"text": 3}, {"allow": "boss"}, {"allow": [""]}, {"content_type": "text/html"}, []]
)
def test_a_malformed_document_is_refused(shared, body):
    assert put(shared, body=body).status_code == 422


def test_numbers_that_are_not_finite_and_lone_surrogates_are_refused(shared):
    for raw in (b'{"metadata": {"a": NaN}}', b'{"metadata": {"a": "\\ud800"}}', b'{"text": "\\ud800"}'):
        answer = shared.put(f"{BASE}/documents/a", content=raw, headers=KEY | {"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.json()["message"]


def test_a_batch_is_stored_whole_and_names_what_became_of_each(client):
    documents = [{"id": f"batch/{i}", **VOICE, "title": f"Voice {i}"} for i in range(5)]
    answer = client.post(f"{BASE}/documents:batch", json={"documents": documents}, headers=KEY)
    assert answer.status_code == 200
    written = answer.json()
    assert [one["id"] for one in written["documents"]] == [one["id"] for one in documents]
    read = partial(client.app.state.services.sequence_tokens.read, "default")
    assert read(written["seq"]) == max(read(one["seq"]) for one in written["documents"])
    assert set(ids(ask(client, min_seq=written["seq"]))[:5]) == {one["id"] for one in documents}


def test_a_batch_with_faults_stores_nothing_and_names_each(shared):
    documents = [
        {"id": "fine", **VOICE},
        {"id": "", **VOICE},
        {"id": "fine", **VOICE},
        {"id": "much", "metadata": {"a": "x" * 70_000}},
    ]
    answer = shared.post(f"{BASE}/documents:batch", json={"documents": documents}, headers=KEY)
    assert answer.status_code == 400
    for fault in ("documents.1.id", "documents.2.id 'fine' is there twice", "documents.3.metadata"):
        assert fault in answer.json()["message"]
    assert shared.get(f"{BASE}/documents/fine", headers=KEY).status_code == 404
    many = [{"id": str(i)} for i in range(101)]
    assert shared.post(f"{BASE}/documents:batch", json={"documents": many}, headers=KEY).status_code == 422


def test_a_list_has_every_document_once_and_no_texts(client):
    for i in range(7):
        put(client, f"more/{i}")
    names, after = [], ""
    while after is not None:
        page = client.get(f"{BASE}/documents", params={"limit": 5, "after": after}, headers=KEY).json()
        names += [one["id"] for one in page["documents"]]
        assert len(page["documents"]) <= 5
        assert not any("text" in one for one in page["documents"])
        after = page["next"]
    assert names == sorted({*ARTICLES, *(f"more/{i}" for i in range(7))})
    assert client.get(f"{BASE}/documents", params={"limit": 101}, headers=KEY).status_code == 422
    assert client.get("/v1/collections/nowhere/documents", headers=KEY).status_code == 404


def test_documents_are_deleted_by_the_filters_of_a_search(client):
    filters = {"type": "in", "key": "category", "value": ["p", "w"]}
    dry = client.post(f"{BASE}/documents:delete", json={"filters": filters, "dry_run": True}, headers=KEY).json()
    assert (dry["matched"], dry["deleted"], dry["seq"]) == (2, 0, None)
    answer = client.post(f"{BASE}/documents:delete", json={"filters": filters}, headers=KEY).json()
    assert (answer["matched"], answer["deleted"]) == (2, 2)
    assert set(ids(ask(client, "anything", k=100, mode="dense"))) == ARTICLES.keys() - {"password", "webhook"}
    again = client.post(f"{BASE}/documents:delete", json={"filters": filters}, headers=KEY).json()
    assert (again["matched"], again["seq"]) == (0, None)
    wrong = client.post(f"{BASE}/documents:delete", json={"filters": {"type": "like"}}, headers=KEY)
    assert (wrong.status_code, wrong.json()["error"]) == (422, "MalformedRequest")
    assert "filters is {'type': 'like'}: expected an object with type one of eq" in wrong.json()["message"]


def test_permissions_are_honoured_and_fail_closed(client, make_key):
    seq = put(client, body=VOICE | {"allow": ["boss"], "metadata": {"kind": "secret"}}).json()["seq"]
    reader, path = make_key("search"), f"{BASE}/documents/voice"
    assert client.get(path, headers=KEY).status_code == 200  # the tenant's own backend
    assert client.get(path, headers=KEY, params={"principals": "clerk"}).status_code == 404
    assert client.get(path, headers=KEY, params={"principals": ["clerk", "boss"]}).status_code == 200
    assert client.get(path, headers=reader).status_code == 404
    assert client.get(path, headers=reader, params={"principals": "boss"}).status_code == 200
    listed = client.get(f"{BASE}/documents", headers=reader).json()["documents"]
    assert "voice" not in [one["id"] for one in listed]
    assert "voice" not in ids(ask(client, min_seq=seq))
    assert "voice" in ids(ask(client, min_seq=seq, principals=["boss"]))
    body = {"filters": {"type": "eq", "key": "kind", "value": "secret"}}
    clerk = client.post(f"{BASE}/documents:delete", json=body | {"principals": ["clerk"]}, headers=KEY)
    assert clerk.json()["matched"] == 0
    assert client.post(f"{BASE}/documents:delete", json=body, headers=KEY).json()["deleted"] == 1


def test_a_large_write_is_stored_and_waits_for_a_build(client, served_home):
    text = "\n\n".join(f"Paragraph {i}: " + f"turnip{i} " * 15 for i in range(60))
    answer = put(client, "long", {"title": "Long", "text": text})
    assert answer.status_code == 202
    written = answer.json()
    assert written["searchable"] is False
    assert [one.id for one in open_requests(served_home.catalogue)] == [written["build_request"]]
    refused = ask(client, "turnip7", min_seq=written["seq"])
    assert refused.status_code == 412
    assert refused.json()["error"] == "NotYetSearchable"
    assert written["seq"] in refused.json()["message"]
    assert client.get(f"{BASE}/documents/long", headers=KEY).json()["text"] == text
    assert client.get(f"{BASE}/documents/long", headers=KEY).json()["searchable"] is False
    waiting = {one["id"]: one["searchable"] for one in client.get(f"{BASE}/documents", headers=KEY).json()["documents"]}
    assert waiting == dict.fromkeys(ARTICLES, True) | {"long": False}
    release(served_home)
    refresh(client.app.state.services)
    assert ids(ask(client, "turnip7", min_seq=written["seq"]))[0] == "long"
    assert client.get(f"{BASE}/documents/long", headers=KEY).json()["searchable"] is True
    assert open_requests(served_home.catalogue) == []


def test_a_write_that_never_comes_is_waited_for_and_then_refused(served_home):
    settings = served_home.settings.model_copy(update={"min_seq_seconds": 0.1})
    with TestClient(create_app(settings)) as client:
        refresh(client.app.state.services)
        token = client.app.state.services.sequence_tokens.of_write
        answer = ask(client, min_seq=token("default", 10_000))
        assert answer.status_code == 412
        assert "min_seq" in answer.json()["message"]
        assert ask(client, min_seq=token("default", 0)).status_code == 200
        assert ask(client, min_seq=10_000).status_code == 400  # a number that no version ever answered


def test_writes_before_any_release_are_stored_and_ask_for_a_build(home):
    settings = home.settings.model_copy(update={"api_key": "test-key-0123456789"})
    with TestClient(create_app(settings)) as client:
        answer = put(client)
        assert answer.status_code == 202
        assert open_requests(home.catalogue)[0].id == answer.json()["build_request"]
        assert client.get(f"{BASE}/documents/voice", headers=KEY).status_code == 200
        assert client.delete(f"{BASE}/documents/voice", headers=KEY).status_code == 200


def test_bodies_of_writes_may_be_larger_than_those_of_searches_but_not_endless(client):
    assert put(client, body={"text": "word " * 100_000}).status_code == 202
    answer = put(client, body={"text": "x" * (8 * 1024 * 1024)})
    assert answer.status_code == 413


def test_a_collection_is_made_listed_and_deleted_with_all_it_holds(client):
    made = client.put("/v1/collections/new%20one", headers=KEY)
    assert made.json() == {"name": "new one", "documents": 0, "created": True}
    assert client.put("/v1/collections/new%20one", headers=KEY).json()["created"] is False
    put(client, "a", collection="new one")
    listed = client.get("/v1/collections", headers=KEY).json()["collections"]
    assert listed == [{"name": "helpdesk", "documents": 5}, {"name": "new one", "documents": 1}]
    page = client.get("/v1/collections", params={"limit": 1}, headers=KEY).json()
    assert page["next"] == "helpdesk"
    assert client.get("/v1/collections", params={"after": "helpdesk"}, headers=KEY).json()["next"] is None
    answer = client.delete(BASE, headers=KEY).json()
    assert (answer["name"], answer["deleted"]) == ("helpdesk", 5)
    assert ask(client).status_code == 404
    assert client.delete(BASE, headers=KEY).status_code == 404
    put(client, "reborn")
    assert ids(ask(client, min_seq=put(client, "reborn").json()["seq"])) == ["reborn"]
    assert client.put("/v1/collections/" + "x" * 129, headers=KEY).status_code == 400


def routes():
    for path, operations in api_document()["paths"].items():
        if path.startswith("/v1/collections") and not path.endswith(("/recall", "/legs")):
            for method in operations.keys() & {"get", "put", "post", "delete", "patch"}:
                yield method, path


BODIES = {"batch": {"documents": [{"id": "mine"}]}, "delete": {"filters": {"type": "ne", "key": "a", "value": 1}}}


def call(client, method, path, headers, document="secret"):
    path = path.replace("{collection}", "vault").replace("{document_id}", document)
    takes_object = method in ("put", "patch") or path.endswith((":list", ":count"))
    body = BODIES.get(path.rpartition(":")[2]) or ({} if takes_object and "documents" in path else None)
    return client.request(method, path, headers=headers, **({} if body is None else {"json": body}))


def test_every_route_needs_its_scope(client, make_key):
    reader, writer = make_key("search", tenant="acme"), make_key("write", tenant="acme")
    for method, path in sorted(routes()):
        assert call(client, method, path, {}).status_code == 401
        needs_write = "/uploads" in path or (method != "get" and not path.endswith((":list", ":count")))
        assert (call(client, method, path, reader).status_code == 403) == needs_write, (method, path)
        assert (call(client, method, path, writer).status_code == 403) == (not needs_write), (method, path)


def test_a_quota_refuses_a_batch_whole(client, served_home):
    with served_home.catalogue.write() as db:
        db.conn.execute("UPDATE tenants SET max_documents = 6")
    documents = [{"id": str(i), **VOICE} for i in range(2)]
    answer = client.post(f"{BASE}/documents:batch", json={"documents": documents}, headers=KEY)
    assert answer.status_code == 429
    assert client.get("/v1/collections", headers=KEY).json()["collections"][0]["documents"] == 5
    assert put(client).status_code == 200


def test_metrics_tell_of_writes_and_of_the_live_layer(client):
    seq = put(client).json()["seq"]
    ask(client, min_seq=seq)
    client.delete(f"{BASE}/documents/password", headers=KEY)
    text = client.get("/metrics").text
    assert 'groundwork_document_writes_total{kind="put"} 1.0' in text
    assert 'groundwork_document_writes_total{kind="delete"} 1.0' in text
    assert "groundwork_live_passages 1.0" in text
    assert "groundwork_live_lag_seconds 0.0" in text
