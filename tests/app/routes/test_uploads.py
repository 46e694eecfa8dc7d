"""Files over HTTP: kept before they are answered, read in the background, found, and taken away."""

import json
import threading

import pytest
from fastapi.testclient import TestClient

from app.main import create_app, refresh
from indexing.uploads.stored_files import FILES

LOOKS, PAUSE = 3_000, threading.Event()
KEY = {"Authorization": "Bearer test-key-0123456789"}
BASE = "/v1/collections/helpdesk/uploads"
PAGE = b"<html><head><title>Zeppelins</title></head><body><article><p>A zeppelin is moored to a mast.</p></article>"


@pytest.fixture
def client(served_home):
    with TestClient(create_app(served_home.settings), raise_server_exceptions=False) as client:
        refresh(client.app.state.services)
        yield client


def send(client, *files, headers=KEY, base=BASE, **fields):
    parts = [("file", (name, content)) for name, content in files]
    return client.post(base, files=parts, data=fields, headers=headers)


def wait(client, place, headers=KEY):
    """The upload once it is over, in so many looks at most; the process reads it meanwhile."""
    for _ in range(LOOKS):
        upload = client.get(place, headers=headers).json()
        if upload["state"] != "in_progress":
            return upload
        PAUSE.wait(0.02)
    raise AssertionError(upload)


def ask(client, query, **body):
    answer = client.post("/v1/search", json={"query": query, "collection": "helpdesk"} | body, headers=KEY)
    return {hit["document_id"]: hit for hit in answer.json()["hits"]}


def test_a_file_is_kept_read_and_found_and_goes_with_its_document(client, served_home):
    answer = send(client, ("mast.html", PAGE), url="https://x.example/m", metadata=json.dumps({"year": 1929}))
    assert answer.status_code == 202
    place = answer.headers["location"]
    upload = wait(client, place)
    assert (upload["state"], upload["documents"], upload["error"]) == ("completed", ["mast.html"], None)
    hit = ask(client, "zeppelin moored to a mast", filters={"type": "eq", "key": "year", "value": 1929})["mast.html"]
    assert (hit["title"], hit["metadata"], hit["url"]) == ("Zeppelins", {"year": 1929}, "https://x.example/m")
    assert [one["id"] for one in client.get(BASE, headers=KEY).json()["uploads"]] == [upload["id"]]
    assert served_home.storage.list(FILES) == [upload["id"]]
    assert client.delete(place, headers=KEY).json()["documents"] == ["mast.html"]
    assert "mast.html" not in ask(client, "zeppelin moored to a mast")
    assert client.get(place, headers=KEY).status_code == 404
    assert served_home.storage.list(FILES) == []
