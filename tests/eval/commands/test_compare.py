"""``groundwork eval compare`` and ``eval experiments`` as a person and a program see them."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from eval.commands.root import evaluation
from eval.datasets.candidates import list_candidates
from eval.datasets.imports import QueryFiles, import_query_set
from eval.experiments.task_kind import KIND
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents
from indexing.features.views import lexical_view
from indexing.records import Document, Partition
from indexing.releases.recipe_choices import default_recipe
from tests.support.evaluated_home import WORDS

PLACE = Partition("default", "docs")


@pytest.fixture
def run(tiny_home, tmp_path):
    """Two recipes over the same documents: the second stems no English, so that plurals find nothing."""
    put_documents(tiny_home.catalogue, PLACE, [Document(word, "", f"about {word} and more") for word in WORDS])
    recipe = default_recipe(tiny_home)
    for one in (recipe, replace(recipe, lexical=lexical_view("none"))):
        build(prepare_build(tiny_home, one))
    queries, qrels = tmp_path / "queries.jsonl", tmp_path / "test.tsv"
    queries.write_text("".join(json.dumps({"_id": word, "text": f"{word}s"}) + "\n" for word in WORDS))
    qrels.write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{word}\t{word}\t1\n" for word in WORDS))
    import_query_set(tiny_home, "plurals", QueryFiles(queries, qrels), PLACE, actor="ana")

    def call(*words):
        return CliRunner().invoke(evaluation, words, obj=tiny_home.settings, catch_exceptions=False)

    return call


COMPARED = ("compare", "1", "2.1", "--set", "plurals", "--split", "all", "--mode", "lexical")


def test_a_comparison_says_the_verdict_first_and_shows_both_rankings(run):
    result = run(*COMPARED)
    lines = result.stdout.splitlines()
    assert lines[0] == "release 2.1 against 1.1: WORSE"
    assert "the mean changes by -1.0000, p is 0.0312" in lines[1]
    assert "nDCG@10: -1.0000, 95 % of resamples in -1.0000 .. -1.0000, p 0.0312; 0 queries won, 0 tied, 6 lost" in lines
    assert "plurals (all), lexical: 6 queries paired" in result.stdout
    assert "apple (1.000 -> 0.000): apples" in result.stdout
    assert "apple [grade 1]" in result.stdout
    assert "slices" not in result.stdout  # each is the whole set


def test_the_json_of_a_comparison_has_all_of_it(run, tiny_home):
    found = json.loads(run(*COMPARED, "--json").stdout)
    assert (found["verdict"], found["difference"], found["is_comparable"]) == ("worse", -1.0, True)
    assert (found["release_a"], found["release_b"], found["queries"]) == ("1.1", "2.1", 6)
    assert found["win_tie_loss"] == {"wins": 0, "ties": 0, "losses": 6}
    assert found["most_changed"][0]["ranking_a"] == ["apple"]
    assert found["most_changed"][0]["difference"] == -1.0
    assert found["coverage"] == [1.0, 1.0]
    assert tiny_home.storage.list(KIND) == []


def test_evaluations_are_listed_and_shown_by_the_beginning_of_their_id(run):
    assert json.loads(run("experiments", "list", "--json").stdout) == []
    run(*COMPARED)
    listed = json.loads(run("experiments", "list", "--json").stdout)
    assert [(one["release"], one["query_set"], one["split"], one["mode"]) for one in listed] == [
        ("1.1", "plurals", "all", "lexical"),
        ("2.1", "plurals", "all", "lexical"),
    ]
    assert [one["release"] for one in json.loads(run("experiments", "list", "--recipe", "2", "--json").stdout)] == [
        "2.1"
    ]
    assert json.loads(run("experiments", "list", "--set", "others", "--json").stdout) == []
    assert len(json.loads(run("experiments", "list", "--limit", "1", "--json").stdout)) == 1
    assert "plurals v1" in run("experiments", "list").stdout
    shown = run("experiments", "show", listed[0]["id"][:10]).stdout
    assert "on plurals (all), lexical, 6 queries" in shown
    assert listed[0]["id"] in shown
    value = json.loads(run("experiments", "show", listed[1]["id"], "--json").stdout)
    assert (value["means"]["nDCG@10"], value["latency"].keys()) == (0.0, {"p50_ms", "p95_ms", "p99_ms"})


def test_what_is_to_be_judged_is_proposed_when_that_is_asked_for(run, tiny_home):
    words = ("compare", "1", "2", "--set", "plurals", "--split", "all", "--mode", "dense")
    found = json.loads(run(*words, "--json").stdout)
    assert len(found["to_judge"]) == 30  # six queries find six documents each, of which one is judged
    assert list_candidates(tiny_home) == []
    assert "30 new candidates for judging" in run(*words, "--propose").stderr
    assert "0 new candidates for judging" in run(*words, "--propose").stderr
    one = list_candidates(tiny_home)[0]
    assert (one.source, one.partition, one.times) == ("comparison", PLACE, 2)
    assert one.evidence == {"query_set": "plurals", "releases": ["1.1", "2.1"]}
    assert one.query.endswith("s")
