"""A bounded queue that takes things for the ledger without ever making one wait, and writes them in its own thread."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from indexing.errors import GroundworkError, LedgerUnavailable

logger = logging.getLogger(__name__)
BATCH_ROWS = 500
"""Things of one batch at most. Source: 30,000 rows/s in transactions of 500 (issue 11's measurement)."""
BATCH_SECONDS = 0.2
"""How long a thing waits for others: what a kill loses at most, and what a reader waits for at most. Our choice."""
RETRY_SECONDS = 1.0
"""Between two tries to write a batch of which the ledger is busy, or cannot be reached. Our choice."""
CLOSE_SECONDS = 5.0
"""How long a process that ends waits for the last batches to be written. Our choice."""
QUEUE_FULL, SHUT_DOWN = "queue_full", "shut_down"
"""Why a thing was not taken."""

_Item = TypeVar("_Item")


class BatchQueue(Generic[_Item]):
    """Hands what it was given to ``handle``, in order and in batches. ``put`` is safe to call from any thread."""

    def __init__(
        self,
        name: str,
        handle: Callable[[Sequence[_Item]], None],
        *,
        failed_event: str,
        capacity: int,
        at_end: Callable[[], None] = lambda: None,
        batch_seconds: float = BATCH_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """Begin with nothing; the thread runs until ``close``.

        Args:
            name: Of the thread.
            handle: Writes a batch, by ``write``; called in the thread. It raises nothing.
            failed_event: What the log calls it when the ledger took nothing.
            capacity: The sizes of all that waits, together at most.
            at_end: Called in the thread after the last batch.
            batch_seconds: How long a thing waits for others.
            retry_seconds: Between two tries to write a batch.
        """
        self._handle, self._at_end, self._failed_event = handle, at_end, failed_event
        self._capacity, self._batch_seconds, self._retry_seconds = capacity, batch_seconds, retry_seconds
        self._waiting: deque[tuple[_Item, int]] = deque()
        self._size = self._taken = self._done = self._wanted = 0
        self._changed = threading.Condition()
        self._is_closing = self._is_full = False
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more is taken."""
        return self._is_closing

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def put(self, item: _Item, size: int) -> str | None:
        """Take a thing of that size at once; why not, ``QUEUE_FULL`` or ``SHUT_DOWN``, where it is not taken."""
        with self._changed:
            if self._is_closing:
                return SHUT_DOWN
            if self._size + size > self._capacity:
                if not self._is_full:
                    self._is_full = True
                    self._changed.notify_all()
                return QUEUE_FULL
            self._waiting.append((item, size))
            self._size += size
            self._taken += 1
            if len(self._waiting) in (1, BATCH_ROWS):
                self._changed.notify_all()
        return None

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Have what was taken before written now, and wait for it; whether it was, or was dropped, in ``seconds``."""
        with self._changed:
            taken = self._wanted = self._taken
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= taken, seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> int:
        """Take nothing more, and write what waits; how many were not begun within ``seconds``, and are dropped."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
            self._size = 0
        return left

    def write(self, action: Callable[[], None]) -> None:
        """Do ``action`` for ``handle``, again and again while the ledger is busy, as when an erasure rewrites a day.

        Raises:
            LedgerUnavailable: it is still busy, and the queue is full or the process ends.
            Exception: ``action`` raised something else.
        """
        while True:
            try:
                action()
            except LedgerUnavailable as error:
                self.say(error)
                with self._changed:
                    if self._changed.wait_for(lambda: self._is_full or self._is_closing, self._retry_seconds):
                        raise
            else:
                self._failure = ""
                return

    def say(self, error: Exception) -> None:
        """Log a failure of the ledger once, until it is another or one that was not foreseen."""
        text = f"{type(error).__name__}: {error}"
        if not isinstance(error, GroundworkError):
            logger.error(self._failed_event, exc_info=error)
        elif text != self._failure:
            logger.error(self._failed_event, extra={"fields": {"reason": text}})
        self._failure = text

    def _run(self) -> None:
        while batch := self._take_batch():
            self._handle(batch)
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()
        self._at_end()

    def _is_to_go(self) -> bool:
        """Whether a batch waits for no others, with ``_changed`` held."""
        return len(self._waiting) >= BATCH_ROWS or self._is_closing or self._done < self._wanted

    def _take_batch(self) -> list[_Item]:
        """What waits, once there is enough of it, the first waited long enough, or it is wanted; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._changed.wait_for(self._is_to_go, self._batch_seconds)
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_ROWS))]
            self._size -= sum(size for _, size in taken)
            self._is_full = False
        return [item for item, _ in taken]
