"""Judges of quality are asked each minute, and one that fails holds the rollout where it is and stops nothing else."""

import json
from importlib.metadata import EntryPoint, entry_points

import pytest

from indexing.catalogue.verdicts import insert_verdict, newest_verdict_rows, verdict_rows
from indexing.errors import InvalidInput
from indexing.ledger.guard_window import GuardWindow
from indexing.releases.judges import GROUP, Judges
from indexing.releases.rollouts import find_rollout
from indexing.releases.watcher import Watcher
from tests.support.rollout_home import RolloutHome


class Entered:
    """An entry point whose judge a test says."""

    def __init__(self, name, judge=None, missing=None):
        self.name, self.judge, self.missing = name, judge, missing

    def load(self):
        if self.missing:
            raise ModuleNotFoundError(f"No module named {self.missing!r}", name=self.missing)
        return self.judge


class Trial(RolloutHome):
    """A canary, the judges that a test enters, and the moments at which ``seen`` was asked."""

    def __init__(self, home):
        super().__init__(home.catalogue)
        self.canary()
        self.home, self.seen = home, []

    def judges(self, *entered):
        return Judges(self.home, lambda: self.seconds, lambda: entered)

    def look(self, home, rollout, now):
        self.seen.append(now)

    def rows(self):
        return [(row["kind"], row["verdict"], json.loads(row["reasons"])) for row in verdict_rows(self.catalogue, 2)]

    @property
    def rollout(self):
        return find_rollout(self.catalogue, 1)


@pytest.fixture
def trial(home):
    return Trial(home)


def test_a_judge_is_asked_once_a_minute_however_often_the_watcher_looks(trial):
    judges = trial.judges(Entered("one", trial.look))
    for trial.seconds in (0.0, 5.0, 59.9, 60.0, 65.0, 121.0):
        judges(trial.rollout, trial.now())
    assert len(trial.seen) == 3
    assert trial.rows() == []


def test_a_judge_that_fails_leaves_no_data_until_it_judges_again_and_others_go_on(trial):
    faults = [InvalidInput("gate.yaml: level 2"), ZeroDivisionError("secret text")]

    def fail(home, rollout, now):
        if faults:
            raise faults.pop(0)

    judges = trial.judges(Entered("bad", fail), Entered("good", trial.look))
    judges(trial.rollout, trial.now())
    assert trial.rows() == [("judge:bad", "no_data", ["the judge failed: InvalidInput: gate.yaml: level 2"])]
    trial.seconds = 60
    judges(trial.rollout, trial.now())
    assert trial.rows() == [("judge:bad", "no_data", ["the judge failed: ZeroDivisionError"])]
    trial.seconds = 120
    judges(trial.rollout, trial.now())
    assert trial.rows()[1:] == [("judge:bad", "pass", ["it judges again"])]
    assert len(trial.seen) == 3


def test_a_judge_whose_libraries_are_not_installed_is_left_out(trial):
    judges = trial.judges(Entered("bare", missing="scipy"), Entered("good", trial.look))
    judges(trial.rollout, trial.now())
    assert trial.rows() == []
    assert len(trial.seen) == 1


class Nothing:
    def window(self, rollout, since, until):
        return GuardWindow({}, 0, 0)


def test_a_watcher_has_the_rollout_judged_before_it_looks_and_acts_on_what_was_said(trial):
    def broken(home, rollout, now):
        insert_verdict(home.catalogue, rollout.candidate, "quality:empty", "fail", ["too many"], now)

    judges = trial.judges(Entered("canary", broken))
    watcher = Watcher(trial.catalogue, Nothing(), now=trial.now, clock=lambda: trial.seconds, judge=judges)
    trial.seconds = 30
    assert watcher.round()
    assert trial.rollout.state == "rolled_back"


def test_the_judge_of_canaries_is_entered_and_judges_by_the_homes_policy(home):
    trial = Trial(home)
    entered: list[EntryPoint] = list(entry_points(group=GROUP))
    assert [entry.name for entry in entered] == ["canary"]
    (home.path / "gate.yaml").write_text("level: 2\n")
    trial.judges(*entered)(trial.rollout, trial.now())
    last = newest_verdict_rows(home.catalogue, 2, trial.rollout.created_at)
    assert [row["kind"] for row in last] == ["judge:canary"]
    assert "gate.yaml" in last[0]["reasons"]
