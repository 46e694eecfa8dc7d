"""On a full disk the API refuses writes and goes on deleting, in the room of the reserve, until there is room again."""

import pytest
from click.testing import CliRunner

from app.main import create_app, refresh
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.tenants import create_tenant
from indexing.commands.root import cli
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.settings import Settings
from indexing.storage import reserve
from tests.support.api_client import TestClient
from tests.support.full_disk import fill_disk

pytestmark = pytest.mark.usefixtures("waited")
KEY = {"Authorization": "Bearer test-key-0123456789"}
TEXT = "Red apples grow in the garden. " * 2000
"""Sixty kilobytes: deleting it overwrites fifteen pages of the catalogue, which go to its log first."""
DISK = pytest.mark.parametrize("small_disk", ["40m"], indirect=True)


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


@DISK
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


@DISK
def test_no_write_takes_the_room_that_was_given_up_so_that_deletions_go_on_until_there_is_room(client, small_disk):
    filler = fill_disk(small_disk)
    home = client.app.state.services.home
    one = "/v1/collections/one/documents"
    assert client.delete(f"{one}/d0", headers=KEY).status_code == 200
    large = {"text": TEXT * 10}
    for number in range(1, 20):
        before = home.reserve.free_bytes
        written = client.put(f"{one}/large-{number}", json=large, headers=KEY)
        batch = client.post(f"{one}:batch", json={"documents": [{"id": "large", **large}]}, headers=KEY)
        made = client.put(f"/v1/collections/new-{number}", headers=KEY)
        for refused in (written, batch, made):
            assert (refused.status_code, refused.json()["error"]) == (507, "StorageFull")
            assert "run 'groundwork gc --yes'" in refused.json()["message"]
        assert home.reserve.free_bytes == before
        assert client.delete(f"{one}/d{number}", headers=KEY).status_code == 200
    refresh(client.app.state.services)
    assert home.reserve.size_bytes == 0  # what was given up is no room for another one
    for command in (["gc"], ["erase", "--collection", "two", "d1"]):
        result = CliRunner().invoke(cli, ["--home", str(home.path), *command, "--yes"])
        assert result.exit_code == 0, result.output
    assert client.delete("/v1/collections/two/documents/d2", headers=KEY).status_code == 200
    filler.unlink()
    refresh(client.app.state.services)
    assert home.reserve.size_bytes == 8 << 20
    assert client.put(f"{one}/large", json=large, headers=KEY).status_code == 202


@DISK
def test_a_write_itself_makes_the_reserve_again_where_there_is_room(client, small_disk):
    filler = fill_disk(small_disk)
    one = "/v1/collections/one/documents"
    assert client.delete(f"{one}/d0", headers=KEY).status_code == 200
    filler.unlink()
    assert client.put(f"{one}/new", json={"text": TEXT}, headers=KEY).status_code == 202
    assert client.app.state.services.home.reserve.size_bytes == 8 << 20


@DISK
def test_a_key_and_a_tenant_are_revoked_on_a_full_disk_and_the_api_starts_again(client, small_disk):
    home = client.app.state.services.home
    operator = {"Authorization": f"Bearer {create_key(home.catalogue, 'default', scopes=[OPERATOR])[1]}"}
    leaked, secret = create_key(home.catalogue, "default")
    create_tenant(home.catalogue, "acme")
    fill_disk(small_disk)
    assert client.delete(f"/v1/keys/{leaked.id}", headers=KEY).status_code == 200
    assert client.get("/v1/collections", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert client.delete("/v1/tenants/acme", headers=operator).status_code == 200
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as again:
        assert again.delete("/v1/collections/one/documents/d1", headers=KEY).status_code == 200
