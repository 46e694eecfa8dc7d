"""What goes on in threads of another command, whatever that is busy with: the watcher, and the schedule."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexing.home import Home

if TYPE_CHECKING:
    from indexing.releases.watcher import Watcher


def watcher_of(home: Home) -> "Watcher":
    """The watcher of the home's rollout, with the judges that are installed."""
    from indexing.releases.judges import Judges
    from indexing.releases.rollout_ledger import RolloutLedger
    from indexing.releases.watcher import Watcher

    judges = Judges(home, time.monotonic)
    return Watcher(home.catalogue, RolloutLedger(home.ledger), with_room=home.reserve.run, judge=judges)


@contextmanager
def watching(home: Home) -> Iterator[None]:
    """Watch the home's rollout in a thread of its own until the block ends."""
    ended = threading.Event()
    watcher = watcher_of(home)
    thread = threading.Thread(target=watcher.run, args=(ended,), name="rollout-watcher", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def running_schedule(home: Home) -> Iterator[None]:
    """Run what is scheduled in a thread of its own until the block ends; a job that runs then ends at its next step."""
    from indexing.schedule.jobs import scheduled_jobs
    from indexing.schedule.runner import ScheduleRunner

    runner = ScheduleRunner(home, scheduled_jobs())
    thread = threading.Thread(target=runner.run, name="schedule", daemon=True)
    thread.start()
    try:
        yield
    finally:
        runner.stop.set()
        thread.join()
