"""How quality stands at this moment, for people who watch it: trial, guards, runs, alerts, and what is due."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexing.catalogue.alerts import Alert, open_alerts
from indexing.catalogue.process_lease import LeaseSeen, seen
from indexing.catalogue.schedule import ScheduledRun, list_runs
from indexing.home import Home
from indexing.ledger.guard_window import GuardWindow
from indexing.releases.guards import GuardReport
from indexing.releases.observation import guards_now, judge_rollout
from indexing.releases.overview import is_watched, sentence
from indexing.releases.rollout_ledger import RolloutLedger
from indexing.releases.rollouts import Rollout, open_rollout
from indexing.schedule.jobs import ScheduledJob
from indexing.schedule.runner import Planned, plan

LOOKED_SECONDS = 600.0
"""How much of a trial's window is read, as the API does: the watcher reads all of it. Source: that of the API."""
RUNS = 8
"""The runs that are shown. Source: our choice, about what a screen holds."""


@dataclass(frozen=True, slots=True)
class QualityNow:
    """What is shown: ``trial`` in a sentence, ``None`` where none is open; guards that have something to say."""

    at: str
    trial: str | None
    guards: GuardReport | None
    runs: Sequence[ScheduledRun]
    alerts: Sequence[Alert]
    planned: Sequence[Planned]
    runner: LeaseSeen | None


def quality_now(home: Home, jobs: Sequence[ScheduledJob], now: str) -> QualityNow:
    """How quality stands at the moment ``now`` (UTC, ISO 8601)."""
    rollout = open_rollout(home.catalogue)
    watched, _ = is_watched(home.catalogue, now)
    return QualityNow(
        at=now,
        trial=None if rollout is None else sentence(rollout, is_watched=watched),
        guards=None if rollout is None else _guards(home, rollout, now),
        runs=list_runs(home.catalogue, limit=RUNS),
        alerts=open_alerts(home.catalogue),
        planned=plan(home, jobs, now),
        runner=seen(home.catalogue, "schedule_lease"),
    )


def _guards(home: Home, rollout: Rollout, now: str) -> GuardReport:
    found = guards_now(home.catalogue, RolloutLedger(home.ledger), rollout, now, most_seconds=LOOKED_SECONDS)
    if found is not None:
        return found.report
    # Of a shadow no answers are compared; judges may have said something all the same.
    return judge_rollout(home.catalogue, rollout, GuardWindow({}, 0, 0))
