"""The ledger of a home as a watcher reads it; a day that cannot be read counts as dropped rows, never as a pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from indexing.ledger.day_sources import DayFault, require_readable
from indexing.ledger.guard_counts import GuardCounts
from indexing.ledger.guard_window import GuardWindow
from indexing.ledger.interleaved_answers import count_interleaved, preferences
from indexing.ledger.interleaving import Preferences
from indexing.ledger.rollout_rows import count_shadows, unit_means
from indexing.ledger.store import LedgerStore

_NO_CONCLUSION = "the test cannot be concluded: mend it, or end the rollout by hand."


@dataclass(slots=True)
class RolloutLedger:
    """What guards, shadows, A/B tests and interleavings need of the ledger; for one thread.

    It remembers what it counted of a window, so that a window that grows is not read from its beginning each time.
    """

    store: LedgerStore
    _counts: GuardCounts | None = field(default=None, init=False)

    def window(self, rollout: int, since: datetime, until: datetime) -> GuardWindow:
        """What each arm answered; all of it counts as dropped where a day cannot be read."""
        if self._counts is None or not self._counts.covers(rollout, since, until):
            self._counts = GuardCounts(self.store, rollout, since)
        faults: list[DayFault] = []
        found = self._counts.window(until, on_fault=faults.append)
        return replace(found, dropped=max(found.dropped, found.rows, 1)) if faults else found

    def count_shadows(self, rollout: int, since: datetime, until: datetime) -> int:
        """How many queries the candidate answered in its shadow, as far as the days can be read."""
        return count_shadows(self.store, rollout, since, until)

    def count_interleaved(self, rollout: int, since: datetime, until: datetime) -> int:
        """How many searches were answered with hits of both recipes, as far as the days can be read."""
        return count_interleaved(self.store, rollout, since, until)

    def preferences(self, rollout: int, since: datetime, until: datetime) -> Preferences:
        """What units preferred that got hits of both.

        Raises:
            StorageFailed: a day cannot be read, so that the test cannot be concluded.
        """
        faults: list[DayFault] = []
        found = preferences(self.store, rollout, since, until, on_fault=faults.append)
        require_readable([fault for fault in faults if not fault.is_missing], _NO_CONCLUSION)
        return found

    def unit_means(self, rollout: int, measure: str, since: datetime, until: datetime) -> Mapping[str, Sequence[float]]:
        """By arm, the mean of a measure for each unit.

        Raises:
            StorageFailed: a day cannot be read, so that the test cannot be concluded.
        """
        faults: list[DayFault] = []
        found = unit_means(self.store, rollout, measure, since, until, on_fault=faults.append)
        require_readable(faults, _NO_CONCLUSION)
        return found
