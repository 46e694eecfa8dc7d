"""``groundwork features``: what there is, what a document had when, appending values, and freeing them."""

import json

import pytest
from click.testing import CliRunner

from indexing.catalogue.document_writes import put_documents
from indexing.commands.root import cli
from indexing.features.view_registry import record_view
from indexing.features.views import DOCUMENT_STATS, definition
from indexing.records import Document, Partition
from tests.support.document_features import CLICKS

OURS = Partition("default", "default")


@pytest.fixture
def run(home):
    put_documents(home.catalogue, OURS, [Document("one", "", "12345"), Document("two", "", "1234567")])

    def invoke(*arguments, status=0, **options):
        result = CliRunner().invoke(cli, ["--home", str(home.path), "features", *arguments], **options)
        assert result.exit_code == status, result.output
        return result

    return invoke


def test_views_are_listed_with_what_is_stored_of_each(run, home):
    record_view(home.catalogue, CLICKS)
    assert run("materialise", "document_stats").stdout.endswith("document_stats@1: 2 rows appended\n")
    found = {row["view"]: row for row in json.loads(run("list", "--json").stdout)}
    assert set(found) == {"clicks@1", "document_stats@1"}
    assert (found["document_stats@1"]["documents"], found["clicks@1"]["documents"]) == (2, 0)
    assert found["document_stats@1"]["fingerprint"] == DOCUMENT_STATS.fingerprint
    table = run("list").output
    assert "length int, age float" in table
    assert "pushed" in table


def test_a_view_is_shown_with_what_it_lacks_and_who_uses_it(run):
    shown = json.loads(run("show", "document_stats").stdout)
    assert (shown["documents_lacking"], shown["recipes"]) == (2, [])
    assert shown["definition"] == definition(DOCUMENT_STATS)
    assert "No document view 'nope'" in run("show", "nope", status=1).output


def test_two_versions_are_compared_field_by_field(run, home, tmp_path):
    file = tmp_path / "view.json"
    file.write_text(json.dumps({**definition(DOCUMENT_STATS), "version": 2, "ttl_seconds": 60}))
    added = CliRunner().invoke(cli, ["--home", str(home.path), "views", "add", str(file)])
    assert added.output == "document view document_stats@2\n"
    assert run("diff", "document_stats@1", "document_stats@2").output == "version: 1 -> 2\nttl_seconds: null -> 60\n"
    assert json.loads(run("diff", "document_stats@1", "document_stats@2", "--json").stdout)["version"] == [1, 2]
    assert run("diff", "document_stats@2", "document_stats").output == "nothing differs\n"


def test_a_view_that_names_other_code_cannot_be_added(run, home, tmp_path):
    file = tmp_path / "view.json"
    file.write_text(json.dumps({**definition(DOCUMENT_STATS), "version": 2, "code_sha256": "0" * 64}))
    result = CliRunner().invoke(cli, ["--home", str(home.path), "views", "add", str(file)])
    assert result.exit_code == 1
    assert "values of both would be mixed" in result.output


def test_values_are_pushed_from_lines_and_got_as_of_a_moment(run, home):
    record_view(home.catalogue, CLICKS)
    lines = [
        {"id": "one", "values": {"clicks": 4}},
        {"id": "gone", "values": {"clicks": 4}},
        {"id": "two", "values": {"clicks": 9}, "event_time": "2020-01-01T00:00:00Z"},
    ]
    text = "\n\n".join(map(json.dumps, lines))
    result = run("push", "clicks", "-", "--json", input=text)
    assert json.loads(result.stdout) == {"view": "clicks@1", "rows": 2, "left_out": ["gone"]}
    asked = ("get", "clicks:clicks", "clicks:by", "--id", "one", "--id", "two", "--id", "gone")
    found = {row["id"]: row["values"] for row in json.loads(run(*asked, "--json").stdout)}
    assert found == {
        "one": {"clicks:clicks": 4, "clicks:by": None},
        "two": {"clicks:clicks": {"absent": "expired"}, "clicks:by": {"absent": "expired"}},
        "gone": {"clicks:clicks": {"absent": "missing"}, "clicks:by": {"absent": "missing"}},
    }
    table = run(*asked).output
    assert all(word in table for word in ("(null)", "(expired)", "(missing)"))
    then = json.loads(run(*asked, "--as-of", "2020-01-01T00:30:00Z", "--json").stdout)
    assert {row["values"]["clicks:clicks"]["absent"] for row in then} == {"missing"}  # nothing was known then


def test_a_line_that_is_no_json_is_named(run, home):
    record_view(home.catalogue, CLICKS)
    result = run("push", "clicks", "-", input='{"id": "one", "values": {}}\n{', status=1)
    assert "Line 2 is not valid JSON" in result.output


def test_values_are_removed_when_told_to(run):
    run("materialise", "document_stats", "--json")
    assert "would remove (do it with --yes): 2 rows" in run("remove", "document_stats").output
    assert "removed: 2 rows of document_stats@1" in run("remove", "document_stats", "--yes").output
    assert json.loads(run("show", "document_stats").stdout)["rows"] == 0
