"""Bodies, methods and paths that a careless client sends, at fast routes and at FastAPI's own; no model is needed."""

import gzip

import pytest

from app.main import create_app
from tests.conftest import settings_at
from tests.support.api_client import TestClient
from tests.support.api_document import described
from tests.support.migrated_catalogue import place_home

KEY = "a key for careless clients"
ROUTES = [("POST", "/v1/search"), ("PUT", "/v1/collections/a/documents/b"), ("POST", "/v1/keys")]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One for all tests, which store nothing."""
    folder = tmp_path_factory.mktemp("bodies")
    place_home(folder / "home")
    app = described(create_app(settings_at(folder, api_key=KEY)))
    with TestClient(app, raise_server_exceptions=False) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        yield client


def problem(answer):
    assert set(answer.json()) == {"error", "message", "request_id"}
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_compressed_body_is_refused_with_what_is_taken(client, method, path):
    headers = JSON | {"Content-Encoding": "gzip"}
    answer = client.request(method, path, content=gzip.compress(b"{}"), headers=headers)
    assert problem(answer) == (415, "UnsupportedMediaType")
    assert answer.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", "/"]
)
def test_a_body_that_says_it_is_no_json_is_refused_with_what_is_taken(client, method, path, kind):
    answer = client.request(method, path, content=b"{}", headers={"Content-Type": kind})
    assert problem(answer) == (415, "UnsupportedMediaType")
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/scim+json", "", None]
)
def test_json_by_any_of_its_names_or_by_none_is_taken(client, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    for method, path in ROUTES:
        answer = client.request(method, path, content=b'{"surplus": 1}', headers=headers)
        assert problem(answer) == (422, "MalformedRequest")
        assert "surplus" in answer.json()["message"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "content",
    [b'{"name": "\xff"}', b"[" * 100_000, b'{"a":' * 50_000, b"{", b"9" * 5_000, b"\x00", b"\xef\xbb"],
    ids=["not UTF-8", "deep list", "deep object", "cut off", "long number", "null byte", "half a mark"],
)
def test_a_body_that_cannot_be_parsed_is_malformed_and_never_a_failure(client, method, path, content):
    assert problem(client.request(method, path, content=content, headers=JSON)) == (422, "MalformedRequest")


@pytest.mark.parametrize("path", ["/", "/livez", "/metrics", "/docs", "/openapi.json", "/v1/collections", "/v1/keys"])
def test_head_says_what_get_would(client, path):
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.headers["content-type"]) == (200, get.headers["content-type"])
    assert (head.content, get.content != b"") == (b"", True)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/search", "OPTIONS, POST"),
        ("/v1/collections", "GET, HEAD, OPTIONS"),
        ("/v1/collections/a", "DELETE, OPTIONS, PUT"),
        ("/v1/collections/a/documents/b/c", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ("/v1/keys", "GET, HEAD, OPTIONS, POST"),
        ("/v1/tenants/a", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/docs/assets/swagger-ui.css", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_path_says_all_methods_that_it_takes(client, path, methods):
    options = client.options(path, headers={"Authorization": ""})
    assert (options.status_code, options.headers["allow"], options.content) == (204, methods, b"")
    other = client.request("TRACE", path)
    assert problem(other) == (405, "MethodNotAllowed")
    assert other.headers["allow"] == methods


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "BREW"])
def test_a_path_that_is_not_there_is_not_found_by_any_method(client, method):
    assert problem(client.request(method, "/v1/nowhere")) == (404, "NotFound")


def test_ids_that_are_not_utf_8_are_refused_and_not_mistaken_for_each_other(client):
    for name in ("%ff", "%fe", "a%c3"):
        answer = client.put(f"/v1/collections/a/documents/{name}", json={"text": "x"})
        assert problem(answer) == (400, "InvalidInput")
    assert client.get("/v1/collections").json()["collections"] == []
    assert problem(client.get("/v1/collections?after=%ff")) == (400, "InvalidInput")
