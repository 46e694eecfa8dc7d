"""Bytes that are not UTF-8 are refused and named, wherever a request may carry a name."""

import json

import pytest

from app.main import create_app
from app.web.request_text import require_utf8
from indexing.catalogue.documents import document_ids
from indexing.errors import InvalidInput
from indexing.records import Partition
from indexing.settings import Settings
from tests.support.api_client import TestClient
from tests.support.migrated_catalogue import place_home

HEADERS = {"Authorization": "Bearer test-key-0123456789", "Content-Type": "application/json"}
DOCUMENTS = "/v1/collections/help/documents"
LONE = '"a\\ud800"'


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One for all tests, of which one stores a document."""
    home = place_home(tmp_path_factory.mktemp("texts") / "home")
    settings = Settings(home=home, api_key="test-key-0123456789", sessions=1, poll_seconds=0.05)
    with TestClient(create_app(settings), raise_server_exceptions=False, headers=HEADERS) as client:
        yield client


@pytest.mark.parametrize("raw", ["%ff", "%FE", "%ed%a0%80", "%c3", "%c0%af", "a%80b", "%f5%80%80%80"])
@pytest.mark.parametrize("where", ["{}", "/v1/collections/{}", DOCUMENTS + "/{}", DOCUMENTS + "?after={}"])
def test_bytes_that_are_not_utf_8_are_refused_by_name(client, raw, where):
    path = where.format(raw)
    response = client.request("GET" if "?" in path else "PUT", path if path[0] == "/" else f"/{path}", content="{}")
    assert response.status_code == 400
    assert response.json()["error"] == "InvalidInput"
    assert "%" + raw.partition("%")[2][:2].lower() in response.json()["message"]
    assert response.headers["x-request-id"] == response.json()["request_id"]


def test_two_such_ids_no_longer_overwrite_each_other(client):
    for raw in ("%ff", "%fe"):
        assert client.put(f"{DOCUMENTS}/{raw}", content='{"text": "x"}').status_code == 400
    assert client.put(f"{DOCUMENTS}/%c3%a9%20%F0%9F%98%80", content='{"text": "x"}').json()["id"] == "é 😀"
    catalogue = client.app.state.services.home.catalogue
    assert document_ids(catalogue, Partition("default", "help"), source="") == {"é 😀"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{DOCUMENTS}:batch", {"documents": [{"id": "LONE"}]}),
        ("POST", f"{DOCUMENTS}:batch", {"documents": [{"id": "a", "title": "LONE"}]}),
        ("POST", f"{DOCUMENTS}:batch", {"documents": [{"id": "a", "metadata": {"LONE": 1}}]}),
        ("POST", f"{DOCUMENTS}:batch", {"documents": [{"id": "a", "allow": ["LONE"]}]}),
        ("PUT", f"{DOCUMENTS}/a", {"url": "LONE"}),
        ("POST", "/v1/search", {"query": "x", "collection": "LONE"}),
        ("POST", "/v1/search", {"query": "x", "principals": ["LONE"]}),
        ("POST", "/v1/keys", {"name": "LONE"}),
    ],
)
def test_a_lone_surrogate_in_json_is_refused(client, method, path, body):
    response = client.request(method, path, content=json.dumps(body).replace('"LONE"', LONE))
    assert response.status_code in (400, 422)
    assert response.json()["error"] in ("InvalidInput", "MalformedRequest")


def test_the_message_names_the_document_and_field_of_a_lone_surrogate(client):
    response = client.post(f"{DOCUMENTS}:batch", content=f'{{"documents": [{{"id": "a", "text": {LONE}}}]}}')
    assert "documents.0.text: it holds the lone surrogate U+D800" in response.json()["message"]


@pytest.mark.parametrize("name", ["%20a", "%ef%bd%81", "%2e%2e", "a%20"])
def test_a_new_collection_with_an_odd_name_is_refused(client, name):
    for path in (f"/v1/collections/{name}", f"/v1/collections/{name}/documents/a"):
        response = client.put(path, content="{}")
        assert response.status_code == 400
        assert "is invalid" in response.json()["message"]


@pytest.mark.parametrize("field", ["raw_path", "query_string"])
def test_raw_bytes_are_refused_since_servers_differ_in_what_they_take_them_for(field):
    scope = {"raw_path": b"/", "query_string": b"", field: "é".encode()}
    with pytest.raises(InvalidInput, match="the byte 0xc3 as it is"):
        require_utf8(scope)


def test_a_scope_without_a_raw_path_is_let_through():
    require_utf8({"query_string": b""})
