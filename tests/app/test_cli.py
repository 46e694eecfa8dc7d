"""``groundwork search``: the API's answer on the command line."""

import json

import pytest
from click.testing import CliRunner

import app.cli  # noqa: F401 (adds its commands)
from app.retrieval.retriever import Retriever
from app.schemas.search import SearchAnswer
from app.serving.release_pool import ReleasePool
from indexing.catalogue.document_writes import put_documents
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
    assert set(answer) == set(SearchAnswer.model_fields) - {"request_id", "query_id"}
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
