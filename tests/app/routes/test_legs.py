"""What a tenant's administrator is told about the legs of a collection."""

import json

import pytest
from click.testing import CliRunner

from app.main import create_app, refresh
from indexing.catalogue.calibrations import put_calibration
from indexing.commands.root import cli
from indexing.records import Partition
from tests.app.conftest import release
from tests.support.api_client import TestClient

KEY = {"Authorization": "Bearer test-key-0123456789"}


@pytest.fixture
def client(served_home):
    release(served_home)
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        yield client


def test_the_legs_of_a_collection_are_told_to_its_administrators(client):
    found = client.get("/v1/collections/helpdesk/legs", headers=KEY)
    assert found.status_code == 200
    answer = found.json()
    assert answer["recipe_dense_weight"] == 0.45
    assert answer["dense_weight"] in (0.0, 0.45, 1.0)
    assert {"release", "snapshot", "model", "languages", "warnings"} <= answer.keys()
    assert all(0 <= one["dense"] <= one["samples"] for one in answer["languages"])
    missing = client.get("/v1/collections/nothing/legs", headers=KEY)
    assert (missing.status_code, missing.json()["error"]) == (404, "NotFound")


def test_what_the_scores_of_a_collection_are_fitted_to_is_told(served_home):
    fitted = {"source": "judgments", "samples": 40, "modes": {"hybrid": [-0.5, 1.25]}}
    with TestClient(create_app(served_home.settings)) as client:
        refresh(client.app.state.services)
        told = client.get("/v1/collections/helpdesk/legs", headers=KEY).json()
        assert told["calibration"] == {"source": "general", "samples": 0, "modes": {}}
        put_calibration(served_home.catalogue, 1, Partition("default", "helpdesk"), fitted, {}, actor="a test")
        release(served_home)
        refresh(client.app.state.services)
        told = client.get("/v1/collections/helpdesk/legs", headers=KEY).json()
    moved = {"hybrid": {"shift": -0.5, "stretch": 1.25}}
    assert told["calibration"] == {"source": "judgments", "samples": 40, "modes": moved}
    shown = CliRunner().invoke(cli, ["--home", str(served_home.path), "snapshots", "show", told["snapshot"]])
    assert [one["calibration"] for one in json.loads(shown.stdout)["legs"]] == [fitted]
