"""``groundwork ledger`` answers an operator: which release served a request, a tenant, a model's answers."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexing.catalogue.models import insert_model
from indexing.commands.root import cli
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, lexical_view
from indexing.home import Home
from indexing.releases.recipes import Recipe, RetrievalConfig, recipes_of_model, record_recipe
from tests.support.ledger_rows import NOON, made_row

Run = Callable[..., Result]
MANIFEST = json.dumps({"files": {}, "max_tokens": 8, "canonical": {}})
TODAY = datetime.now(UTC)
RECIPE = Recipe("tiny@1", DEFAULT_PASSAGES, EMBEDDING_VIEWS["int8"], lexical_view("english"), RetrievalConfig())


@pytest.fixture
def run(home: Home) -> Run:
    """Runs a command on a home whose ledger holds two days of two tenants and two recipes."""
    for recipe in (RECIPE, replace(RECIPE, model="other@1", reranker="tiny@1"), replace(RECIPE, model="other@2")):
        record_recipe(home.catalogue, recipe)
    home.ledger.append(
        [
            made_row(
                number, NOON + timedelta(hours=8 * number), tenant="zeta" if number == 2 else "acme", release=release
            )
            for number, release in enumerate(("1.1", "1.1", "3.1", "2.4", "0.0"))
        ]
    )
    home.ledger.put_counts("process-1", accepted=9, dropped=3, written=5, day=NOON.date())
    return lambda *arguments: CliRunner().invoke(cli, ["--home", str(home.path), "ledger", *arguments])


def row_of(run: Run, number: int) -> dict[str, object]:
    (row,) = json.loads(run("request", f"request-{number:06d}", "--json").stdout)
    return row


def test_a_request_is_explained_by_any_of_its_ids(run: Run) -> None:
    row = row_of(run, 3)
    told = run("request", str(row["id"])).output
    assert f"request {row['id']} at 2026-11-25 12:00:00.000 (UTC)" in told
    assert "served by:  release 2.4, arm live (live)" in told
    assert "tenant acme, collection default" in told
    assert "text not kept" in told
    assert "2 hits in 4.8 ms" in told
    assert "b.md" in told
    assert run("request", "request-000003").output == told


def test_an_unknown_request_is_named_with_what_to_check(run: Run) -> None:
    found = run("request", "request-9")
    assert found.exit_code == 1
    assert "No request 'request-9' in the ledger: check the id and the days" in found.output


def test_a_tenant_s_day_is_answered_with_shares_and_its_newest_requests(run: Run) -> None:
    told = run("tenant", "acme", "--from", "2026-11-24", "--to", "2026-11-24").output
    assert "tenant acme, from 2026-11-24 00:00 to 2026-11-25 00:00 (UTC): 2 answers" in told
    assert "100.00%" in told
    seen = json.loads(run("tenant", "acme", "--from", "2026-11-24T20:00", "--json", "--limit", "1").stdout)
    assert seen["answers"] == 3
    assert [(one["release"], one["requests"]) for one in seen["shares"]] == [("0.0", 1), ("1.1", 1), ("2.4", 1)]
    assert [row["number"] for row in seen["newest"]] == [4]
    assert seen["newest"][0]["at"] == "2026-11-25T20:00:00.000+00:00"
    assert "from the first row to now (UTC): 0 answers" in run("tenant", "unknown").output


def test_a_moment_that_is_none_is_refused_with_an_example(run: Run) -> None:
    found = run("tenant", "acme", "--from", "Tuesday")
    assert found.exit_code == 2
    assert "'Tuesday' is not a moment: expected 2026-11-24 or 2026-11-24T14:30, in UTC." in found.output


def test_every_answer_of_a_model_is_found_as_encoder_and_as_reranker(run: Run, home: Home) -> None:
    assert recipes_of_model(home.catalogue, "tiny@1") == [1, 2]
    told = run("model", "tiny@1").output
    assert "model tiny@1, from the first row to now (UTC): 3 answers, by the recipes 1, 2" in told
    home.ledger.append([made_row(60, kind="shadow", release="2.4"), made_row(61, kind="model_call", release="0.0")])
    told = run("model", "tiny@1").output
    assert "(UTC): 3 answers and 1 in shadow, by the recipes 1, 2" in told
    seen = json.loads(run("model", "tiny@1", "--json").stdout)
    assert (seen["answers"], seen["shadows"]) == (3, 1)
    seen = json.loads(run("model", "other@2", "--json").stdout)
    assert (seen["recipes"], seen["answers"], seen["by_day"][0]["release"]) == ([3], 1, "3.1")
    found = run("model", "none@1")
    assert found.exit_code == 1
    assert "none@1" in found.output


def test_a_model_s_name_alone_means_its_newest_version(run: Run, home: Home) -> None:
    for version in (1, 2, 3):
        insert_model(home.catalogue, "other", version, MANIFEST, f"2026-11-0{version}T00:00:00+00:00")
    seen = json.loads(run("model", "other", "--json").stdout)
    assert (seen["model"], seen["recipes"], seen["answers"]) == ("other@3", [], 0)
    record_recipe(home.catalogue, replace(RECIPE, model="other@3"))
    home.ledger.append([made_row(62, release="4.1")])
    seen = json.loads(run("model", "other", "--json").stdout)
    assert (seen["model"], seen["recipes"], seen["answers"]) == ("other@3", [4], 1)
    assert "model other@3, from the first row to now (UTC): 1 answers, by the recipes 4" in run("model", "other").output


def test_days_are_listed_with_what_is_missing(run: Run) -> None:
    rows = json.loads(run("days", "--json").stdout)
    assert [(one["day"], one["rows"], one["dropped"], one["unwritten"]) for one in rows] == [
        ("2026-11-24", 2, 3, 1),
        ("2026-11-25", 3, 0, 0),
    ]
    assert "2 days, " in run("days").output


def test_a_day_that_cannot_be_read_is_said_beside_the_answer(run: Run, home: Home) -> None:
    home.ledger.close()
    (home.path / "ledger" / "2026-11-25.db").write_bytes(b"damaged" * 2000)
    found = run("tenant", "acme")
    assert "2026-11-25 is not in this answer: 2026-11-25.db is not a readable day" in found.stderr
    assert "2 answers" in found.stdout
    assert len(json.loads(run("tenant", "acme", "--json").stdout)["unread"]) == 1
    assert "not a readable day" in run("days").output


def test_days_that_are_over_are_compacted(run: Run, home: Home) -> None:
    pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'groundwork[analytics]'")
    home.ledger.append([made_row(9, TODAY)])
    before = run("tenant", "acme", "--json").stdout
    told = run("compact")
    assert "2026-11-24: 2 rows" in told.output, told.output
    assert (home.path / "ledger" / "2026-11-25.1.parquet").is_file()
    assert run("tenant", "acme", "--json").stdout == before
    assert "nothing to compact" in run("compact").output
    assert json.loads(run("compact", "--json").stdout) == []


def test_gc_removes_days_that_are_too_many_once_told_to(run: Run, home: Home) -> None:
    def gc(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--home", str(home.path), "gc", *arguments])

    old = TODAY - timedelta(days=30)
    home.ledger.append([made_row(7, old), made_row(8, TODAY)])
    file = Path(home.path / "ledger" / f"{old.date()}.db")
    assert f"ledger/{old.date()}" in gc().output
    assert file.is_file()
    seen = json.loads(gc("--yes", "--json").stdout)
    assert str(old.date()) in [one["day"] for one in seen["ledger_days"]]
    assert not file.exists()
