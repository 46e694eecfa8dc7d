"""``groundwork eval watch`` shows trial, guards, runs, alerts and what is due, in words and as JSON."""

import json

import pytest
from click.testing import CliRunner

from indexing.catalogue.alerts import raise_alert
from indexing.catalogue.process_lease import take
from indexing.catalogue.schedule import begin_run, end_run
from indexing.catalogue.verdicts import insert_verdict
from indexing.commands.root import whole_command
from tests.support.rollout_home import RolloutHome

AT = "2026-11-29T02:00:00.000+00:00"


@pytest.fixture
def watch(home):
    def watch(*words):
        result = CliRunner().invoke(whole_command(), ["--home", str(home.path), "eval", "watch", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    return watch


def test_a_quiet_home_has_no_trial_and_a_schedule(watch):
    said = watch("--once")
    assert "no trial is open" in said
    assert "no open alerts" in said
    assert "no last runs" in said
    assert "evaluates what is live on every stored query set" in said
    assert "nothing runs it" in said


def test_a_trial_its_guards_runs_and_alerts_are_shown(home, watch):
    RolloutHome(home.catalogue).canary(share=0.1)
    insert_verdict(home.catalogue, 2, "quality:empty", "fail", ["empty answers 0.3 against 0"], AT)
    raise_alert(home.catalogue, "drift:a", "critical", "drift", "a/articles drifted in mmd", {}, AT)
    number = begin_run(home.catalogue, "drift", AT, "host:1", AT)
    end_run(home.catalogue, number, "failed", AT, error="NotReady: nothing is released")
    assert take(home.catalogue, "schedule_lease", "host:1", AT)
    said = watch("--once")
    assert "verdict:quality:empty" in said
    assert "a/articles drifted in mmd" in said
    assert "NotReady: nothing is released" in said
    assert "run by host:1" in said
    told = json.loads(watch("--json"))
    assert told["guards"]["verdict:quality:empty"]["outcome"] == "fail"
    assert [one["key"] for one in told["alerts"]] == ["drift:a"]
    assert [one["id"] for one in told["runs"]] == ["r1"]
    assert told["runner"] == "host:1"
    assert {one["job"] for one in told["schedule"]} == {"drift", "evaluate", "features", "judge", "retention", "skew"}
