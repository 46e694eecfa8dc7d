"""The probe says that writes are refused, and why."""

import pytest

from app.main import create_app
from indexing.settings import Settings
from tests.support.api_client import TestClient
from tests.support.migrated_catalogue import place_home

KEY = {"Authorization": "Bearer test-key-0123456789"}


@pytest.fixture
def client(tmp_path):
    settings = Settings(
        home=place_home(tmp_path / "home"), api_key="test-key-0123456789", sessions=1, poll_seconds=0.05
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def test_a_log_that_is_unlinked_while_serving_refuses_writes_and_is_named_by_the_probe(client, tmp_path):
    put = "/v1/collections/help/documents/a"
    assert client.put(put, json={"text": "kept"}, headers=KEY).status_code == 202
    assert "was removed" not in client.get("/readyz").json()["message"]
    (tmp_path / "home" / "catalogue.db-wal").unlink()
    refused = client.put(put, json={"text": "lost"}, headers=KEY)
    assert (refused.status_code, refused.json()["error"]) == (503, "CatalogueReplaced")
    assert refused.headers["retry-after"] == "60"
    probe = client.get("/readyz")
    assert probe.status_code == 503
    assert probe.json()["message"] == refused.json()["message"]
    assert "catalogue.db-wal was removed while it was open" in refused.json()["message"]
    assert str(tmp_path) not in refused.text + probe.text
    assert client.get("/livez").status_code == 200
