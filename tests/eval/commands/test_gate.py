"""``groundwork eval gate``: what CI reads of it, and what it leaves behind."""

import json

import pytest
from click.testing import CliRunner

from eval.datasets.set_changes import NewQuery, Note, create_set, put_contents
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.verdicts import verdict_rows
from indexing.commands.root import whole_command
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import change_recipe, recipe_in_service

ARTICLES = Partition("default", "articles")
NOUNS = [f"{first}{second}" for first in ("car", "boat", "tree") for second in "abcd"]
POLICY = "query_sets: [{name: things, split: all, mode: lexical, min_queries: 12}]\nlatency: {p95_ratio: null}\n"


@pytest.fixture
def run(tiny_home, tmp_path):
    """Recipe 1 stems and is in service, recipe 2 does not: queries in the plural find nothing."""
    home = tiny_home
    put_documents(home.catalogue, ARTICLES, [Document(noun, noun, f"About one {noun}.") for noun in NOUNS])
    recipe = recipe_in_service(home)
    build(prepare_build(home, recipe))
    build(prepare_build(home, change_recipe(home, recipe, language="none")))
    create_set(home, "things", ARTICLES, "curated", provenance={}, actor="ana")
    queries = [NewQuery(f"q-{noun}", f"{noun}s", "curated") for noun in NOUNS]
    qrels = {one.id: {noun: 1} for one, noun in zip(queries, NOUNS, strict=True)}
    put_contents(home, "things", queries, qrels, Note("add", "ana", "a test"))
    (tmp_path / "policy.yaml").write_text(POLICY)

    def invoke(*arguments, code):
        command = ["--home", str(home.path), "eval", "gate", *arguments]
        result = CliRunner().invoke(whole_command(), command, terminal_width=200)
        assert result.exit_code == code, result.output
        return result.stdout if code in (0, 3, 4) else result.stderr

    invoke.policy = ("--policy", str(tmp_path / "policy.yaml"))
    return invoke


def test_the_exit_code_says_the_verdict_and_the_verdict_is_stored(run, tiny_home):
    told = run("2", *run.policy, code=4)
    assert told.startswith("REJECT: release 2.1 against recipe 1 (policy ")
    assert "things: nDCG@10 0.000 against 1.000 on 12 queries: it is worse" in told
    found = json.loads(run("1", "--against", "2.1", *run.policy, "--json", code=0))
    assert (found["verdict"], found["candidate"], found["baseline"]) == ("PROMOTE", 1, 2)
    assert [row["verdict"] for row in verdict_rows(tiny_home.catalogue, 2)] == ["REJECT"]


def test_with_the_default_policy_a_few_queries_and_documents_hold(run):
    told = run("2", code=3)
    assert "things: left out, " in told
    assert "No query could be made of 12 documents" in told


def test_an_error_and_a_mistyped_option_have_codes_of_their_own(run, tmp_path):
    assert "the one it would be held against" in run("1", *run.policy, code=1)
    (tmp_path / "odd.yaml").write_text("level: high")
    assert "odd.yaml: level 'high'" in run("2", "--policy", str(tmp_path / "odd.yaml"), code=1)
    assert "does not exist" in run("2", "--policy", str(tmp_path / "none.yaml"), code=2)
