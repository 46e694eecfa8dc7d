"""Batches on their way to the ledger: items are taken without making anyone wait, and handed on in one thread."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from app.ledger.recorder import BATCH_ROWS, BATCH_SECONDS, CLOSE_SECONDS

Item = TypeVar("Item")


class Batches(Generic[Item]):
    """Hands items to ``store``, many at once. ``put`` may be called from any thread, and returns at once."""

    def __init__(
        self, store: Callable[[list[Item]], None], *, name: str, most: int, size: Callable[[Item], int] = lambda item: 1
    ) -> None:
        """Begin the thread ``name``, which runs until ``close``.

        Args:
            store: Called in that thread, never with an empty list; it must not raise.
            name: Of the thread.
            most: How much may wait, as the sum of ``size``.
            size: What an item counts.
        """
        self._store, self._size, self._most = store, size, most
        self._waiting: deque[Item] = deque()
        self._held = 0
        self._taken = self._done = 0
        self._changed = threading.Condition()
        self._is_closing = self._is_full = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> bool:
        """Take an item, unless too much waits or the end has come; whether it was taken."""
        size = self._size(item)
        with self._changed:
            is_taken = not self._is_closing and self._held + size <= self._most
            if is_taken:
                self._waiting.append(item)
                self._held += size
                self._taken += 1
            else:
                self._is_full = True
            self._changed.notify_all()
        return is_taken

    def pause(self, seconds: float) -> bool:
        """Let ``store`` wait before it tries again; ``False`` where it may not, since the queue is full or at its end.

        Call it in ``store`` alone.
        """
        with self._changed:
            return not self._changed.wait_for(lambda: self._is_full or self._is_closing, seconds)

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before was handed on; whether that was so within ``seconds``."""
        with self._changed:
            taken = self._taken
            return self._changed.wait_for(lambda: self._done >= taken, seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more, and hand on what waits, within ``seconds``."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _run(self) -> None:
        while batch := self._take_batch():
            self._store(batch)
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()

    def _take_batch(self) -> list[Item]:
        """The items that wait, once there are enough or the first waited long enough; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._changed.wait_for(lambda: len(self._waiting) >= BATCH_ROWS or self._is_closing, BATCH_SECONDS)
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_ROWS))]
            self._held -= sum(map(self._size, taken))
            self._is_full = False
        return taken
