"""A watcher for which time runs faster than on the clock, so that leases and steps pass while a test waits."""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from indexing.home import open_home
from indexing.releases.rollout_ledger import RolloutLedger
from indexing.releases.watcher import Watcher
from indexing.settings import Settings

SPEED = 40.0
"""How much faster. Source: our choice; a lease of 20 s is half a second."""

PAUSE_SECONDS = 0.01
"""Between two looks, so that a watcher leaves the cores to what else runs. Source: our choice; 0.4 s of its own time, a
fiftieth of its lease, where a watcher of a site pauses a quarter of it."""


@dataclass(frozen=True, slots=True)
class FastClock:
    """The time of watchers from the moment ``began`` on, which was ``begun`` on the clock that all processes share."""

    began: datetime
    begun: float

    def at(self) -> datetime:
        """The moment now."""
        return self.began + timedelta(seconds=(time.monotonic() - self.begun) * SPEED)

    def now(self) -> str:
        """It as text, as the catalogue has it."""
        return self.at().isoformat(timespec="milliseconds")

    def seconds_until(self, moment: datetime) -> float:
        """How many seconds of the clock until a moment; less than 0 where it is past."""
        return (moment - self.at()).total_seconds() / SPEED


def watch(path: Path, clock: FastClock) -> None:
    """Watch the rollout of a home until killed."""
    with closing(open_home(Settings(home=path))) as home:
        watcher = Watcher(home.catalogue, RolloutLedger(home.ledger), now=clock.now, clock=lambda: 0.0)
        while True:
            watcher.round()
            time.sleep(PAUSE_SECONDS)
