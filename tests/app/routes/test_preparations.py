"""Preparations over HTTP: asked for by an operator, run by a builder, followed, cancelled; every choice of a recipe."""

import inspect
from contextlib import closing

import pytest

from app.main import create_app
from app.schemas.preparations import PreparationBody
from app.services.preparations import NO_CHOICES
from indexing.builds.asked_preparations import run_next_preparation
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.builder_heartbeat import record_beat
from indexing.catalogue.database import utc_now
from indexing.catalogue.document_writes import put_documents
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import change_recipe, recipe_in_service
from tests.conftest import settings_at
from tests.support.api_client import TestClient
from tests.support.home_copies import link_home
from tests.support.migrated_catalogue import place_home
from tests.support.tiny_model import add_tiny

TEXTS = [Document(f"doc-{n}", f"Title {n}", f"The words of document {n}.") for n in range(3)]


@pytest.fixture(scope="module")
def built(tiny_files, tmp_path_factory):
    """The folder of a home with one release over ``TEXTS``."""
    folder = tmp_path_factory.mktemp("preparations")
    place_home(folder / "home")
    with closing(open_home(settings_at(folder))) as home:
        add_tiny(home, tiny_files)
        put_documents(home.catalogue, Partition("default", "default"), TEXTS)
        build(prepare_build(home, recipe_in_service(home)))
    return home.path


@pytest.fixture
def tiny_home(built, tmp_path):
    link_home(built, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home


@pytest.fixture
def ask(tiny_home):
    operator, secret = create_key(tiny_home.catalogue, "default", scopes=[OPERATOR])
    with TestClient(create_app(tiny_home.settings)) as client:

        def send(method, path="", body=None, status=200):
            headers = {"Authorization": f"Bearer {secret}"}
            answer = client.request(method, f"/v1/preparations{path}", json=body, headers=headers)
            assert answer.status_code == status, answer.text
            return answer.json()

        send.key_id = operator.id
        yield send


def run_next(home):
    return run_next_preparation(home, lambda recipe, on_progress: prepare_build(home, recipe, on_progress=on_progress))


def test_it_is_asked_for_followed_and_ends_as_a_rollout(ask, tiny_home):
    asked = ask("POST", body={"precision": "fp32", "reason": "exact", "tenants": ["default"]}, status=202)
    assert (asked["state"], asked["cost"], asked["builder"]["state"]) == ("waiting", None, "none seen")
    assert "vectors: precision int8 -> fp32" in asked["changes"]
    assert asked["created_by"] == f"key {ask.key_id}"
    record_beat(tiny_home.catalogue, "host:1", utc_now())
    assert run_next(tiny_home)
    done = ask("GET", f"/{asked['id']}")
    assert (done["state"], done["release"], done["rollout"]) == ("proposed", "2.1", 1)
    assert (done["cost"]["embeddings"], done["cost"]["vector_bytes"]) == (3, 288)
    assert done["builder"]["state"] == "running"


def test_a_dry_run_says_what_it_costs(ask, tiny_home):
    asked = ask("POST", body={"precision": "fp32", "dry_run": True}, status=202)
    run_next(tiny_home)
    done = ask("GET", f"/{asked['id']}")
    assert (done["state"], done["cost"]["shards"], done["rollout"]) == ("estimated", 1, None)


def test_they_are_listed_in_pages_and_cancelled(ask):
    made = [ask("POST", body={"dense_weight": weight}, status=202)["id"] for weight in (0.1, 0.2, 0.3)]
    page = ask("GET", "?limit=2")
    assert ([one["id"] for one in page["preparations"]], page["next"]) == (made[:0:-1], made[1])
    page = ask("GET", f"?limit=2&before={page['next']}")
    assert ([one["id"] for one in page["preparations"]], page["next"]) == (made[:1], None)
    gone = ask("POST", f"/{made[0]}/cancel")
    assert (gone["state"], gone["error"]) == ("cancelled", f"cancelled by key {ask.key_id}")
    assert ask("POST", f"/{made[0]}/cancel", status=409)["error"] == "RolloutConflict"
    assert ask("GET", "/99", status=404)["error"] == "NotFound"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 409, "these choices change nothing of it"),
        ({"dense_weight": 0.45}, 409, "these choices change nothing of it"),
        ({"model": "other@1"}, 404, "other"),
        ({"view": "words-of-none@1"}, 404, "words-of-none"),
        ({"language": "klingon"}, 400, "klingon"),
        ({"rerank_depth": 5}, 400, "no reranker"),
        ({"boost": ["what"]}, 400, "what"),
        ({"dense_weight": 2}, 422, "dense_weight"),
        ({"candidates": 0}, 422, "candidates"),
        ({"precision": "fp16"}, 422, "precision"),
        ({"precision": "fp32", "tenants": ["zeta"]}, 404, "zeta"),
        ({"dense_wieght": 0.2}, 422, "dense_wieght"),
    ],
)
def test_what_could_not_be_prepared_is_refused_at_once(ask, body, status, said):
    assert said in str(ask("POST", body=body, status=status))
    assert ask("GET")["preparations"] == []


def test_the_same_change_is_asked_for_once(ask):
    first = ask("POST", body={"dense_weight": 0.9}, status=202)["id"]
    assert f"Preparation {first} is the same change" in ask("POST", body={"dense_weight": 0.9}, status=409)["message"]


def test_every_choice_of_a_recipe_can_be_made_over_http():
    choices = {
        name for name, one in inspect.signature(change_recipe).parameters.items() if one.kind == one.KEYWORD_ONLY
    }
    assert set(PreparationBody.model_fields) - NO_CHOICES == choices
