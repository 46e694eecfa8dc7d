"""``groundwork replay``: what the API answered is answered again on the command line."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

import app.cli  # noqa: F401 (adds its commands)
from app.main import create_app, refresh
from indexing.catalogue.tenants import change_limits
from indexing.commands.root import cli
from indexing.ledger.store import LedgerStore
from tests.app.conftest import copied
from tests.support.api_client import TestClient
from tests.support.ledger_rows import made_row

SECRET = "test-key-0123456789"
KEY = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def settings(tmp_path, built_home):
    """Those of a home with a release that no process has open, and that keeps queries."""
    with closing(copied(built_home, tmp_path)) as home:
        change_limits(home.catalogue, "default", {"log_queries": True})
        return home.settings.model_copy(update={"log_queries": True})


@pytest.fixture
def asked(settings):
    """Query ids of a search, of one after a live write, and of a context; the API has ended since."""
    with TestClient(create_app(settings)) as client:
        refresh(client.app.state.services)

        def post(path, **body):
            answer = client.post(path, json={"collection": "helpdesk", **body}, headers=KEY)
            assert answer.status_code in (200, 202), answer.text
            return answer.json()

        before = post("/v1/search", query="forgotten password")
        client.put(
            "/v1/collections/helpdesk/documents/fresh",
            json={"title": "Fresh", "text": "A forgotten password is reset by an owner."},
            headers=KEY,
        ).raise_for_status()
        live = client.app.state.services.live
        while live.work():
            pass
        after = post("/v1/search", query="forgotten password", k=3)
        context = post("/v1/context", query="forgotten password")
        assert "fresh" in {hit["document_id"] for hit in after["hits"]}
        assert "fresh" not in {hit["document_id"] for hit in before["hits"]}
    return [before["query_id"], after["query_id"], context["query_id"]]


def replay(settings, *arguments):
    return CliRunner().invoke(cli, ["--home", str(settings.home), "replay", *arguments])


def test_each_answer_of_the_api_is_the_same_to_the_bit_after_its_process_has_ended(settings, asked):
    for query_id in asked:
        result = replay(settings, query_id)
        assert result.exit_code == 0, result.output
        assert "identical" in result.stdout
        (found,) = json.loads(replay(settings, query_id, "--json").stdout)
        assert (found["outcome"], found["release"], found["differences"]) == ("identical", "1.1", [])
        assert len(found["hits"]) > 0


def test_a_period_is_replayed_at_once_and_compared_with_another_recipe(settings, asked):
    result = replay(settings, "--from", "2020-01-01")
    assert result.exit_code == 0, result.output
    assert "identical" in result.stdout
    compared = json.loads(replay(settings, "--from", "2020-01-01", "--candidate", "1", "--json").stdout)
    assert (compared["queries"], compared["skipped"], compared["candidate"]) == (3, {}, "1.1")
    assert {tuple(one["lost"]) for one in compared["by_query"]} == {(), ("fresh",)}  # as it was built
    assert replay(settings, "--from", "2020-01-01", "--candidate", "1").exit_code == 0


def test_shadows_and_model_calls_take_no_place_in_the_limit_of_a_period(settings, asked):
    ledger = LedgerStore(settings.home / "ledger")
    later = datetime.now(UTC) + timedelta(seconds=1)
    ledger.append([made_row(n, later, tenant="default", kind=kind) for n, kind in enumerate(["shadow", "model_call"])])
    ledger.close()
    found = json.loads(replay(settings, "--from", "2020-01-01", "--limit", "2", "--json").stdout)
    assert [one["outcome"] for one in found] == ["identical", "identical"]


def test_what_was_not_asked_or_is_asked_in_two_ways_is_refused(settings, asked):
    assert "Give either" in replay(settings).output
    assert "Give either" in replay(settings, asked[0], "--from", "2020-01-01").output
    missing = replay(settings, "01a22436-fe47-7d41-adba-4ddb93916ade")
    assert missing.exit_code == 1
    assert "no such request" in missing.output
    assert replay(settings, asked[0], "--tenant", "rival").exit_code == 1
