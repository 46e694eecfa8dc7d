"""On a full disk the API refuses writes and goes on deleting, in the room of the home's reserve."""

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from indexing.catalogue.document_writes import put_documents
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.settings import Settings
from indexing.storage import reserve
from tests.support.full_disk import fill_disk

KEY = {"Authorization": "Bearer test-key-0123456789"}
TEXT = "Red apples grow in the garden. " * 2000
"""Sixty kilobytes: deleting it overwrites fifteen pages of the catalogue, which go to its log first."""


@pytest.fixture
def client(small_disk, monkeypatch):
    monkeypatch.setattr(reserve, "RESERVE_BYTES", 8 << 20)
    settings = Settings(home=small_disk / "home", api_key="test-key-0123456789", sessions=1)
    home = open_home(settings)
    for collection in ("one", "two", "three"):
        documents = [Document(f"d{number}", "", TEXT, metadata={"n": number}) for number in range(20)]
        put_documents(home.catalogue, Partition("default", collection), documents)
    home.close()  # its log is written back and gone
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("small_disk", ["40m"], indirect=True)
def test_documents_are_deleted_by_id_by_filter_and_with_their_collection_and_none_is_written(client, small_disk):
    fill_disk(small_disk)
    refused = client.put("/v1/collections/one/documents/new", json={"text": TEXT}, headers=KEY)
    assert (refused.status_code, refused.json()["error"]) == (507, "StorageFull")
    home = client.app.state.services.home
    assert home.reserve.size_bytes == 8 << 20
    base = "/v1/collections"
    assert client.delete(f"{base}/one/documents/d1", headers=KEY).status_code == 200
    assert home.reserve.size_bytes == 0
    by_filter = client.post(
        f"{base}/two/documents:delete", json={"filters": {"type": "gte", "key": "n", "value": 10}}, headers=KEY
    )
    assert (by_filter.status_code, by_filter.json().get("deleted")) == (200, 10), by_filter.text
    whole = client.delete(f"{base}/three", headers=KEY)
    assert (whole.status_code, whole.json()["deleted"]) == (200, 20)
    left = client.get(base, headers=KEY).json()["collections"]
    assert {one["name"]: one["documents"] for one in left} == {"one": 19, "two": 10}
