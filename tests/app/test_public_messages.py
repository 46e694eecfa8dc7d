"""No answer and no probe tells where files lie on the server; the log does."""

import inspect
import json
import logging

import pytest

from app.main import create_app, refresh
from app.web.problems import STATUS, status_of
from indexing import errors
from indexing.settings import Settings
from tests.support.api_client import TestClient
from tests.support.migrated_catalogue import place_home

KEY = "test-key-0123456789"
HEADERS = {"Authorization": f"Bearer {KEY}"}
QUERY = {"collection": "helpdesk", "query": "forgotten password"}
KINDS = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.GroundworkError)]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """One for all tests, each of which has a search fail in its own way."""
    home = place_home(tmp_path_factory.mktemp("messages") / "home")
    with TestClient(create_app(Settings(home=home, api_key=KEY, sessions=1))) as opened:
        yield opened


def test_every_class_of_error_is_tried():
    assert set(KINDS) == set(STATUS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_answer_names_no_place_on_the_server_and_the_log_does(client, kind, caplog, monkeypatch):
    home = client.app.state.services.home.path
    message = f"{home}/catalogue.db and {home.resolve()}: [Errno 5] /usr/lib/here/libx.so is bad."

    def fail(**_):
        raise kind(message)

    monkeypatch.setattr(client.app.state.services.pool, "assigned", fail)
    with caplog.at_level(logging.ERROR):
        answer = client.post("/v1/search", json=QUERY, headers=HEADERS)
    assert answer.status_code == status_of(kind(""))
    assert answer.json()["message"] == "HOME/catalogue.db and HOME: [Errno 5] libx.so is bad."
    assert [one.fields["reason"] for one in caplog.records if one.getMessage() == "request.failed"] == [message]


def lose_a_byte(path):
    path.write_bytes(path.read_bytes()[:-1])


BREAKAGES = {
    "a shard's file is short": lambda home: lose_a_byte(next((home / "shards").glob("*/passages.safetensors"))),
    "a shard's file is gone": lambda home: next((home / "shards").glob("*/passages.safetensors")).unlink(),
    "a shard's manifest is none": lambda home: next((home / "shards").glob("*/manifest.json")).write_text("{}"),
    "every shard is gone": lambda home: (home / "shards").rename(home / "gone"),
    "the snapshot's manifest is none": lambda home: next((home / "snapshots").glob("*/manifest.json")).write_text("["),
    "the snapshot is gone": lambda home: (home / "snapshots").rename(home / "gone"),
    "the model's file is gone": lambda home: next((home / "models").glob("*/int8.onnx")).unlink(),
    "the model's file is a folder": lambda home: replaced_by_folder(next((home / "models").glob("*/tokenizer.json"))),
}


def replaced_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_readyz_and_answers_of_a_broken_home_name_no_place_on_the_server(sharded_home, breakage):
    BREAKAGES[breakage](sharded_home.path)
    with TestClient(create_app(sharded_home.settings)) as client:
        services = client.app.state.services
        refresh(services)
        ready = client.get("/readyz").json()
        answer = client.post("/v1/search", json=QUERY, headers=HEADERS).json()
    assert ready["broken_shards"] or ready["message"]
    told = json.dumps([ready, answer])
    for place in (sharded_home.path, sharded_home.path.parent, "/tmp", "/work", "/root", "site-packages"):
        assert str(place) not in told
