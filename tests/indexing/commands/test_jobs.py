"""``groundwork jobs`` about what is scheduled; of builds ``test_root.py`` tells."""

import json

import pytest
from click.testing import CliRunner

from indexing.catalogue.preparations import ask_preparation
from indexing.catalogue.schedule import begin_run, end_run, read_run, scheduled_since, tell_step
from indexing.commands.root import whole_command
from indexing.releases.recipes import record_recipe
from tests.support.fresh_home import RECIPE

AT = "2026-11-29T02:00:00.000+00:00"


@pytest.fixture
def run(home):
    def run(*words, code=0):
        result = CliRunner().invoke(whole_command(), ["--home", str(home.path), "jobs", *map(str, words)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def runs(home):
    """A run of drift that found something, one that failed, and an evaluation that goes on."""
    for job, ends in (
        ("drift", {"summary": {"looks": {}}}),
        ("skew", {"error": "NotReady: nothing"}),
        ("evaluate", {}),
    ):
        number = begin_run(home.catalogue, job, AT, "host:1", AT)
        if ends:
            end_run(home.catalogue, number, "failed" if "error" in ends else "done", AT, **ends)
    tell_step(home.catalogue, 3, "support on 3.1")


def test_scheduled_runs_are_listed_beside_builds_and_shown(run, runs):
    table = run("list")
    assert "scheduled runs" in table
    assert "support on 3.1" in table
    assert "NotReady: nothing" in table
    assert [one["id"] for one in json.loads(run("list", "--json"))] == ["r3", "r2", "r1"]
    shown = json.loads(run("show", "r1"))
    assert (shown["id"], shown["job"], shown["state"], shown["summary"]) == ("r1", "drift", "done", {"looks": {}})


def test_a_scheduled_run_is_cancelled_by_its_id(run, runs, home):
    assert run("cancel", "r3") == "run r3 cancelled; it ends at its next step\n"
    assert read_run(home.catalogue, 3).state == "cancelled"
    assert "Run r1 is done: only a running one can be cancelled." in run("cancel", "r1", code=1)
    assert "No scheduled run r9" in run("show", "r9", code=1)
    assert "'x9' is not the id of a job: expected one such as 7, r7 for a scheduled run" in run("show", "x9", code=2)


def test_a_preparation_is_among_what_is_asked_for_shown_and_cancelled_by_its_id(run, home):
    assert "preparations" not in run("requests")
    recipe = record_recipe(home.catalogue, RECIPE).number
    about = {"live": 1, "changes": ["weights: dense_weight 0.45 -> 0.6"], "tenants": [], "reason": "", "actor": "me"}
    ask_preparation(home.catalogue, recipe, dry_run=False, **about)
    assert "dense_weight 0.45" in run("requests")
    assert [one["id"] for one in json.loads(run("requests", "--json"))["preparations"]] == ["p1"]
    assert [one["id"] for one in json.loads(run("list", "--json"))] == ["p1"]
    assert "dense_weight 0.45" in run("list")
    assert run("cancel", "p1") == "preparation p1 cancelled; if it is built now, it ends at its next block\n"
    assert json.loads(run("show", "p1"))["state"] == "cancelled"
    assert "Preparation 1 is cancelled since" in run("cancel", "p1", code=1)
    assert "No preparation 9" in run("show", "p9", code=1)


def test_the_schedule_says_what_is_due_and_that_nothing_runs_it(run, runs, home):
    scheduled_since(home.catalogue, "drift", AT)
    said = run("schedule")
    assert "looks for drift in every collection that is asked" in said
    assert "nothing runs it: start 'groundwork builder' or 'beat'" in said
    told = json.loads(run("schedule", "--json"))
    assert told["runner"] is None
    drift = next(one for one in told["jobs"] if one["job"] == "drift")
    assert drift["last"]["id"] == "r1"
    assert {one["job"] for one in told["jobs"]} == {"drift", "evaluate", "features", "judge", "retention", "skew"}


def test_beat_needs_redis_and_says_what_runs_the_schedule_without(home):
    result = CliRunner().invoke(whole_command(), ["--home", str(home.path), "beat"])
    assert result.exit_code == 1
    assert "GROUNDWORK_REDIS_URL is not set" in result.output
    assert "'groundwork builder' runs the schedule" in " ".join(result.output.split())
