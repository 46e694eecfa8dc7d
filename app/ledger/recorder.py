"""The recorder: takes rows from requests without ever making one wait, and writes them in batches in its own thread.

Rows that cannot be taken or written are dropped and counted by reason. Nothing here fails a request.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from app.ledger.counters import ProcessCounts
from indexing.errors import GroundworkError, InvalidInput, LedgerUnavailable
from indexing.ledger.records import RequestRow

logger = logging.getLogger(__name__)
BATCH_ROWS = 500
"""Rows of one transaction at most. Source: 30,000 rows/s in batches of 500 (issue 11's measurement)."""
BATCH_SECONDS = 0.2
"""How long a row waits for others: what a kill loses at most, and what a reader waits for at most."""
QUEUE_BYTES = 64 << 20
"""Memory for requests that wait to be written, a process: some 3,000 with ten hits each. Our choice."""
RETRY_SECONDS = 1.0
"""Between two tries to write a batch of which the ledger is busy, or cannot be reached. Our choice."""
CLOSE_SECONDS = 5.0
"""How long a process that ends waits for the last rows to be written. Our choice."""
QUEUE_FULL, STORE_FAILED, ROW_FAILED, SHUT_DOWN = "queue_full", "store_failed", "row_failed", "shut_down"
DROP_REASONS = (QUEUE_FULL, STORE_FAILED, ROW_FAILED, SHUT_DOWN)
"""Why rows were dropped: the queue was full; the ledger took none, where it was only busy until the queue was full;
a row could not be made; the process ended."""


class PendingRow(Protocol):
    """A request that was answered, of which the row is yet to be made."""

    @property
    def size_bytes(self) -> int:
        """About what it keeps in memory."""
        ...

    def row(self, process: str, number: int) -> RequestRow:
        """Its row; made in the recorder's thread, so that the request need not wait for that."""
        ...


class LedgerWriter(Protocol):
    """What keeps rows."""

    def append(self, rows: Sequence[RequestRow]) -> None:
        """Keep all rows, or raise and keep none."""
        ...

    def put_counts(self, process: str, *, accepted: int, dropped: int, written: int, missing: int) -> None:
        """Keep how many rows a process was handed, dropped and wrote; later counts take the place of earlier ones.

        ``missing`` are those that it dropped since it last said so.
        """
        ...


class RowCounts(Protocol):
    """What is told of rows, for metrics. Called from any thread."""

    def accepted(self, rows: int) -> None:
        """So many were handed in."""
        ...

    def written(self, rows: int) -> None:
        """The ledger has so many more."""
        ...

    def dropped(self, reason: str, rows: int) -> None:
        """So many were dropped, for one of ``DROP_REASONS``."""
        ...


class Recorder:
    """Writes the rows of one process. ``record`` is safe to call from any thread, and returns at once."""

    def __init__(
        self,
        writer: LedgerWriter,
        counts: ProcessCounts,
        told: RowCounts,
        *,
        queue_bytes: int = QUEUE_BYTES,
        batch_seconds: float = BATCH_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """Write to ``writer``, count in ``counts`` and tell ``told``; the thread runs until ``close``."""
        self._writer, self._counts, self._told = writer, counts, told
        self._queue_bytes, self._batch_seconds, self._retry_seconds = queue_bytes, batch_seconds, retry_seconds
        self._waiting: deque[tuple[int, PendingRow, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closing = self._is_full = False
        self._last_taken = self._last_done = 0
        self._counted = counts.now()
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="write-ledger", daemon=True)
        self._thread.start()

    @property
    def process(self) -> str:
        """The id of this process in its rows."""
        return self._counts.process

    @property
    def queued(self) -> int:
        """Rows that wait to be written."""
        return len(self._waiting)

    def record(self, pending: PendingRow) -> None:
        """Take a request's row, or count it as dropped when too many wait; a request that comes now is not held up."""
        size = pending.size_bytes
        with self._changed:
            number = self._counts.accept()
            is_taken = not self._is_closing and self._bytes + size <= self._queue_bytes
            if is_taken:
                self._waiting.append((number, pending, size))
                self._bytes += size
                self._last_taken = number
                if len(self._waiting) in (1, BATCH_ROWS):
                    self._changed.notify()
            elif not self._is_full:
                self._is_full = True
                self._changed.notify_all()
        if not is_taken:
            self._told.accepted(1)
            self._drop(SHUT_DOWN if self._is_closing else QUEUE_FULL, 1)

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        with self._changed:
            last = self._last_taken
            return self._changed.wait_for(lambda: self._last_done >= last, seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more rows, and write those that wait; what is not written within ``seconds`` is dropped."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
            self._bytes = 0
        if left:
            self._told.accepted(left)
            self._drop(SHUT_DOWN, left)

    def _run(self) -> None:
        while batch := self._take_batch():
            self._told.accepted(len(batch))
            if rows := self._rows(batch):
                self._store(rows)
            self._put_counts()
            with self._changed:
                self._last_done = batch[-1][0]
                self._changed.notify_all()
        self._counts.close(is_settled=self._put_counts())

    def _take_batch(self) -> list[tuple[int, PendingRow]]:
        """The rows that wait, once there are enough of them or the first waited long enough; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._changed.wait_for(lambda: len(self._waiting) >= BATCH_ROWS or self._is_closing, self._batch_seconds)
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_ROWS))]
            self._bytes -= sum(size for _, _, size in taken)
            self._is_full = False
        return [(number, pending) for number, pending, _ in taken]

    def _store(self, rows: Sequence[RequestRow]) -> None:
        try:
            while not self._append_unless_busy(rows):
                pass
        except InvalidInput as error:  # one row is not as it must be: the others are not to pay for it
            if len(rows) == 1:
                self._drop(ROW_FAILED, 1)
                self._say(error)
            else:
                for row in rows:
                    self._store([row])
        except Exception as error:  # whatever is wrong with the ledger, searches go on
            self._drop(STORE_FAILED, len(rows))
            self._say(error)

    def _append_unless_busy(self, rows: Sequence[RequestRow]) -> bool:
        """Write a batch; ``False`` after a pause where that is to be tried again, as when an erasure writes a day anew.

        Raises:
            LedgerUnavailable: that may not be, since the queue is full or the process ends.
        """
        try:
            self._append(rows)
        except LedgerUnavailable as error:
            self._say(error)
            with self._changed:
                if self._changed.wait_for(lambda: self._is_full or self._is_closing, self._retry_seconds):
                    raise
            return False
        return True

    def _append(self, rows: Sequence[RequestRow]) -> None:
        self._counts.begin_batch(len(rows), rows[-1].id)
        self._writer.append(rows)
        self._failure = ""
        self._counts.wrote(len(rows))
        self._told.written(len(rows))

    def _rows(self, batch: Sequence[tuple[int, PendingRow]]) -> list[RequestRow]:
        rows = []
        for number, pending in batch:
            try:
                rows.append(pending.row(self._counts.process, number))
            except Exception as error:  # a request that no row can be made of must not cost the others theirs
                self._drop(ROW_FAILED, 1)
                logger.error("ledger.row_failed", exc_info=error)
            time.sleep(0)  # let a search go on that waits for the interpreter
        return rows

    def _put_counts(self) -> bool:
        """Tell the ledger what was dropped, if that is news or the end; whether it knows all there is.

        When it was told while rows waited, it is told again once none does: else they would look lost.
        """
        counts, told = self._counts.now(), self._counted
        is_caught_up = told.lost and not counts.lost
        if counts.dropped == told.dropped and not is_caught_up and not self._is_closing:
            return False
        try:
            self._writer.put_counts(
                counts.process,
                accepted=counts.accepted,
                dropped=counts.dropped,
                written=counts.written,
                missing=counts.dropped - told.dropped,
            )
        except Exception as error:  # as when rows are written: the counts stay in their file
            self._say(error)
            return False
        self._counted = counts
        return counts == self._counts.now()

    def _drop(self, reason: str, rows: int) -> None:
        self._counts.drop(rows)
        self._told.dropped(reason, rows)

    def _say(self, error: Exception) -> None:
        """Log a failure of the ledger once, until it is another or one that was not foreseen."""
        text = f"{type(error).__name__}: {error}"
        if not isinstance(error, GroundworkError):
            logger.error("ledger.not_written", exc_info=error)
        elif text != self._failure:
            logger.error("ledger.not_written", extra={"fields": {"reason": text}})
        self._failure = text
