"""The runner: runs what is due, one job at a time, under the one lease that beat and builder share."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from indexing.catalogue import process_lease
from indexing.catalogue.database import utc_now
from indexing.catalogue.process_lease import RENEW_SECONDS
from indexing.catalogue.schedule import (
    ScheduledRun,
    begin_run,
    end_run,
    is_over,
    last_runs,
    scheduled_since,
    stop_abandoned,
    tell_step,
)
from indexing.errors import GroundworkError
from indexing.home import Home
from indexing.records import moment_text
from indexing.schedule.jobs import RunEnded, ScheduledJob

logger = logging.getLogger(__name__)
POLL_SECONDS = 1.0
"""How often a runner looks whether something is due. Source: our choice."""


@dataclass(frozen=True, slots=True)
class Planned:
    """How a job stands: whether it is due now, when it is next, and its last run."""

    job: ScheduledJob
    is_due: bool
    next_at: str
    last: ScheduledRun | None


@dataclass(slots=True)
class ScheduleRunner:
    """Runs the jobs of one home; several may run, and the one with the lease works.

    A job is due once its moment has come and it was not run for it; of several moments that were missed only the last
    counts. A job begins to be due from its first sight on. While a job runs a thread renews the lease; a run that loses
    it, is cancelled or told to stop ends at its next step. ``now`` tells the moment, ``clock`` seconds that only grow.
    """

    home: Home
    jobs: Sequence[ScheduledJob]
    now: Callable[[], str] = utc_now
    clock: Callable[[], float] = time.monotonic
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    stop: threading.Event = field(default_factory=threading.Event)
    _asked_at: float | None = field(default=None, init=False)
    _is_lost: threading.Event = field(default_factory=threading.Event, init=False)

    def round(self) -> bool:
        """With the lease, run the job that is due the longest, if any; gives whether one was run."""
        if not self._has_lease():
            return False
        stop_abandoned(self.home.catalogue, self.now())
        now = self.now()
        due = [(at, job) for job in self.jobs if (at := _due_at(self.home, job, now)) is not None]
        if not due:
            return False
        moment, job = min(due, key=lambda one: one[0])
        self._run(job, moment)
        return True

    def run(self) -> None:
        """Go on until told to stop, then give up the lease, so that another runner takes over at once."""
        while not self.stop.is_set():
            if not self.turn():
                self.stop.wait(POLL_SECONDS)
        self.close()

    def turn(self) -> bool:
        """A round whose fault is logged and stops nothing; gives whether a job was run."""
        return self._keep(self.round)

    def close(self) -> None:
        """Give up the lease."""
        self._asked_at = None
        self._keep(lambda: process_lease.give_up(self.home.catalogue, "schedule_lease", self.name))

    def _keep(self, act: Callable[[], object]) -> bool:
        try:
            return bool(act())
        except GroundworkError as error:
            logger.error("schedule.failed", extra={"fields": {"reason": f"{type(error).__name__}: {error}"}})
        except Exception:  # a fault of one round must not end the schedule
            logger.exception("schedule.failed")
        return False

    def _has_lease(self) -> bool:
        moment = self.clock()
        if self._asked_at is not None and moment < self._asked_at + RENEW_SECONDS:
            return not self._is_lost.is_set()
        self._asked_at = moment
        return self._take()

    def _take(self) -> bool:
        is_ours = process_lease.take(self.home.catalogue, "schedule_lease", self.name, self.now())
        if is_ours:
            self._is_lost.clear()
        else:
            self._is_lost.set()
        return is_ours

    def _run(self, job: ScheduledJob, due_at: str) -> None:
        catalogue = self.home.catalogue
        run = begin_run(catalogue, job.name, due_at, self.name, self.now())
        fields = {"job": job.name, "run": run}
        logger.info("schedule.begins", extra={"fields": fields})
        try:
            with process_lease.renewing(lambda: self._keep(self._take), "schedule-lease", every_seconds=RENEW_SECONDS):
                summary = job.run(self.home, lambda step: self._step(run, step))
        except RunEnded as ended:
            logger.warning("schedule.ended", extra={"fields": fields | {"reason": str(ended)}})
            end_run(catalogue, run, "stopped", self.now(), error=str(ended))  # unless it was cancelled
        except GroundworkError as error:
            self._failed(run, fields, f"{type(error).__name__}: {error}")
        except ModuleNotFoundError as error:
            self._failed(run, fields, f"{error.name} is not installed: pip install 'groundwork[eval]'")
        except Exception as error:  # whatever it is, the next job must have its turn; its text may quote documents
            logger.exception("schedule.run_broke", extra={"fields": fields})
            self._failed(run, fields, type(error).__name__)
        else:
            end_run(catalogue, run, "done", self.now(), summary=summary)
            logger.info("schedule.done", extra={"fields": fields})

    def _failed(self, run: int, fields: dict[str, object], reason: str) -> None:
        logger.error("schedule.run_failed", extra={"fields": fields | {"reason": reason}})
        end_run(self.home.catalogue, run, "failed", self.now(), error=reason)

    def _step(self, run: int, step: str) -> None:
        """Keep what a run does next.

        Raises:
            RunEnded: it was cancelled, is to stop, or another runner has the lease.
        """
        if self.stop.is_set():
            raise RunEnded("its process was told to stop; it is done again")
        if self._is_lost.is_set():
            raise RunEnded("the lease went to another process")
        if tell_step(self.home.catalogue, run, step) != "running":
            raise RunEnded("it was cancelled")


def plan(home: Home, jobs: Sequence[ScheduledJob], now: str) -> list[Planned]:
    """How each job stands at the moment ``now`` (UTC, ISO 8601), the next to come first."""
    moment, last = datetime.fromisoformat(now), last_runs(home.catalogue)
    found = []
    for job in jobs:
        due_at = _due_at(home, job, now)
        found.append(Planned(job, due_at is not None, due_at or moment_text(job.when.next(moment)), last.get(job.name)))
    return sorted(found, key=lambda one: one.next_at)


def _due_at(home: Home, job: ScheduledJob, now: str) -> str | None:
    """The moment for which a job is due, or ``None`` where it is not due at ``now``."""
    moment = moment_text(job.when.last(datetime.fromisoformat(now)))
    is_due = moment > scheduled_since(home.catalogue, job.name, now) and not is_over(home.catalogue, job.name, moment)
    return moment if is_due else None
