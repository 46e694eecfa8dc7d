"""The view recorder: takes changes of live views without ever making one wait, and writes them in its own thread.

A change that cannot be taken or written is dropped and counted. Requests that saw a view after it cannot be replayed
until the next takeover of a release, and the ledger shows that: the next change names one that is not there.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Protocol

from app.ledger.batch_queue import CLOSE_SECONDS, RETRY_SECONDS, BatchQueue
from indexing.ledger.records import ViewChange
from indexing.ledger.view_changes import LiveViewChange
from indexing.records import moment_text

logger = logging.getLogger(__name__)
MOST_WAITING = 200_000
"""Documents in the changes that wait to be written at most: some 40 MB. Our choice: twice the passages of a full live
layer with the default settings."""


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
        retry_seconds: float = RETRY_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Write to ``writer`` as ``process``; ``on_dropped`` is told how many more were dropped."""
        self._writer, self._process, self._on_dropped, self._now = writer, process, on_dropped, now
        self._queue: BatchQueue[tuple[LiveViewChange, datetime]] = BatchQueue(
            "write-view-changes",
            self._write,
            failed_event="ledger.view_changes_not_written",
            capacity=most_waiting,
            retry_seconds=retry_seconds,
        )

    def record(self, change: LiveViewChange) -> None:
        """Take a change, or drop it when too many wait."""
        documents = len(change.added) + len(change.removed)
        if self._queue.put((change, self._now()), 1 + documents) is not None:
            self._on_dropped(1)
            logger.warning("ledger.view_change_dropped", extra={"fields": {"number": change.number}})

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        return self._queue.flush(seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more changes, and write those that wait; what is not written within ``seconds`` is dropped."""
        left = self._queue.close(seconds)
        if left:
            self._on_dropped(left)

    def _write(self, batch: Sequence[tuple[LiveViewChange, datetime]]) -> None:
        by_day: dict[date, list[ViewChange]] = {}
        for change, at in batch:
            by_day.setdefault(at.date(), []).append(change.row(self._process, moment_text(at)))
        for day, rows in by_day.items():
            try:
                self._queue.write(partial(self._writer.append_view_changes, day, rows))
            except Exception as error:  # whatever is wrong with the ledger, writes and searches go on
                self._on_dropped(len(rows))
                self._queue.say(error)
