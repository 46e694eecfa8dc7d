"""The view recorder: takes changes of live views without ever making one wait, and writes them in its own thread.

A change that cannot be taken or written is dropped and counted. Requests that saw a view after it cannot be replayed
until the next takeover of a release, and the ledger shows that: the next change names one that is not there.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Protocol

from app.ledger.batches import Batches
from app.ledger.recorder import CLOSE_SECONDS
from indexing.errors import GroundworkError
from indexing.ledger.records import ViewChange
from indexing.ledger.view_changes import LiveViewChange
from indexing.records import moment_text

logger = logging.getLogger(__name__)
MOST_WAITING = 200_000
"""Documents in the changes that wait to be written at most: some 40 MB. Our choice: twice the passages of a full live
layer with the default settings."""

_Item = tuple[LiveViewChange, datetime]
"""A change with the moment at which it was recorded."""


class ViewWriter(Protocol):
    """What keeps changes of views."""

    def append_view_changes(self, day: date, changes: Sequence[ViewChange]) -> None:
        """Keep all changes in the file of a day, or raise and keep none."""
        ...


class ViewRecorder:
    """Writes the changes of one process's live views. ``record`` may be called from any thread, and returns at once."""

    def __init__(
        self,
        writer: ViewWriter,
        process: str,
        on_dropped: Callable[[int], None] = lambda changes: None,
        *,
        most_waiting: int = MOST_WAITING,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Write to ``writer`` as ``process``; ``on_dropped`` is told how many more were dropped."""
        self._writer, self._process, self._on_dropped = writer, process, on_dropped
        self._now = now
        self._failure = ""
        self._batches: Batches[_Item] = Batches(
            self._store, name="write-view-changes", most=most_waiting, size=lambda item: _size(item[0])
        )

    def record(self, change: LiveViewChange) -> None:
        """Take a change, or drop it when too many wait."""
        if not self._batches.put((change, self._now())):
            self._on_dropped(1)
            logger.warning("ledger.view_change_dropped", extra={"fields": {"number": change.number}})

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        return self._batches.flush(seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more changes, and write those that wait, within ``seconds``."""
        self._batches.close(seconds)

    def _store(self, batch: list[_Item]) -> None:
        by_day: dict[date, list[ViewChange]] = {}
        for change, at in batch:
            row = change.row(self._process, moment_text(at))
            by_day.setdefault(at.date(), []).append(row)
        for day, rows in by_day.items():
            self._write(day, rows)

    def _write(self, day: date, rows: Sequence[ViewChange]) -> None:
        try:
            self._writer.append_view_changes(day, rows)
        except Exception as error:  # whatever is wrong with the ledger, writes and searches go on
            self._on_dropped(len(rows))
            text = f"{type(error).__name__}: {error}"
            if not isinstance(error, GroundworkError):
                logger.error("ledger.view_changes_not_written", exc_info=error)
            elif text != self._failure:
                logger.error("ledger.view_changes_not_written", extra={"fields": {"reason": text}})
            self._failure = text
            return
        self._failure = ""


def _size(change: LiveViewChange) -> int:
    return 1 + len(change.added) + len(change.removed)
