"""Changes of live views: what a process's searches could see from when on, so that a replay can lay it out again.

The changes of one view are a chain: each names the one before it, back to the moment at which its release took over.
So a change that was dropped or erased is missed by every request after it, until a release takes over again.
"""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Self

from indexing.errors import ArtefactCorrupt
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.ledger.records import ViewChange
from indexing.ledger.store import LedgerStore
from indexing.records import Json, JsonFields, Partition


@dataclass(frozen=True, slots=True)
class LiveViewChange:
    """One change of what lies over a release; ``number`` counts 1, 2, 3 ... over all releases of a process.

    Without a ``partition`` it is the takeover of a release: nothing lies over its ``snapshot`` then, and ``arithmetic``
    says how the process computes scores. Else documents of the partition were ``removed``, or ``added`` in the place of
    what was there under the same ids.
    """

    number: int
    before: int
    """Number of the change of the same view before it, of the takeover for the first; its own in a takeover."""
    release: str
    """``RECIPE.BUILD``."""
    partition: Partition | None = None
    added: tuple[tuple[str, int], ...] = ()
    """Document ids, each with the sequence number of the version."""
    removed: tuple[str, ...] = ()
    snapshot: str = ""
    arithmetic: str = ""

    @property
    def is_takeover(self) -> bool:
        """Whether a release took over."""
        return self.partition is None

    def row(self, process: str, at: str) -> ViewChange:
        """As the ledger keeps it."""
        body: dict[str, Json] = {"before": self.before, "release": self.release}
        if self.partition is None:
            body |= {"snapshot": self.snapshot, "arithmetic": self.arithmetic}
        else:
            body |= {"tenant": self.partition.tenant, "collection": self.partition.collection}
            body |= {"added": [list(one) for one in self.added], "removed": list(self.removed)}
        return ViewChange(process, self.number, at, body)

    @classmethod
    def from_body(cls, number: int, body: Json) -> Self:
        """The change that ``row`` wrote.

        Raises:
            ArtefactCorrupt: the body is something else.
        """
        try:
            fields = JsonFields(body)
            before, release = fields.take("before", int), fields.take("release", str)
            if "tenant" not in body:
                snapshot, arithmetic = fields.take("snapshot", str), fields.take("arithmetic", str)
                return cls(number, before, release, snapshot=snapshot, arithmetic=arithmetic)
            partition = Partition(fields.take("tenant", str), fields.take("collection", str))
            added = tuple((str(name), int(seq)) for name, seq in fields.take("added", list))
            return cls(number, before, release, partition, added, tuple(map(str, fields.take("removed", list))))
        except (ValueError, TypeError, KeyError) as error:
            raise ArtefactCorrupt(
                f"View change {number} of the ledger cannot be read ({error}): its file is damaged."
            ) from error


class ViewChangeMissing(Exception):
    """A change that a view rests on is not in the ledger."""

    def __init__(self, number: int) -> None:
        super().__init__(f"view change {number} is not in the ledger")
        self.number = number


def read_view_changes(ledger: LedgerStore, process: str) -> dict[int, LiveViewChange]:
    """All changes of one process that the ledger holds, by number, oldest first.

    Raises:
        GroundworkError: a day cannot be read.
    """
    found: dict[int, LiveViewChange] = {}
    sql = "SELECT number, body FROM view_changes WHERE process = ? ORDER BY number"
    for day in list_days(ledger.folder):
        if day.database is None:
            continue
        with closing(DayFile(day.database, busy_timeout_seconds=ledger.busy_timeout_seconds)) as file:
            for number, body in file.rows(sql, (process,)):
                found[number] = LiveViewChange.from_body(number, json.loads(body))
    return found


def changes_up_to(changes: Mapping[int, LiveViewChange], number: int) -> list[LiveViewChange]:
    """The changes that made a view, from the takeover of its release to the one of that number.

    Raises:
        ViewChangeMissing: one of them is not among ``changes``.
    """
    chain: list[LiveViewChange] = []
    while True:
        change = changes.get(number)
        if change is None:
            raise ViewChangeMissing(number)
        chain.append(change)
        if change.is_takeover:
            return chain[::-1]
        number = change.before
