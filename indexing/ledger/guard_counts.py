"""A rollout's window as one watcher reads it again and again: each look reads only the rows that came since."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from indexing.ledger.day_sources import DayFault, OnFault, Period
from indexing.ledger.guard_window import GuardWindow, WindowCounts
from indexing.ledger.store import LedgerStore

LATE_SECONDS = 120.0
"""How long after its moment a row may be written and still be counted. Source: our choice, well above what the recorder
takes unless the ledger is busy for minutes; guards then see fewer rows, of both arms alike."""


@dataclass(slots=True)
class GuardCounts:
    """What was counted of a rollout since one moment; for one thread.

    What lies ``LATE_SECONDS`` back is counted for good; the rest is read anew at each look, since rows of it may still
    be on their way.
    """

    ledger: LedgerStore
    rollout: int
    since: datetime
    _kept: WindowCounts = field(default_factory=WindowCounts, init=False)
    _kept_until: datetime = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self._kept_until = self.since

    def covers(self, rollout: int, since: datetime, until: datetime) -> bool:
        """Whether a window is this one, grown."""
        return (self.rollout, self.since) == (rollout, since) and self._kept_until <= until

    def window(self, until: datetime, *, on_fault: OnFault) -> GuardWindow:
        """What each arm answered from ``since`` up to and without ``until``.

        What a day that cannot be read lacks is read again at the next look.
        """
        counts, faults = WindowCounts(), list[DayFault]()
        settled = until - timedelta(seconds=LATE_SECONDS)
        if settled > self._kept_until:
            further = self._read(self._kept_until, settled, faults.append)
            if not faults:
                self._kept.merge(further)
                self._kept_until = settled
        counts.merge(self._kept)
        counts.merge(self._read(self._kept_until, until, on_fault))
        return counts.window

    def _read(self, since: datetime, until: datetime, on_fault: OnFault) -> WindowCounts:
        found = WindowCounts()
        found.read(self.ledger, self.rollout, Period(since, until), on_fault)
        return found
