"""What a search must see is named by a token that only its tenant was given."""

import pytest

from app.main import create_app
from indexing.catalogue.api_keys import create_key
from indexing.catalogue.tenants import create_tenant
from indexing.settings import Settings
from tests.support.api_client import TestClient
from tests.support.migrated_catalogue import place_home

DOCUMENTS = "/v1/collections/help/documents"


@pytest.fixture
def client(tmp_path):
    settings = Settings(
        home=place_home(tmp_path / "home"), api_key="test-key-0123456789", sessions=1, poll_seconds=0.05
    )
    key = {"Authorization": "Bearer test-key-0123456789"}
    with TestClient(create_app(settings), raise_server_exceptions=False, headers=key) as client:
        yield client


@pytest.fixture
def rival(client):
    catalogue = client.app.state.services.home.catalogue
    create_tenant(catalogue, "rival")
    return {"Authorization": f"Bearer {create_key(catalogue, 'rival')[1]}"}


def must_see(client, path, min_seq, **options):
    return client.post(path, json={"query": "x", "collection": "help", "min_seq": min_seq}, **options)


def test_every_answer_about_a_write_shows_its_token_and_no_number(client):
    read = client.app.state.services.sequence_tokens.read
    put = client.put(f"{DOCUMENTS}/a", json={"text": "x"}).json()
    assert client.put(f"{DOCUMENTS}/a", json={"text": "x"}).json()["seq"] == put["seq"]
    assert client.get(f"{DOCUMENTS}/a").json()["seq"] == put["seq"]
    assert client.get(DOCUMENTS).json()["documents"][0]["seq"] == put["seq"]
    assert read("default", put["seq"]) == 1
    batch = client.post(f"{DOCUMENTS}:batch", json={"documents": [{"id": "b"}, {"id": "c"}]}).json()
    assert [read("default", one["seq"]) for one in batch["documents"]] == [2, 3]
    assert batch["seq"] == batch["documents"][1]["seq"]
    assert read("default", client.delete(f"{DOCUMENTS}/a").json()["seq"]) == 4
    filtered = {"filters": {"type": "ne", "key": "k", "value": "v"}}
    dry = client.post(f"{DOCUMENTS}:delete", json={**filtered, "dry_run": True}).json()
    assert dry["seq"] is None
    assert read("default", client.post(f"{DOCUMENTS}:delete", json=filtered).json()["seq"]) == 5
    assert read("default", client.delete("/v1/collections/help").json()["seq"]) == 6


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
def test_a_token_that_was_made_up_or_given_to_another_tenant_is_refused(client, rival, path):
    token = client.put(f"{DOCUMENTS}/a", json={"text": "x"}).json()["seq"]
    for wrong, headers in (
        (token, rival),
        (("A" if token[0] == "B" else "B") + token[1:], {}),
        ("1", {}),
        ("x" * 40, {}),
    ):
        answer = must_see(client, path, wrong, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "InvalidInput")
        assert "not a sequence token of this tenant" in answer.json()["message"]


@pytest.mark.parametrize("path", ["/v1/search", "/v1/context"])
def test_a_token_survives_a_restart_and_a_number_of_before_is_taken_too(client, path):
    token = client.put(f"{DOCUMENTS}/a", json={"text": "x"}).json()["seq"]
    home = client.app.state.services.home
    settings = home.settings
    with home.catalogue.write() as db:
        db.conn.execute("UPDATE last_number_told SET value = 1")  # as in a home of before there were tokens
    with TestClient(create_app(settings), headers=client.headers) as again:
        for min_seq in (token, 1):
            assert must_see(again, path, min_seq).json()["error"] == "NotReady"  # nothing was built yet
        assert must_see(again, path, 2).json()["error"] == "InvalidInput"


@pytest.mark.parametrize("wrong", [-1, 2**53, 1.5, True, "", "x" * 65, []])
def test_what_is_neither_a_text_nor_a_number_is_malformed(client, wrong):
    answer = must_see(client, "/v1/search", wrong)
    assert answer.status_code == 422
    assert "min_seq" in answer.json()["message"]


def test_a_search_by_vector_is_assigned_as_one(client, monkeypatch):
    pool, seen = client.app.state.services.pool, []
    assigned = pool.assigned

    def noted(**asked):
        seen.append(asked["by_vector"])
        return assigned(**asked)

    monkeypatch.setattr(pool, "assigned", noted)
    client.post("/v1/search", json={"query": "x", "collection": "help"})
    client.post("/v1/search", json={"vector": [1.0], "mode": "dense", "collection": "help"})
    client.post("/v1/search", json={"query": "x", "vector": [1.0], "collection": "help"})
    assert seen == [False, True, True]
