"""Scheduled jobs: what is to be done at which moments, entered by other packages as entry points."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from typing import Protocol

from indexing.home import Home
from indexing.records import Json

logger = logging.getLogger(__name__)
GROUP = "groundwork.scheduled_jobs"
"""The entry points that are scheduled jobs."""
Steps = Callable[[str], None]
"""Told what a run does next, which is kept for people; raises ``RunEnded`` where the run is to end."""


class RunEnded(Exception):
    """A run is to end here: it was cancelled, is told to stop, or lost the lease.

    It is none of Groundwork's errors, so that jobs that go on after those end all the same.
    """


class Moments(Protocol):
    """When something is due, again and again."""

    def last(self, now: datetime) -> datetime:
        """The last moment at or before ``now`` (UTC)."""
        ...

    def next(self, now: datetime) -> datetime:
        """The first moment after ``now`` (UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds from midnight of 1970-01-01 UTC on, plus an offset."""

    seconds: int
    offset_seconds: int = 0

    def last(self, now: datetime) -> datetime:
        """See ``Moments``."""
        whole = (int(now.timestamp()) - self.offset_seconds) // self.seconds
        return datetime.fromtimestamp(whole * self.seconds + self.offset_seconds, UTC)

    def next(self, now: datetime) -> datetime:
        """See ``Moments``."""
        return self.last(now) + timedelta(seconds=self.seconds)


def daily(hour: int, minute: int = 0) -> Every:
    """Every day at that time of UTC."""
    return Every(86_400, hour * 3600 + minute * 60)


def weekly(weekday: int, hour: int) -> Every:
    """Every week on that day (Monday is 0) at that hour of UTC."""
    return Every(7 * 86_400, ((weekday - 3) % 7) * 86_400 + hour * 3600)  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job: its name, when it is due, what it does to a home, and that in a sentence for people.

    What ``run`` gives is kept as the run's summary: figures and names, never texts.
    """

    name: str
    when: Moments
    run: Callable[[Home, Steps], Mapping[str, Json]]
    about: str


def scheduled_jobs() -> tuple[ScheduledJob, ...]:
    """The jobs of this installation, by name. One whose module cannot be loaded is left out, and the log says so."""
    found: list[ScheduledJob] = []
    for entry in entry_points(group=GROUP):
        try:
            found.append(entry.load())
        except ImportError as error:  # an installation without the extra that it needs
            logger.warning("schedule.job_left_out", extra={"fields": {"job": entry.name, "reason": str(error)}})
    return tuple(sorted(found, key=lambda one: one.name))
