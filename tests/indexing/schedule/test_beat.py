"""Celery's beat is the clock of the schedule: each tick runs what is due, and the end gives up the lease."""

from celery import Celery

from indexing.catalogue import process_lease
from indexing.catalogue.schedule import list_runs, scheduled_since
from indexing.schedule.beat import beat_service
from indexing.schedule.jobs import Every, ScheduledJob
from indexing.schedule.runner import POLL_SECONDS, ScheduleRunner


def test_beats_ticks_run_what_is_due_until_beat_is_told_to_stop(home):
    scheduled_since(home.catalogue, "one", "2026-01-01T00:00:00.000+00:00")
    told = []

    def run(home, steps):
        told.append("run")
        service.stop()
        return {}

    job = ScheduledJob("one", Every(60), run, "does one")
    runner = ScheduleRunner(home, [job], name="beat:1")
    service = beat_service(Celery("test", broker="memory://"), runner)
    service.start()
    assert told == ["run"]
    assert [(one.job, one.state, one.holder) for one in list_runs(home.catalogue)] == [("one", "done", "beat:1")]
    assert process_lease.seen(home.catalogue, "schedule_lease").holder == ""
    assert service.scheduler.tick() == POLL_SECONDS
