"""Collections and documents listed, counted and deleted on the command line."""

import json

import pytest
from click.testing import CliRunner

from indexing.catalogue.document_writes import put_documents
from indexing.commands.root import whole_command
from indexing.home import open_home
from indexing.records import Document, Partition
from indexing.settings import Settings
from tests.support.migrated_catalogue import place_home


@pytest.fixture
def run(tmp_path):
    home = open_home(Settings(home=place_home(tmp_path / "home")))
    documents = [
        Document(f"d{number}", f"Title {number}", "text", "", {"year": 2020 + number, "kind": "ab"[number % 2]})
        for number in range(5)
    ]
    secret = Document("secret", "Secret", "text", "", {"year": 2021, "kind": "b"}, allow=("ann",))
    put_documents(home.catalogue, Partition("default", "many"), [*documents, secret])
    home.close()

    def run(*arguments, status=0):
        done = CliRunner().invoke(whole_command(), ["--home", str(tmp_path / "home"), *arguments])
        assert done.exit_code == status, done.output
        return json.loads(done.stdout) if "--json" in arguments else done.output

    return run


def ids(rows):
    return [row["id"] for row in rows]


def test_documents_are_listed_by_filter_a_page_at_a_time(run):
    where = ("--collection", "many")
    assert ids(run("documents", "list", *where, "--json")) == ["d0", "d1", "d2", "d3", "d4", "secret"]
    assert ids(run("documents", "list", *where, "--filter", "kind=b", "--filter", "year>=2022", "--json")) == ["d3"]
    page = run("documents", "list", *where, "--limit", "2", "--after", "d1")
    assert "Title 2" in page
    assert "go on with --after 'd3'" in page
    assert run("documents", "count", *where, "--filter", "kind=b", "--json")["documents"] == 3
    assert run("documents", "count", *where).strip() == "6"


def test_documents_are_deleted_only_with_yes(run):
    where = ("--collection", "many")
    assert run("documents", "delete", *where, "--filter", "kind=b", "--json")["deleted"] == 0
    assert run("documents", "count", *where, "--json")["documents"] == 6
    assert run("documents", "delete", *where, "--filter", "kind=b", "--yes", "--json")["deleted"] == 3
    assert run("documents", "delete", *where, "d0", "d4", "--yes").strip() == (
        "deleted 2 of 2 documents of default/many"
    )
    assert ids(run("documents", "list", *where, "--json")) == ["d2"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("documents", "delete", "--collection", "many"), "Say which documents to delete"),
        (("documents", "delete", "d0", "--filter", "a=1", "--collection", "many"), "Say which documents to delete"),
        (("documents", "delete", "nowhere", "--collection", "many", "--yes"), "No document 'nowhere'"),
        (("documents", "list", "--collection", "none"), "No collection 'none'"),
        (("documents", "count", "--collection", "many", "--filter", "year"), "The filter 'year'"),
        (("collections", "delete", "none"), "No collection 'none'"),
        (("collections", "list", "--tenant", "none"), "No tenant 'none'"),
        (("collections", "create", "a/b"), "a/b"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused_by_name(run, arguments, said):
    assert said in run(*arguments, status=1)


def test_collections_are_made_listed_and_deleted(run):
    assert run("collections", "create", "new", "--json") == {"name": "new", "documents": 0, "created": True}
    assert "there already" in run("collections", "create", "many")
    listed = [{"name": "many", "documents": 6}, {"name": "new", "documents": 0}]
    assert run("collections", "list", "--json") == listed
    assert run("collections", "delete", "many", "--json")["deleted"] is False
    assert run("collections", "list", "--json") == listed
    assert run("collections", "delete", "many", "--yes").strip() == (
        "deleted: collection many of tenant default with 6 documents"
    )
    assert run("collections", "list", "--json") == listed[1:]
