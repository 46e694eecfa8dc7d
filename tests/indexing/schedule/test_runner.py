"""What is scheduled runs at its moments: once for what was missed, one at a time, under one lease."""

import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from indexing.catalogue import process_lease
from indexing.catalogue.process_lease import LEASE_SECONDS, RENEW_SECONDS
from indexing.catalogue.schedule import (
    MOST_STOPS,
    begin_run,
    cancel_run,
    forget_runs_before,
    list_runs,
    read_run,
)
from indexing.commands.watching import running_schedule
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.schedule.jobs import Every, ScheduledJob, daily
from indexing.schedule.runner import ScheduleRunner, plan
from tests.support.processes import wait_until

BEGIN = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
HOUR = 3600.0
HOURLY = Every(3600)


class Bench:
    """A home, jobs that a test says, and a clock that it sets; ``ran`` are the jobs that ran, in order."""

    def __init__(self, home):
        self.home, self.seconds, self.ran = home, 0.0, []
        self.during = lambda steps: None

    def now(self):
        return (BEGIN + timedelta(seconds=self.seconds)).isoformat(timespec="milliseconds")

    def job(self, name, when=HOURLY, run=None):
        def note(home, steps):
            self.ran.append(name)
            steps("first")
            self.during(steps)
            return {"found": 1}

        return ScheduledJob(name, when, run or note, f"does {name}")

    def runner(self, *jobs, name="host:1"):
        return ScheduleRunner(self.home, jobs, now=self.now, clock=lambda: self.seconds, name=name)

    def after(self, runner, seconds):
        """The jobs that a runner runs once so long has passed."""
        self.seconds += seconds
        self.ran.clear()
        while runner.round():
            pass
        return list(self.ran)

    def states(self):
        return [(one.job, one.state) for one in list_runs(self.home.catalogue)]


@pytest.fixture
def bench(home):
    return Bench(home)


def test_a_job_is_not_due_before_its_first_moment_after_it_was_scheduled(bench):
    runner = bench.runner(bench.job("hourly"))
    assert bench.after(runner, 0) == []
    assert bench.after(runner, 0.4 * HOUR) == []
    assert bench.after(runner, 0.2 * HOUR) == ["hourly"]
    assert bench.after(runner, 0.2 * HOUR) == []


def test_moments_that_were_missed_are_caught_up_once_and_in_their_order(bench):
    jobs = bench.job("hourly"), bench.job("nightly", daily(3))
    bench.after(bench.runner(*jobs), 0)
    assert bench.after(bench.runner(*jobs), 72 * HOUR) == ["nightly", "hourly"]
    due = [one.due_at for one in list_runs(bench.home.catalogue)]
    assert due == ["2026-03-05T10:00:00.000+00:00", "2026-03-05T03:00:00.000+00:00"]


def test_a_run_keeps_its_step_and_summary(bench):
    runner = bench.runner(bench.job("hourly"))
    bench.after(runner, 0)
    bench.during = lambda steps: steps("second")
    bench.after(runner, HOUR)
    run = read_run(bench.home.catalogue, 1)
    assert (run.state, run.step, run.summary, run.error) == ("done", "second", {"found": 1}, None)
    assert run.holder == "host:1"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotReady("nothing is released"), "NotReady: nothing is released"),
        (ZeroDivisionError("a text of a document"), "ZeroDivisionError"),
        (ModuleNotFoundError("", name="scipy"), "scipy is not installed: pip install 'groundwork[eval]'"),
    ],
)
def test_a_job_that_fails_is_told_and_waits_for_its_next_moment_while_others_run(bench, error, said):
    def fail(home, steps):
        raise error

    runner = bench.runner(bench.job("bad", run=fail), bench.job("good"))
    bench.after(runner, 0)
    assert bench.after(runner, HOUR) == ["good"]
    assert bench.after(runner, 60) == []
    assert sorted(bench.states()) == [("bad", "failed"), ("good", "done")]
    assert [one.error for one in list_runs(bench.home.catalogue) if one.job == "bad"] == [said]


def test_one_runner_works_and_another_takes_over_once_the_lease_is_old(bench):
    job = bench.job("hourly")
    first, second = bench.runner(job), bench.runner(job, name="host:2")
    assert bench.after(first, 0) == []
    assert bench.after(second, 1) == []
    bench.seconds = HOUR / 2 - 2
    bench.after(first, 0)
    assert bench.after(second, 1) == []
    assert bench.after(second, LEASE_SECONDS) == ["hourly"]
    assert bench.after(first, RENEW_SECONDS) == []
    second.close()
    assert bench.after(first, RENEW_SECONDS) == []
    assert process_lease.seen(bench.home.catalogue, "schedule_lease").holder == "host:1"


def test_a_run_whose_process_was_killed_is_noticed_and_done_again_though_not_for_ever(bench):
    job = bench.job("hourly")
    runner = bench.runner(job)
    bench.after(runner, 0)
    bench.seconds = HOUR
    catalogue = bench.home.catalogue
    begin_run(catalogue, "hourly", "2026-03-02T11:00:00.000+00:00", "host:9", bench.now())
    assert bench.after(runner, 60) == ["hourly"]
    assert bench.states() == [("hourly", "done"), ("hourly", "stopped")]
    assert read_run(catalogue, 1).error == "its process ended without a word"
    for _ in range(MOST_STOPS):
        begin_run(catalogue, "hourly", "2026-03-02T12:00:00.000+00:00", "host:9", bench.now())
    assert bench.after(runner, HOUR) == []


def test_a_run_that_is_cancelled_ends_at_its_next_step_and_is_not_done_again(bench):
    runner = bench.runner(bench.job("hourly"))
    bench.after(runner, 0)

    def cancelled(steps):
        cancel_run(bench.home.catalogue, 1, "ana", bench.now())
        steps("never")

    bench.during = cancelled
    assert bench.after(runner, HOUR) == ["hourly"]
    run = read_run(bench.home.catalogue, 1)
    assert (run.state, run.step, run.error) == ("cancelled", "first", "cancelled by ana")
    assert bench.after(runner, 60) == []
    with pytest.raises(InvalidInput, match="r1 is cancelled"):
        cancel_run(bench.home.catalogue, 1, "ana", bench.now())
    with pytest.raises(NotFound, match="No scheduled run r7"):
        cancel_run(bench.home.catalogue, 7, "ana", bench.now())


def test_a_runner_that_is_told_to_stop_ends_its_run_at_the_next_step_and_the_next_runner_does_it_again(bench):
    runner = bench.runner(bench.job("hourly"))
    bench.after(runner, 0)

    def told(steps):
        runner.stop.set()
        steps("never")

    bench.during = told
    bench.seconds += HOUR
    thread = threading.Thread(target=runner.run)
    thread.start()
    thread.join(30)
    assert bench.states() == [("hourly", "stopped")]
    bench.during = lambda steps: None
    assert bench.after(bench.runner(bench.job("hourly"), name="host:2"), 1) == ["hourly"]


def test_a_run_that_lost_the_lease_ends_at_its_next_step(bench, monkeypatch):
    renewals = []

    def renewing(renew, thread, *, every_seconds):
        renewals.append(renew)
        return nullcontext()

    monkeypatch.setattr(process_lease, "renewing", renewing)
    runner = bench.runner(bench.job("hourly"))
    bench.after(runner, 0)

    def lost(steps):
        bench.seconds += 2 * LEASE_SECONDS
        assert process_lease.take(bench.home.catalogue, "schedule_lease", "host:2", bench.now())
        renewals[-1]()  # as its thread does every few seconds
        steps("never")

    bench.during = lost
    bench.seconds += HOUR
    assert runner.round()
    run = read_run(bench.home.catalogue, 1)
    assert (run.state, run.error) == ("stopped", "the lease went to another process")
    assert not runner.round()


def test_the_schedule_beside_another_command_runs_while_that_does(home, tmp_path):
    def holder():
        lease = process_lease.seen(home.catalogue, "schedule_lease")
        return None if lease is None else lease.holder

    with running_schedule(home):
        wait_until(lambda: holder() is not None, tmp_path / "no-log")
    assert holder() == ""


def test_the_plan_says_what_is_due_what_is_next_and_how_it_went_last(bench):
    jobs = bench.job("hourly"), bench.job("nightly", daily(3))
    bench.after(bench.runner(*jobs), 0)
    bench.after(bench.runner(*jobs), HOUR)
    bench.seconds += 16 * HOUR
    hourly, nightly = plan(bench.home, jobs, bench.now())
    assert (hourly.job.name, hourly.is_due, hourly.last.state) == ("hourly", True, "done")
    assert (nightly.job.name, nightly.is_due, nightly.last) == ("nightly", True, None)
    assert nightly.next_at == "2026-03-03T03:00:00.000+00:00"


def test_old_runs_are_forgotten_but_for_the_last_of_each_job(bench):
    runner = bench.runner(bench.job("hourly"), bench.job("nightly", daily(3)))
    bench.after(runner, 0)
    for _ in range(30):
        bench.after(runner, HOUR)
    assert forget_runs_before(bench.home.catalogue, bench.now()) == 29
    assert sorted(one.job for one in list_runs(bench.home.catalogue)) == ["hourly", "nightly"]
