"""``groundwork search``: the API's answer on the command line."""

import json

import pytest
from click.testing import CliRunner

import app.cli  # noqa: F401 (adds its commands)
from app.retrieval.retriever import Retriever
from app.schemas.search import SearchAnswer
from app.serving.release_pool import ReleasePool
from indexing.catalogue.document_writes import put_documents, remove_documents, write_documents
from indexing.commands.root import cli
from indexing.records import Document, Partition
from indexing.snapshots.shard import KIND
from tests.app.conftest import ARTICLES, fill, release

HELPDESK = Partition("default", "helpdesk")


def search(home, *arguments):
    command = ["--home", str(home.path), "search", *arguments, "--collection", "helpdesk"]
    return CliRunner().invoke(cli, command)


def test_json_is_the_answer_of_the_api_without_what_names_a_request(served_home):
    answer = json.loads(search(served_home, "forgot my password", "--json", "-k", "2").stdout)
    assert set(answer) == set(SearchAnswer.model_fields) - {"request_id", "query_id", "below_min_score"}
    assert type(answer.pop("seq")) is int  # the command line shows the numbers themselves
    SearchAnswer(request_id="", query_id="", seq="", **answer)
    expected = Retriever().search(ReleasePool(served_home).refresh(), HELPDESK, "forgot my password", k=2)
    assert [hit["passage_id"] for hit in answer["hits"]] == [hit.passage.document_id + "#0" for hit in expected.hits]
    assert [hit["score"] for hit in answer["hits"]] == [hit.score for hit in expected.hits]


@pytest.mark.model
def test_passages_of_one_document_are_one_hit_unless_asked_for(real_home):
    text = "\n\n".join(f"# Part {i}\n\nReset a forgotten password, way {i}.{' And so on.' * 30}" for i in range(3))
    put_documents(real_home.catalogue, HELPDESK, [Document("ways", "Ways", text, content_type="text/markdown")])
    release(real_home)
    for options, expected in (((), 1), (("--passages",), 3)):
        answer = json.loads(search(real_home, "forgotten password", "-k", "20", "--json", *options).stdout)
        assert [hit["document_id"] for hit in answer["hits"]].count("ways") == expected


def test_hits_are_lines_for_a_person_and_what_is_missing_is_said_beside_them(sharded_home):
    name, *_ = sharded_home.storage.list(KIND)
    path = sharded_home.path / KIND / name / "lexical.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    result = search(sharded_home, "password", "-k", "20")
    assert result.exit_code == 0
    assert 0 < sum(f"[{article}]" in result.stdout for article in ARTICLES) < len(ARTICLES)
    assert name in result.stderr
    assert "release 1.1" in result.stderr


@pytest.mark.parametrize(("query", "said"), [("", "empty"), (" \n", "empty")])
def test_an_empty_query_is_refused(served_home, query, said):
    result = search(served_home, query)
    assert result.exit_code == 1
    assert said in result.stderr


def test_the_collection_of_another_tenant_is_searched_when_it_is_named(served_home):
    fill(served_home, articles={"theirs": ("Reset a password", "The rival's way to reset it.")}, tenant="rival")
    release(served_home)
    answer = json.loads(search(served_home, "reset a password", "--tenant", "rival", "-k", "9", "--json").stdout)
    assert [hit["document_id"] for hit in answer["hits"]] == ["theirs"]
    assert "No tenant 'nobody'" in search(served_home, "password", "--tenant", "nobody").stderr


# What was written since the last build


def live(home, name, text, **metadata):
    """As the API takes a write that is found at once."""
    write_documents(home.catalogue, HELPDESK, [Document(name, name, text, metadata=metadata)], live=True)


def found(home, *arguments):
    result = search(home, *arguments, "--json", "-k", "20")
    assert result.exit_code == 0, result.output
    return [hit["document_id"] for hit in json.loads(result.stdout)["hits"]]


def test_what_was_written_since_the_build_is_found_and_what_was_deleted_is_not(served_home):
    live(served_home, "fianchetto", "The fianchetto is a pattern of development.")
    live(served_home, "password", "This article has moved.")
    remove_documents(served_home.catalogue, HELPDESK, ["invoice"])
    assert found(served_home, "fianchetto", "--mode", "lexical") == ["fianchetto"]
    assert found(served_home, "moved", "--mode", "lexical") == ["password"]
    assert set(found(served_home, "invoice")) == {*ARTICLES, "fianchetto"} - {"invoice"}
    answer = json.loads(search(served_home, "fianchetto", "--json").stdout)
    assert answer["seq"] == served_home.catalogue.sequence()


def test_a_collection_that_no_build_has_seen_yet_is_found_too(served_home):
    write_documents(served_home.catalogue, Partition("default", "new"), [Document("n", "n", "zugzwang")], live=True)
    command = ["--home", str(served_home.path), "search", "zugzwang", "--collection", "new"]
    result = CliRunner().invoke(cli, command)
    assert "[n]" in result.stdout


def test_what_waits_for_a_build_is_counted_and_not_found(served_home):
    put_documents(served_home.catalogue, HELPDESK, [Document("bulk", "Bulk", "A zugzwang in bulk.")])
    result = search(served_home, "zugzwang", "--mode", "lexical")
    assert result.stdout == ""
    assert "1 documents of this tenant wait for a build" in result.stderr


# What may be found


def test_filters_must_all_fit_built_and_fresh_documents_alike(served_home):
    live(served_home, "fresh", "A password.", category="p", year=2026)
    assert set(found(served_home, "password", "--filter", "category=p")) == {"password", "fresh"}
    assert found(served_home, "password", "--filter", "category=p", "--filter", "year>=2026") == ["fresh"]
    assert found(served_home, "password", "--filter", "year<2026") == []
    assert set(found(served_home, "x", "--filter", '{"type": "in", "key": "category", "value": ["i", "w"]}')) == {
        "invoice",
        "webhook",
    }


def test_a_filter_hides_no_document_by_its_permissions_and_principals_do(served_home):
    document = Document("secret", "Secret", "A password.", metadata={"category": "p"}, allow=("ann",))
    write_documents(served_home.catalogue, HELPDESK, [document], live=True)
    assert "secret" in found(served_home, "password", "--filter", "category=p")
    assert "secret" in found(served_home, "password", "--principal", "ann")
    assert "secret" not in found(served_home, "password", "--principal", "bob", "--filter", "category=p")


def test_a_filter_that_cannot_be_read_is_refused(served_home):
    result = search(served_home, "x", "--filter", "category")
    assert result.exit_code == 1
    assert "The filter 'category' has no comparison" in result.stderr


def test_pages_scores_and_near_duplicates_are_as_the_api_has_them(served_home):
    whole = found(served_home, "password")
    assert found(served_home, "password", "--offset", "2") == whole[2:]
    assert found(served_home, "password", "--min-score", "1") == []
    live(served_home, "again", ARTICLES["password"][1])
    shown = search(served_home, "password", "--collapse", "-k", "20").stdout
    assert "(and 1 like it)" in shown
