"""The root, and names of operations."""

import re

import pytest

from app.main import create_app
from tests.support.api_client import TestClient
from tests.support.api_document import api_document, described


@pytest.fixture
def client(home):
    with TestClient(described(create_app(home.settings))) as client:
        yield client


def test_the_root_says_where_to_go_and_every_place_is_there(client):
    answer = client.get("/").json()
    assert (answer.pop("name"), answer.pop("version")) == ("Groundwork", client.app.version)
    assert {client.get(path).status_code for path in answer.values()} <= {200, 503}
    assert set(answer.values()) == {"/docs", "/openapi.json", "/livez", "/readyz", "/metrics"}


def test_a_browser_gets_the_root_as_a_page(client):
    page = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == "Accept"
    assert '<a href="/docs">' in page.text


def test_behind_a_prefix_the_root_names_places_with_it(home):
    with TestClient(create_app(home.settings), root_path="/copilot") as client:
        assert client.get("/copilot/").json()["docs"] == "/copilot/docs"


def test_operations_have_names_that_read_well_and_none_twice():
    document = api_document()
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_([a-z]+|v\d))*", name) for name in names)
    assert {"search", "put_document", "list_documents", "create_key"} <= set(names)
