"""The recorder: takes rows from requests without ever making one wait, and writes them in batches in its own thread.

Rows that cannot be taken or written are dropped and counted by reason. Nothing here fails a request.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from app.ledger.batch_queue import BATCH_SECONDS, CLOSE_SECONDS, QUEUE_FULL, RETRY_SECONDS, SHUT_DOWN, BatchQueue
from app.ledger.counters import ProcessCounts
from indexing.errors import InvalidInput
from indexing.ledger.records import RequestRow

logger = logging.getLogger(__name__)
QUEUE_BYTES = 64 << 20
"""Memory for requests that wait to be written, a process: some 3,000 with ten hits each. Our choice."""
_ROWS_A_TURN = 8
"""Rows that are made before a search that waits gets the interpreter: some 0.3 ms. Our choice: each such turn costs
both sides a switch, and the recorder up to 5 ms until it has the interpreter again."""
STORE_FAILED, ROW_FAILED = "store_failed", "row_failed"
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
        self._counted = counts.now()
        self._queue: BatchQueue[tuple[int, PendingRow]] = BatchQueue(
            "write-ledger",
            self._write,
            failed_event="ledger.not_written",
            capacity=queue_bytes,
            at_end=self._end,
            batch_seconds=batch_seconds,
            retry_seconds=retry_seconds,
        )

    @property
    def process(self) -> str:
        """The id of this process in its rows."""
        return self._counts.process

    @property
    def queued(self) -> int:
        """Rows that wait to be written."""
        return len(self._queue)

    def record(self, pending: PendingRow) -> None:
        """Take a request's row, or count it as dropped when too many wait; a request that comes now is not held up."""
        number = self._counts.accept()
        reason = self._queue.put((number, pending), pending.size_bytes)
        if reason is not None:
            self._told.accepted(1)
            self._drop(reason, 1)

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        return self._queue.flush(seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more rows, and write those that wait; what is not written within ``seconds`` is dropped."""
        left = self._queue.close(seconds)
        if left:
            self._told.accepted(left)
            self._drop(SHUT_DOWN, left)

    def _write(self, batch: Sequence[tuple[int, PendingRow]]) -> None:
        self._told.accepted(len(batch))
        if rows := self._rows(batch):
            self._store(rows)
        self._put_counts()

    def _end(self) -> None:
        self._counts.close(is_settled=self._put_counts())

    def _store(self, rows: Sequence[RequestRow]) -> None:
        try:
            self._queue.write(partial(self._append, rows))
        except InvalidInput as error:  # one row is not as it must be: the others are not to pay for it
            if len(rows) == 1:
                self._drop(ROW_FAILED, 1)
                self._queue.say(error)
            else:
                for row in rows:
                    self._store([row])
        except Exception as error:  # whatever is wrong with the ledger, searches go on
            self._drop(STORE_FAILED, len(rows))
            self._queue.say(error)

    def _append(self, rows: Sequence[RequestRow]) -> None:
        self._counts.begin_batch(len(rows), rows[-1].id)
        self._writer.append(rows)
        self._counts.wrote(len(rows))
        self._told.written(len(rows))

    def _rows(self, batch: Sequence[tuple[int, PendingRow]]) -> list[RequestRow]:
        rows = []
        for place, (number, pending) in enumerate(batch):
            if place % _ROWS_A_TURN == 0:
                time.sleep(0)  # let a search go on that waits for the interpreter
            try:
                rows.append(pending.row(self._counts.process, number))
            except Exception as error:  # a request that no row can be made of must not cost the others theirs
                self._drop(ROW_FAILED, 1)
                logger.error("ledger.row_failed", exc_info=error)
        return rows

    def _put_counts(self) -> bool:
        """Tell the ledger what was dropped, if that is news or the end; whether it knows all there is.

        When it was told while rows waited, it is told again once none does: else they would look lost.
        """
        counts, told = self._counts.now(), self._counted
        is_caught_up = told.lost and not counts.lost
        if counts.dropped == told.dropped and not is_caught_up and not self._queue.is_closing:
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
            self._queue.say(error)
            return False
        self._counted = counts
        return counts == self._counts.now()

    def _drop(self, reason: str, rows: int) -> None:
        self._counts.drop(rows)
        self._told.dropped(reason, rows)
