"""The feedback recorder: takes feedback from requests without making one wait, and writes it in its own thread.

What finds too much waiting is refused, so that its client sends it again, and not dropped. A ledger that is busy, as
when an erasure writes a day anew, is asked again; what cannot be written for another reason is dropped and counted, day
by day: a damaged file of one day costs no feedback about others.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Protocol

from app.ledger.batch_queue import CLOSE_SECONDS, RETRY_SECONDS, BatchQueue
from indexing.errors import Overloaded
from indexing.ledger.feedback import FeedbackRow
from indexing.ledger.ids import day_of

MOST_WAITING = 20_000
"""Feedback that waits to be written at most: some 40 MB with the longest comments. Our choice."""
ACCEPTED, WRITTEN, DROPPED, REFUSED = OUTCOMES = ("accepted", "written", "dropped", "refused")
"""What is told of feedback, for metrics: taken; in the ledger, once or already before; lost; not taken."""


class FeedbackWriter(Protocol):
    """What keeps feedback."""

    def append_feedback(self, rows: Sequence[FeedbackRow]) -> None:
        """Keep all rows; of one that fails the batch may be given again."""
        ...


class FeedbackRecorder:
    """Writes the feedback that one process gets. ``record`` may be called from any thread, and returns at once."""

    def __init__(
        self,
        writer: FeedbackWriter,
        on_outcome: Callable[[str, int], None] = lambda outcome, rows: None,
        *,
        most_waiting: int = MOST_WAITING,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """Write to ``writer``; ``on_outcome`` is told one of ``OUTCOMES`` and of how many rows."""
        self._writer, self._on_outcome = writer, on_outcome
        self._queue: BatchQueue[FeedbackRow] = BatchQueue(
            "write-feedback",
            self._write,
            failed_event="ledger.feedback_not_written",
            capacity=most_waiting,
            retry_seconds=retry_seconds,
        )

    def record(self, row: FeedbackRow) -> None:
        """Take feedback.

        Raises:
            Overloaded: too much waits, or the process ends.
        """
        if self._queue.put(row, 1) is not None:
            self._on_outcome(REFUSED, 1)
            raise Overloaded("Too much feedback waits to be written: send it again, it counts once.")
        self._on_outcome(ACCEPTED, 1)

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        return self._queue.flush(seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more, and write what waits; what is not begun within ``seconds`` is dropped."""
        left = self._queue.close(seconds)
        if left:
            self._on_outcome(DROPPED, left)

    def _write(self, rows: Sequence[FeedbackRow]) -> None:
        by_day: dict[date, list[FeedbackRow]] = {}
        for row in rows:
            by_day.setdefault(day_of(row.query_id), []).append(row)
        for day in sorted(by_day):
            self._write_day(by_day[day])

    def _write_day(self, rows: Sequence[FeedbackRow]) -> None:
        try:
            self._queue.write(partial(self._writer.append_feedback, rows))
        except Exception as error:  # whatever is wrong with the ledger, the next day is tried
            self._on_outcome(DROPPED, len(rows))
            self._queue.say(error)
        else:
            self._on_outcome(WRITTEN, len(rows))
