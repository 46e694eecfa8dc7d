"""Numbers of views: each change of what searches of this process can see has the next one, and is told."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeAlias

from app.serving.release import ServingRelease
from indexing.ledger.view_changes import LiveViewChange
from indexing.records import Partition

OnChange: TypeAlias = Callable[[LiveViewChange], None]
"""Told of each change before a search can see it; it must neither wait nor raise."""


class ViewNumbers:
    """Those of one process, over all releases. Safe to share between threads."""

    def __init__(self, on_change: OnChange = lambda change: None) -> None:
        """Count from 1, and tell ``on_change``."""
        self.on_change = on_change
        self._numbers = count(1)

    def next(self) -> int:
        """The next number."""
        return next(self._numbers)

    def taking_over(self, serving: ServingRelease) -> "ReleaseViews":
        """The views over a release, as it takes over with nothing over its snapshot."""
        release = serving.release
        return ReleaseViews(self, release.number, release.snapshot, serving.arithmetic)


class ReleaseViews:
    """The numbers of the views over one release; for those who change them, one at a time."""

    def __init__(self, numbers: ViewNumbers, release: str, snapshot: str = "", arithmetic: str = "") -> None:
        """Tell that the release takes over; ``takeover`` is the number of that."""
        self._numbers, self._release = numbers, release
        self.takeover = numbers.next()
        numbers.on_change(
            LiveViewChange(self.takeover, self.takeover, release, snapshot=snapshot, arithmetic=arithmetic)
        )

    def change(
        self, partition: Partition, before: int, added: Sequence[tuple[str, int]] = (), removed: Sequence[str] = ()
    ) -> int:
        """The number of a view that comes after that of number ``before``, of which the change is told."""
        number = self._numbers.next()
        self._numbers.on_change(LiveViewChange(number, before, self._release, partition, tuple(added), tuple(removed)))
        return number
