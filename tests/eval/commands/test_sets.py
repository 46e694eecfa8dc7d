"""``groundwork eval sets``: a set's whole life at the command line, and what it says to programs and to people."""

import json

import pytest
from click.testing import CliRunner

from eval.datasets.candidates import Proposal, propose_candidates
from indexing.builds.build import build
from indexing.builds.context import prepare_build
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.commands.root import whole_command
from indexing.ledger.readers import requests_of
from indexing.records import Document
from indexing.releases.recipe_choices import default_recipe
from tests.eval.datasets.conftest import DOCUMENTS, MANUAL
from tests.support.judge_server import Answer, judge_server

OF = ("--collection", "manual")
SIGNED = ("--by", "ana", "--reason", "asked by support")


@pytest.fixture
def run(home):
    """Runs a command of the group on a home with three documents; gives its result."""
    put_documents(home.catalogue, MANUAL, DOCUMENTS)
    return lambda *words: CliRunner().invoke(whole_command(), ["--home", str(home.path), "eval", *map(str, words)])


def answer(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_set_is_made_changed_and_shown_with_who_and_why(run):
    made = answer(
        run("sets", "add", "support", "why does it leak", "--document", "pump", "--new", *OF, *SIGNED, "--json")
    )
    assert (made["version"], made["queries_added"], made["judgments_added"]) == (1, 1, 1)
    add = run("sets", "add", "support", "valve stuck", "--document", "valve", "--slice", "topic=valves", *SIGNED)
    assert add.output == "support, version 2: queries +1 ~0 -0, judgments +1 -0\n"
    shown = answer(run("sets", "show", "support", "--json"))
    (query,) = [one for one, text in shown["queries"].items() if text == "why does it leak"]
    assert run("sets", "edit", "support", query, "--document", "pump", "--grade", "2", *SIGNED).exit_code == 0
    text = run("sets", "show", "support").output
    assert "pump (2)" in text
    assert "asked by support" in text
    past = answer(run("sets", "show", "support", "--query", query, "--json"))
    assert [(one["document"], one["grade"], one["author"]) for one in past] == [("pump", 1, "ana"), ("pump", 2, "ana")]
    assert "1 to 2" in run("sets", "show", "support", "--query", query).output
    assert run("sets", "retire", "support", query, *SIGNED).exit_code == 0
    assert list(answer(run("sets", "show", "support", "--json"))["queries"].values()) == ["valve stuck"]
    assert len(answer(run("sets", "show", "support", "--version", "2", "--json"))["queries"]) == 2
    (listed,) = answer(run("sets", "list", "--json"))
    assert (listed["name"], listed["version"], listed["queries"]) == ("support", 4, 1)
    assert "default/manual" in run("sets", "list").output


def test_what_changed_or_is_gone_is_named(run, home):
    for query, document in (("why does it leak", "pump"), ("valve stuck", "valve")):
        new = ["--new"] if document == "pump" else []
        assert run("sets", "add", "support", query, "--document", document, *new, *OF, *SIGNED).exit_code == 0
    put_documents(home.catalogue, MANUAL, [Document("pump", "Pump", "Other words.")])
    remove_documents(home.catalogue, MANUAL, ["valve"])
    told = run("sets", "show", "support").output
    assert "judged documents that changed since they were judged, and are scored all the same: pump" in told
    assert "judged documents that are gone, and their judgments are left out: valve" in told
    assert "queries without a relevant document left, which are not measured: q-" in told


def test_a_query_that_nothing_is_relevant_for_is_shown_named_and_exported(run, tmp_path):
    add = ("sets", "add", "support", "is it edible", "--document", "pump")
    assert run(*add, "--grade", "0", "--new", *OF, *SIGNED).exit_code == 0
    shown = answer(run("sets", "show", "support", "--json"))
    ((query, grades),) = shown["qrels"].items()
    assert (shown["queries"][query], grades) == ("is it edible", {"pump": 0})
    told = run("sets", "show", "support").output
    assert "pump (0)" in told
    assert f"queries that no document is judged relevant for, which are not measured: {query}" in told
    assert run("sets", "export", "support", tmp_path / "out").exit_code == 0
    assert query in (tmp_path / "out" / "queries.jsonl").read_text()
    assert run("sets", "retire", "support", query, *SIGNED).exit_code == 0
    assert answer(run("sets", "show", "support", "--json"))["queries"] == {}
    assert "holds no judgment in version 2" in run("sets", "export", "support", tmp_path / "more").output


def test_files_are_imported_and_exported(run, tmp_path):
    (tmp_path / "topics.tsv").write_text("1\twhy does it leak\n")
    (tmp_path / "qrels.txt").write_text("1 0 pump 1\n")
    trec = ("--queries", tmp_path / "topics.tsv", "--qrels", tmp_path / "qrels.txt")
    assert answer(run("sets", "import", "trec", *trec, *OF, "--json"))["judgments_added"] == 1
    assert run("sets", "import", "beir", "--corpus", "corpora/helpdesk", "--slice", "kind=kind", *OF).exit_code == 0
    exported = run("sets", "export", "trec", tmp_path / "out")
    assert exported.output.endswith("an erasure does not reach these files\n")
    assert (tmp_path / "out" / "queries.jsonl").is_file()
    for folder, said in (
        (tmp_path / "out", "is not an empty folder"),
        (tmp_path / "topics.tsv" / "out", "cannot be made (Not a directory)"),
        (tmp_path / ("x" * 300), "cannot be made (File name too long)"),
    ):
        refused = run("sets", "export", "trec", folder)
        assert (refused.exit_code, said in " ".join(refused.output.split())) == (1, True), refused.output
    for words, said in (
        (["sets", "import", "x"], "Give either --corpus, or --queries and --qrels."),
        (["sets", "import", "x", *trec, "--slice", "topic"], "expected NAME=VALUE"),
        (["run", "--mode", "lexical"], "Give either --corpus or --set."),
    ):
        refused = run(*words)
        assert (refused.exit_code, said in refused.output) == (2, True), refused.output


def test_candidates_are_listed_accepted_and_rejected(run, home):
    assert run("sets", "add", "support", "valve stuck", "--document", "valve", "--new", *OF, *SIGNED).exit_code == 0
    proposals = [Proposal(MANUAL, text, "feedback", "pump", {"clicks": 3}) for text in ("pump leaks", "pump red")]
    propose_candidates(home, proposals)
    listed = run("sets", "candidates", "list", *OF).output
    assert "pump leaks" in listed
    assert "clicks 3" in listed
    accepted = answer(
        run("sets", "candidates", "accept", "1", "--set", "support", "--grade", "1", "--by", "bo", "--json")
    )
    assert accepted["judgments_added"] == 1
    assert "candidate 2 is rejected" in run("sets", "candidates", "reject", "2", *SIGNED).output
    (rejected,) = answer(run("sets", "candidates", "list", "--state", "rejected", "--json"))
    assert (rejected["query"], rejected["decided_by"]) == ("pump red", "ana")


def test_a_model_must_be_configured_before_it_writes(run):
    refused = run("sets", "synthesise", "made", "--model", *OF)
    assert (refused.exit_code, "set GROUNDWORK_JUDGE_URL" in refused.output) == (1, True)


def test_what_a_model_was_asked_for_queries_stands_in_the_ledger(run, home, monkeypatch):
    with judge_server(lambda body, before: Answer('{"question": "How do I change it?"}')) as server:
        monkeypatch.setenv("GROUNDWORK_JUDGE_URL", server.url)
        monkeypatch.setenv("GROUNDWORK_JUDGE_MODEL", "writer-1")
        assert run("sets", "synthesise", "made", "--model", "--count", "1", *OF).exit_code == 0
        asked = len(server.bodies)
    rows = list(requests_of(home.ledger, "default"))
    assert {(row.kind, row.collection, row.reason) for row in rows} == {
        ("model_call", "manual", "questions written by writer-1")
    }
    assert len(rows) == asked


def test_a_stored_set_is_measured_on_the_release_in_service(tiny_home):
    def run(*words):
        return CliRunner().invoke(whole_command(), ["--home", str(tiny_home.path), "eval", *words])

    put_documents(tiny_home.catalogue, MANUAL, DOCUMENTS)
    build(prepare_build(tiny_home, default_recipe(tiny_home)))
    assert run("sets", "synthesise", "made", *OF).exit_code == 0
    measured = answer(run("run", "--set", "made", "--mode", "lexical", "--json"))
    assert (measured["queryset"], measured["split"]) == ("made", "test")
    assert (measured["inputs"]["query_set"], measured["inputs"]["query_set_version"]) == ("made", 1)
    assert measured["modes"]["lexical"]["means"]["nDCG@10"] == 1.0
    assert measured["staleness"]["gone"] == {}
