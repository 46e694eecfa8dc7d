"""``groundwork releases prepare`` says what a change costs, asks, builds and proposes."""

import json
import shutil
from contextlib import closing

import pytest
from click.testing import CliRunner

from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.releases import stable_recipe
from indexing.commands.root import cli
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.releases.release import list_releases
from indexing.releases.rollouts import list_rollouts
from tests.conftest import settings_at
from tests.support.tiny_model import add_tiny

TEXTS = [Document(f"doc-{n}", f"Title {n}", f"The words of document {n}.") for n in range(3)]


@pytest.fixture(scope="module")
def built_once(tmp_path_factory, tiny_files):
    """The folder of a home with one release of three documents."""
    with closing(open_home(settings_at(tmp_path_factory.mktemp("built")))) as home:
        add_tiny(home, tiny_files)
        put_documents(home.catalogue, Partition("default", "default"), TEXTS)
    assert CliRunner().invoke(cli, ["--home", str(home.path), "build"]).exit_code == 0
    return home.path


@pytest.fixture
def tiny_home(built_once, tmp_path):
    """A copy of it."""
    shutil.copytree(built_once, tmp_path / "home")
    with closing(open_home(settings_at(tmp_path))) as home:
        yield home


@pytest.fixture
def run(tiny_home):
    def invoke(*arguments, **how):
        return CliRunner().invoke(cli, ["--home", str(tiny_home.path), *arguments], **how)

    return invoke


PREPARE = ("releases", "prepare", "--precision", "fp32")


def test_it_says_what_differs_and_what_it_costs_then_asks(run, tiny_home):
    refused = run(*PREPARE, "--tenant", "default", input="n\n")
    assert refused.exit_code == 1
    assert "against recipe 1, which is in service:" in refused.stdout
    assert "vectors: name int8 -> fp32" in refused.stdout
    assert "It costs 3 embeddings in about 0 s, measured on a sample here, and 1 shard:" in refused.stdout
    assert "288 bytes of vectors" in refused.stdout
    assert "built for all tenants, since a snapshot holds all; only requests of default try it" in refused.stdout
    assert "Build it? [y/N]" in refused.stderr
    assert len(list_releases(tiny_home.catalogue)) == 1
    done = run(*PREPARE, input="y\n")
    assert done.exit_code == 0, done.output
    assert "release 2.1 (snapshot " in done.stdout
    assert "Rollout 1 (recipe 2 against 1) is proposed." in done.stdout
    assert "groundwork rollouts canary 1" in done.stderr


def test_a_dry_run_ends_with_the_cost(run, tiny_home):
    told = json.loads(run(*PREPARE, "--dry-run", "--json").stdout)
    assert (told["embeddings"], told["shards"], told["vector_bytes"]) == (3, 1, 288)
    assert "vectors: precision int8 -> fp32" in told["changes"]
    assert run(*PREPARE, "--dry-run").exit_code == 0
    assert list_rollouts(tiny_home.catalogue) == []


def test_json_has_the_cost_the_build_and_the_rollout(run):
    told = json.loads(run(*PREPARE, "--yes", "--json", "--reason", "fp32 is exact").stdout)
    assert (told["build"]["release"]["number"], told["rollout"]["state"]) == ("2.1", "proposed")
    assert told["cost"]["embeddings"] == told["build"]["embeddings_computed"] == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Recipe 1 is in service already, and these choices change nothing of it"),
        (("--precision", "fp32", "--tenant", "zeta"), "zeta"),
        (("--model", "nope"), "No model 'nope'"),
        (("--rerank-depth", "5"), "There is no reranker"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(run, arguments, message):
    refused = run("releases", "prepare", "--yes", *arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "command", [("releases", "promote", "2"), ("releases", "deploy", "2"), ("rollouts", "promote")]
)
def test_a_candidate_that_was_tampered_with_is_not_promoted(run, tiny_home, command):
    assert run(*PREPARE, "--yes").exit_code == 0
    with tiny_home.catalogue.write() as db:
        db.conn.execute("UPDATE recipes SET manifest = replace(manifest, '0.45', '0.99') WHERE number = 2")
    refused = run(*command)
    assert refused.exit_code == 1
    assert "Recipe 2 is not the one that was recorded" in refused.stderr
    assert stable_recipe(tiny_home.catalogue) == 1
    listed = run("releases", "list", "--json")
    assert [row["model"] for row in json.loads(listed.stdout)] == ["tiny@1", "tampered with"]
    assert "Recipe 2 is not the one" in listed.stderr
