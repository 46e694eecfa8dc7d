"""``groundwork features``: what there is, what a document had when, appending values, and freeing them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from indexing.catalogue.document_writes import put_documents
from indexing.commands.root import cli
from indexing.features.boosts import Boost
from indexing.features.feature_values import numbers_of, read_features
from indexing.features.online_store import OnlineStore, get_online
from indexing.features.view_registry import record_view
from indexing.features.views import DEFAULT_PASSAGES, DOCUMENT_STATS, EMBEDDING_VIEWS, definition, lexical_view
from indexing.records import Document, Partition
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe
from tests.support.document_features import CLICKS
from tests.support.ledger_rows import made_hit, made_row

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
    assert set(found) == {"clicks@1", "document_engagement@1", "document_stats@1"}
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


@pytest.fixture
def answered(run, home):
    """A day's answers in the ledger: by a release whose boosts use two features, and one by a release without any."""
    boosts = tuple(Boost(f"document_stats:{name}", 0.1, 30.0) for name in ("length", "age"))
    plain = Recipe("model@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), RetrievalConfig())
    boosted = replace(plain, retrieval=RetrievalConfig(boosts=boosts), document_views=(DOCUMENT_STATS,))
    numbers = [record_recipe(home.catalogue, recipe).number for recipe in (boosted, plain)]
    run("materialise", "document_stats")
    asked = read_features(home.catalogue, [boost.feature for boost in boosts])
    at = datetime.now(UTC) + timedelta(seconds=5)
    found = get_online(OnlineStore(home.catalogue), asked, OURS, ["one", "two"], at)
    hits = [made_hit(name, features=numbers_of(values)) for name, values in zip(("one", "two"), found, strict=True)]
    there = {"tenant": OURS.tenant, "collection": OURS.collection}
    rows = [
        made_row(1, at, release=f"{numbers[0]}.1", hits=hits, **there),
        made_row(2, at, release=f"{numbers[1]}.4", hits=[made_hit("one")], **there),
        made_row(3, at, release=f"{numbers[0]}.1", hits=hits[:1], kind="shadow", **there),
        made_row(4, at, release=f"{numbers[0]}.1", hits=[made_hit("one", features={})], **{**there, "tenant": "other"}),
    ]
    home.ledger.append(rows)
    return home


ZERO = {"mismatched": 0, "missing": 0, "extra": 0, "smape": 0.0, "share": 0.0}


def test_skew_is_zero_where_nothing_changed(run, answered):
    found = json.loads(run("skew", "--tenant", "default", "--fail-above", "0", "--json").stdout)
    assert found == {
        "sampled": 3,
        "unknown": 0,
        "features": {f"document_stats:{name}": {"compared": 2, **ZERO} for name in ("age", "length")},
    }
    table = run("skew", "--tenant", "default").output
    assert "document_stats:age" in table
    assert "answers looked at: 3; of 0 the document changed since" in table
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert json.loads(run("skew", "--from", later, "--json").stdout)["sampled"] == 0
    assert json.loads(run("skew", "--sample", "0", "--json").stdout)["sampled"] == 0


def test_skew_above_the_limit_is_an_alert_with_its_feature(run, answered):
    put_documents(answered.catalogue, OURS, [Document("one", "", "a text of another length")])
    result = run("skew", "--tenant", "default", "--fail-above", "0.4", status=1)
    assert "document_stats:length: more than 0.4 of its answers are wrong" in result.stderr
    assert "document_stats:age: more" not in result.stderr
    assert '"features.skew"' in result.stderr
    assert (
        json.loads(run("skew", "--tenant", "default", "--fail-above", "0.5", "--json").stdout)["features"][
            "document_stats:length"
        ]["share"]
        == 0.5
    )
