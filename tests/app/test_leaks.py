"""Every route of the OpenAPI document, walked with two tenants' keys: neither learns of the other nor harms it."""

import io
import json
from contextlib import closing
from datetime import UTC, datetime

import pytest

from app.ledger.query_ids import SECRET, QueryIds
from app.main import create_app, refresh
from app.services.file_reader import FileReader
from indexing.catalogue.api_keys import create_key, list_keys
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.file_uploads import create_upload
from indexing.catalogue.home_secrets import home_secret
from indexing.catalogue.tenants import ensure_tenant
from indexing.catalogue.vector_stores import create_batch
from indexing.features.view_registry import record_view
from indexing.ledger.readers import requests_of
from indexing.records import Document, Partition
from indexing.uploads.stored_files import store_part
from tests.app.conftest import copied, release
from tests.app.routes.test_admin import NEEDED, bearer
from tests.support.api_client import TestClient
from tests.support.api_document import api_document
from tests.support.document_features import CLICKS
from tests.support.ledger_rows import made_hit, made_id, made_row
from tests.support.uploaded_files import kept_file, read_files

WORDS = {"acme": "fianchetto", "rival": "zugzwang"}
"""A word that only this tenant's documents hold."""
DOCUMENT = {"title": "Chess", "text": "A word about chess."}
QUESTION = {"query": "zugzwang fianchetto", "collection": "{collection}", "principals": ["all"]}
FETCH = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "fetch", "arguments": {"id": "{collection}/{document_id}"}},
}
BODIES = {
    ("post", "/v1/search"): QUESTION,
    ("post", "/v1/search:batch"): {
        "searches": [
            QUESTION | {"highlight": True, "snippet": 80, "collapse": True},
            {"query": QUESTION["query"], "collections": ["shared-name", "{tenant}-collection"], "principals": ["all"]},
        ]
    },
    ("post", "/v1/context"): QUESTION | {"max_tokens": 500},
    ("post", "/mcp"): FETCH,
    ("post", "/mcp/{collection}"): FETCH | {"params": {"name": "search", "arguments": {"query": QUESTION["query"]}}},
    ("post", "/v1/dify/retrieval"): {
        "knowledge_id": "{collection}",
        "query": QUESTION["query"],
        "retrieval_setting": {"top_k": 5, "score_threshold": 0.0},
    },
    ("post", "/rerank"): {"query": "chess", "texts": ["a word about chess"]},
    ("post", "/v1/rerank"): {"query": "chess", "documents": ["a word about chess"]},
    ("post", "/v2/rerank"): {"query": "chess", "documents": ["a word about chess"]},
    ("post", "/v1/feedback"): {
        "action_name": "click",
        "query_id": "{query_id}",
        "timestamp": "2026-11-29T09:30:00Z",
        "event_attributes": {"object": {"object_id": "{document_id}"}},
    },
    ("post", "/v1/embeddings"): {"model": "{model}", "input": ["zugzwang", "fianchetto"]},
    ("post", "/v1/vector_stores/{vector_store_id}/search"): {"query": ["a word about chess", "open"]},
    ("post", "/v1/collections/{collection}/recall"): {"k": 5},
    ("post", "/v1/collections/{collection}/documents:batch"): {"documents": [{"id": "{document_id}", **DOCUMENT}]},
    ("post", "/v1/collections/{collection}/documents:delete"): {
        "filters": {"type": "ne", "key": "owner", "value": "nobody"},
        "dry_run": True,
    },
    ("put", "/v1/collections/{collection}/documents/{document_id}"): DOCUMENT,
    ("patch", "/v1/collections/{collection}/documents/{document_id}"): {"metadata": {"patched": True}},
    ("post", "/v1/collections/{collection}/documents:list"): {"limit": 5},
    ("post", "/v1/collections/{collection}/documents:count"): {},
    ("post", "/v1/collections/{collection}/features:push"): {
        "view": "clicks",
        "rows": [{"id": "{document_id}", "values": {"clicks": 3}}],
    },
    ("post", "/v1/collections/{collection}/features:get"): {"features": ["clicks:clicks"], "ids": ["{document_id}"]},
    ("post", "/v1/replay"): {"query_id": "{query_id}"},
    ("post", "/v1/keys"): {"scopes": ["search"]},
    ("post", "/v1/tenants"): {"name": "{tenant}"},
    ("patch", "/v1/tenants/{tenant}"): {"max_documents": 1},
    ("post", "/v1/uploads"): {"bytes": 3, "filename": "a.md", "mime_type": "text/markdown", "purpose": "assistants"},
    ("post", "/v1/uploads/{upload_id}/complete"): {"part_ids": ["{part_id}"]},
    ("post", "/v1/vector_stores"): {"name": "Chess"},
    ("post", "/v1/vector_stores/{vector_store_id}"): {"name": "Chess"},
    ("post", "/v1/vector_stores/{vector_store_id}/files"): {"file_id": "{file_id}"},
    ("post", "/v1/vector_stores/{vector_store_id}/files/{file_id}"): {"attributes": {"a": 1}},
    ("post", "/v1/vector_stores/{vector_store_id}/file_batches"): {"file_ids": ["{file_id}"]},
}
"""What a request brings. A new route that needs a body must be entered here."""
FORMS = {
    ("post", "/v1/files"): ({"file": ("a.md", b"A word.")}, {"purpose": "assistants"}),
    ("post", "/v1/uploads/{upload_id}/parts"): ({"data": ("part", b"12345")}, {}),
    ("post", "/v1/collections/{collection}/uploads"): ({"file": ("a.md", b"A word.")}, {}),
}
"""The files and fields that a form brings."""
INSTEAD = {
    ("post", "/v1/uploads/{upload_id}/complete"): {"upload_id": "whole_upload"},
    ("post", "/v1/uploads/{upload_id}/cancel"): {"upload_id": "other_upload"},
    ("delete", "/v1/vector_stores/{vector_store_id}"): {"vector_store_id": "own_collection"},
    ("delete", "/v1/vector_stores/{vector_store_id}/files/{file_id}"): {"file_id": "file_to_detach"},
    ("delete", "/v1/collections/{collection}/uploads/{file_id}"): {"file_id": "file_to_take"},
}
"""What takes the place of a name, where another route has used up the first."""
VOLATILE = (
    "request_id",
    "query_id",
    "groundwork/query_id",
    "seq",
    "key",
    "id",
    "created_at",
    "updated_at",
    "timings_ms",
    "search_ms",
    "exact_ms",
    "expires_at",
    "last_active_at",
)
"""What differs between any two answers."""
ORDER = ("get", "post", "patch", "put", "delete")
WALK = sorted(
    (route for route, scope in NEEDED.items() if scope), key=lambda route: (ORDER.index(route[0]), -len(route[1]))
)
BY_METHOD = [[route for route in WALK if route[0] == method] for method in ORDER]
LOOKED_AFTER = {route for routes in BY_METHOD for route in (*routes[5::6], routes[-1])}
"""After which routes it is looked whether another has all that it had: a loss is theirs or of the five before them."""


def fill(home, tenant, collection):
    word = WORDS[tenant]
    documents = [
        Document(
            name,
            f"{word} {name}",
            f"The {word} of {tenant}.",
            f"https://{tenant}.example/{name}",
            {"owner": tenant},
            allow=allow,
        )
        for name, allow in (("open", None), ("closed", ("all",)), (f"{tenant}-document", None))
    ]
    put_documents(home.catalogue, Partition(tenant, collection), documents)


FILES = ("file_id", "file_to_detach", "file_to_take")
UPLOADS = ("upload_id", "whole_upload", "other_upload")


def bring_files(home, tenant):
    """Files in the collection ``shared-name``, of one batch, and uploads under way."""
    partition = Partition(tenant, "shared-name")
    batch = create_batch(home.catalogue, partition)
    files = [kept_file(home, tenant, f"{tenant}.md", WORDS[tenant].encode()) for _ in FILES]
    read_files(home, partition, *files, batch=batch)
    names = {**dict(zip(FILES, files, strict=True)), "batch_id": batch, "own_collection": f"{tenant}-collection"}
    for name in UPLOADS:
        names[name] = create_upload(home.catalogue, tenant, f"{tenant}.md", 5, "assistants").id
    names["part_id"] = store_part(home, tenant, names["whole_upload"], 5, io.BytesIO(b"12345")).id
    return names


def fill_tenants(home):
    """Let both tenants have a collection ``shared-name`` of their own, and one that only they have.

    Gives the headers of a key of each, and the ids of what each brought, by name.
    """
    made, brought = {}, {}
    record_view(home.catalogue, CLICKS)
    for tenant in WORDS:
        ensure_tenant(home.catalogue, tenant)
        fill(home, tenant, "shared-name")
        fill(home, tenant, f"{tenant}-collection")
        made[tenant] = bearer(create_key(home.catalogue, tenant, scopes=("search", "write", "admin"))[1])
        create_key(home.catalogue, tenant, name=f"{tenant}-spare")
        brought[tenant] = bring_files(home, tenant)
        hits = (made_hit(f"{tenant}-document"),)
        row = made_row(at=datetime.now(UTC), tenant=tenant, request_id=f"{tenant}-request", hits=hits)
        home.ledger.append([row])
    return made, brought


@pytest.fixture(scope="module")
def built(built_home, tmp_path_factory):
    """The folder of a home with both tenants in its release, and what ``fill_tenants`` gave. Take copies."""
    with closing(copied(built_home, tmp_path_factory.mktemp("leaks"))) as home:
        given = fill_tenants(home)
        release(home)
    return home.path, *given


@pytest.fixture
def served_home(built, tmp_path):
    with closing(copied(built[0], tmp_path)) as home:
        yield home


@pytest.fixture
def keys(built):
    return built[1]


@pytest.fixture
def brought(built):
    """The ids of what each tenant brought, by name."""
    return built[2]


@pytest.fixture
def client(served_home, monkeypatch):
    monkeypatch.setattr(FileReader, "tick", lambda self: None)  # when a file is read differs between any two answers
    with TestClient(create_app(served_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


def spare_key(home, tenant):
    return next(key.id for key in list_keys(home.catalogue, tenant) if key.name == f"{tenant}-spare")


def query_id(home, tenant, ledger_id=None):
    """As the tenant was given it: of its row, or of one that never was."""
    ledger_id = ledger_id or next(requests_of(home.ledger, tenant)).id
    return QueryIds(home_secret(home.catalogue, SECRET)).text(tenant, ledger_id)


def filled(template, names):
    for name, value in names.items():
        template = template.replace("{" + name + "}", value)
    return template


def call(client, route, names, headers):
    method, path = route
    names = names | {name: names[other] for name, other in INSTEAD.get(route, {}).items()}
    if route in FORMS:
        files, fields = FORMS[route]
        return client.request(method, filled(path, names), files=files, data=fields, headers=headers)
    body = BODIES.get(route)
    content = None if body is None else filled(json.dumps(body), names)
    return client.request(
        method, filled(path, names), content=content, headers={**headers, "Content-Type": "application/json"}
    )


def everything(client, headers, collection):
    """All that a tenant can read of what it has."""
    listed = client.get(f"/v1/collections/{collection}/documents", headers=headers).json()["documents"]
    found = client.post("/v1/search", json=QUESTION | {"collection": collection}, headers=headers).json()
    return {
        "collections": client.get("/v1/collections", headers=headers).json(),
        "keys": client.get("/v1/keys", headers=headers).json(),
        "listed": listed,
        "documents": [
            client.get(f"/v1/collections/{collection}/documents/{one['id']}", headers=headers).json() for one in listed
        ],
        "hits": found["hits"],
        "tenant": client.get("/v1/tenants/rival", headers=headers).json(),
        "files": client.get("/v1/files", headers=headers).json(),
        "stores": client.get("/v1/vector_stores", headers=headers).json(),
        "uploads": client.get("/v1/collections/shared-name/uploads", headers=headers).json(),
    }


def test_every_route_of_the_document_is_walked():
    paths = api_document()["paths"]
    assert {
        (method, path) for path, methods in paths.items() for method, one in methods.items() if "security" in one
    } == set(WALK)


def test_what_a_tenant_does_shows_it_nothing_of_another_and_leaves_it_alone(client, served_home, keys, brought):
    before = everything(client, keys["rival"], "shared-name")
    assert len(before["documents"]) == 3
    assert {hit["document_id"] for hit in before["hits"]} == {"open", "closed", "rival-document"}
    ours = {
        "collection": "shared-name",
        "vector_store_id": "shared-name",
        "model": "tiny@1",
        "document_id": "open",
        "tenant": "acme",
        "key_id": spare_key(served_home, "acme"),
        "request_id": "acme-request",
        "query_id": query_id(served_home, "acme"),
    }
    ours |= brought["acme"]
    marks = {"rival", WORDS["rival"], spare_key(served_home, "rival")}
    for route in WALK:
        answer = call(client, route, ours, keys["acme"])
        assert answer.is_success == (NEEDED[route] != "operator"), (route, answer.text)
        assert not [mark for mark in marks if mark in answer.text.lower()], (route, answer.text)
        if route in LOOKED_AFTER:
            assert everything(client, keys["rival"], "shared-name") == before, route
    assert client.get("/v1/collections/shared-name/documents", headers=keys["acme"]).status_code == 404


def test_what_another_has_answers_like_what_is_not_there(client, served_home, keys, brought):
    theirs = {
        "collection": "rival-collection",
        "vector_store_id": "rival-collection",
        "model": "tiny@1",
        "document_id": "rival-document",
        "tenant": "rival",
        "key_id": spare_key(served_home, "rival"),
        "request_id": "rival-request",
        "query_id": query_id(served_home, "rival"),
    }
    nobodys = {
        "collection": "ghost-collection",
        "vector_store_id": "ghost-collection",
        "model": "tiny@1",
        "document_id": "ghost-document",
        "tenant": "ghost",
        "key_id": "k_" + "0" * (len(theirs["key_id"]) - 2),
        "request_id": "ghost-request",
        "query_id": query_id(served_home, "ghost", made_id()),
    }
    theirs |= brought["rival"]
    nobodys |= {name: f"nothing-{name}" for name in brought["rival"]} | {"own_collection": "ghost-collection"}
    before = everything(client, keys["rival"], "rival-collection")

    def said(answer, names):
        text = answer.text
        for name, value in names.items():
            text = text.replace(value, name)
        told = json.loads(text, object_hook=lambda found: {n: v for n, v in found.items() if n not in VOLATILE})
        return answer.status_code, told

    for route in WALK:
        answers = [(call(client, route, names, keys["acme"]), names) for names in (theirs, nobodys)]
        assert said(*answers[0]) == said(*answers[1]), route
        assert WORDS["rival"] not in answers[0][0].text, route
        if route in LOOKED_AFTER:
            assert everything(client, keys["rival"], "rival-collection") == before, route
