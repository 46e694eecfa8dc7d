"""The view recorder: takes changes of live views without ever making one wait, and writes them in its own thread.

A change that cannot be taken or written is dropped and counted. Requests that saw a view after it cannot be replayed
until the next takeover of a release, and the ledger shows that: the next change names one that is not there.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Protocol

from app.ledger.recorder import BATCH_ROWS, BATCH_SECONDS, CLOSE_SECONDS
from indexing.errors import GroundworkError
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
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Write to ``writer`` as ``process``; ``on_dropped`` is told how many more were dropped."""
        self._writer, self._process, self._on_dropped = writer, process, on_dropped
        self._most_waiting, self._now = most_waiting, now
        self._waiting: deque[tuple[LiveViewChange, datetime]] = deque()
        self._documents = 0
        self._taken = self._done = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="write-view-changes", daemon=True)
        self._thread.start()

    def record(self, change: LiveViewChange) -> None:
        """Take a change, or drop it when too many wait."""
        with self._changed:
            is_taken = not self._is_closing and self._documents + _size(change) <= self._most_waiting
            if is_taken:
                self._waiting.append((change, self._now()))
                self._documents += _size(change)
                self._taken += 1
                self._changed.notify_all()
        if not is_taken:
            self._on_dropped(1)
            logger.warning("ledger.view_change_dropped", extra={"fields": {"number": change.number}})

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        with self._changed:
            taken = self._taken
            return self._changed.wait_for(lambda: self._done >= taken, seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more changes, and write those that wait, within ``seconds``."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _run(self) -> None:
        while batch := self._take_batch():
            by_day: dict[date, list[ViewChange]] = {}
            for change, at in batch:
                row = change.row(self._process, moment_text(at))
                by_day.setdefault(at.date(), []).append(row)
            for day, rows in by_day.items():
                self._write(day, rows)
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()

    def _take_batch(self) -> list[tuple[LiveViewChange, datetime]]:
        """The changes that wait, once there are enough or the first waited long enough; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._changed.wait_for(lambda: len(self._waiting) >= BATCH_ROWS or self._is_closing, BATCH_SECONDS)
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_ROWS))]
            self._documents -= sum(_size(change) for change, _ in taken)
        return taken

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
