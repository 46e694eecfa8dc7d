"""Celery's beat as the clock of the schedule: each tick lets the runner do what is due, in beat's own process.

Beat sends no messages by itself: jobs read catalogue and ledger, which workers never open, and hand out what they
measure.
"""

from functools import partial

from celery import Celery
from celery.beat import Scheduler, Service

from indexing.schedule.runner import POLL_SECONDS, ScheduleRunner


class RunnerScheduler(Scheduler):  # type: ignore[misc] # celery carries no types
    """A scheduler of Celery's whose schedule is that of a runner."""

    def __init__(self, *args: object, runner: ScheduleRunner, **choices: object) -> None:
        """As Celery makes it, with the runner."""
        self.runner = runner
        super().__init__(*args, **choices)

    def setup_schedule(self) -> None:
        """Nothing is kept outside the catalogue."""
        self.data: dict[str, object] = {}

    def tick(self, *_: object, **__: object) -> float:
        """Do what is due; gives the seconds until the next tick."""
        return 0.0 if self.runner.turn() else POLL_SECONDS

    def close(self) -> None:
        """Give up the lease."""
        self.runner.close()


def beat_service(app: Celery, runner: ScheduleRunner) -> Service:
    """Celery's beat over a runner; ``start()`` goes on until ``stop()``."""
    return Service(
        app, max_interval=POLL_SECONDS, scheduler_cls=partial(RunnerScheduler, runner=runner), remote_control=False
    )
