"""Lineage over HTTP: for the operator alone, the same as on the command line."""

import json
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner

from app.main import create_app
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.api_keys import OPERATOR, create_key
from indexing.catalogue.document_writes import put_documents
from indexing.commands.root import cli
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import recipe_in_service
from tests.conftest import settings_at
from tests.support.api_client import TestClient
from tests.support.home_copies import link_home
from tests.support.ledger_rows import made_hit, made_row
from tests.support.migrated_catalogue import place_home
from tests.support.tiny_model import add_tiny


@pytest.fixture(scope="module")
def built(tiny_files, tmp_path_factory):
    """The folder of a home with one release of one document, and one request that found it."""
    folder = tmp_path_factory.mktemp("lineage")
    place_home(folder / "home")
    with closing(open_home(settings_at(folder))) as home:
        add_tiny(home, tiny_files)
        put_documents(home.catalogue, Partition("default", "default"), [Document("doc-1", "One", "Words.")])
        build(prepare_build(home, recipe_in_service(home)))
        home.ledger.append([made_row(1, tenant="default", release="1.1", hits=(made_hit("doc-1"),))])
    return home.path


@pytest.fixture
def home(built, tmp_path):
    link_home(built, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home


@pytest.fixture
def ask(home):
    with TestClient(create_app(home.settings), raise_server_exceptions=False) as client:

        def ask(path, scope=OPERATOR, **query):
            secret = create_key(home.catalogue, "default", scopes=(scope,))[1]
            return client.get(path, params=query, headers={"Authorization": f"Bearer {secret}"})

        yield ask


@pytest.fixture
def run(home):
    def invoke(*arguments):
        result = CliRunner().invoke(cli, ["--home", str(home.path), *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    return invoke


def test_a_release_is_shown_by_route_and_command_alike(ask, run):
    answer = ask("/v1/releases/1.1")
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(run("releases", "show", "1", "--json"))
    tree = run("releases", "show", "1.1")
    for line in ("release 1.1", "is in service: True", "id: tiny@1", "analyser: english", "licence: Apache-2.0"):
        assert line in tree


def test_two_releases_are_compared_by_route_and_command_alike(home, ask, run):
    put_documents(home.catalogue, Partition("default", "default"), [Document("doc-2", "Two", "More words.")])
    build(prepare_build(home, replace(recipe_in_service(home), shard_rows=7)))
    answer = ask("/v1/releases/2/diff", before="1.1")
    assert answer.status_code == 200, answer.text
    found, told = answer.json(), json.loads(run("releases", "diff", "1.1", "2", "--json"))
    assert (found["before"], found["after"]) == ("1.1", "2.1")
    assert (found["sentences"], found["recipe"]) == (told["sentences"], told["recipe"])
    assert (found["added"], found["removed"], found["changed"]) == (1, 0, 0)
    assert ask("/v1/releases/2/diff", before="9").status_code == 404
    assert ask("/v1/releases/2/diff", before="latest").status_code == 400
    assert ask("/v1/releases/2/diff").status_code == 422


@pytest.mark.parametrize(
    ("of", "thing"),
    [
        ("model", "tiny@1"),
        ("view", "int8@1"),
        ("release", "1.1"),
        ("document", "default/default/doc-1"),
        ("request", "request-000001"),
    ],
)
def test_lineage_is_told_by_route_and_command_alike(ask, run, of, thing):
    answer = ask("/v1/lineage", of=of, id=thing)
    assert answer.status_code == 200, answer.text
    assert answer.json() == json.loads(run("lineage", "--of", of, thing, "--json"))
    assert answer.json()["answers"]["requests"] == 1
    assert run("lineage", "--of", of, thing).startswith(f"{of} {answer.json()['id']}\n")


def test_lineage_is_the_operator_s(ask):
    for path, query in (("/v1/releases/1.1", {}), ("/v1/lineage", {"of": "model", "id": "tiny@1"})):
        assert ask(path, "admin", **query).status_code == 403


def test_what_is_not_there_is_404_and_another_form_is_refused(ask):
    assert ask("/v1/releases/9").status_code == 404
    assert ask("/v1/releases/first").status_code == 400
    assert ask("/v1/lineage", of="model", id="nope").status_code == 404
    assert ask("/v1/lineage", of="tenant", id="default").status_code == 422
    assert ask("/v1/lineage", of="document", id="doc-1").status_code == 400
    assert ask("/v1/lineage", of="passage", id="default/default/doc-1").status_code == 400
    assert ask("/v1/lineage", of="passage", id="default/default/doc-1#0", release="9").status_code == 404
    assert ask("/v1/lineage", of="passage", id="default/default/doc-1#0", release="1").status_code == 200


def test_a_document_and_a_passage_are_explained_by_their_ids(run):
    document = json.loads(run("documents", "explain", "doc-1", "--json"))
    passage = json.loads(run("documents", "explain", "doc-1#0", "--json"))
    assert (document["of"], passage["of"]) == ("document", "passage")
    assert document["made_of"]["built"] == passage["made_of"]["built"]
    assert passage == json.loads(run("lineage", "--of", "passage", "default/default/doc-1#0", "--json"))
    assert run("documents", "explain", "doc-1#0", "--release", "1").startswith("passage default/default/doc-1#0\n")


def test_a_diff_is_told_in_sentences(run):
    assert run("releases", "diff", "1", "1.1").startswith("from release 1.1 to 1.1:\n  both have the same recipe\n")
    assert json.loads(run("releases", "diff", "1", "1", "--json"))["recipe"] == []
