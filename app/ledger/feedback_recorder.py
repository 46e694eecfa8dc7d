"""The feedback recorder: takes feedback from requests without making one wait, and writes it in its own thread.

What finds too much waiting is refused, so that its client sends it again, and not dropped. A ledger that is busy, as
when an erasure writes a day anew, is asked again; what cannot be written for another reason is dropped and counted.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from app.ledger.batches import Batches
from app.ledger.recorder import CLOSE_SECONDS, RETRY_SECONDS
from indexing.errors import GroundworkError, LedgerUnavailable, Overloaded
from indexing.ledger.feedback import FeedbackRow

logger = logging.getLogger(__name__)
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
        self._writer, self._on_outcome, self._retry_seconds = writer, on_outcome, retry_seconds
        self._failure = ""
        self._batches = Batches(self._store, name="write-feedback", most=most_waiting)

    def record(self, row: FeedbackRow) -> None:
        """Take feedback.

        Raises:
            Overloaded: too much waits, or the process ends.
        """
        if not self._batches.put(row):
            self._on_outcome(REFUSED, 1)
            raise Overloaded("Too much feedback waits to be written: send it again, it counts once.")
        self._on_outcome(ACCEPTED, 1)

    def flush(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Wait until what was taken before is written or dropped; whether that was so within ``seconds``."""
        return self._batches.flush(seconds)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Take no more, and write what waits, within ``seconds``."""
        self._batches.close(seconds)

    def _store(self, rows: list[FeedbackRow]) -> None:
        while True:
            try:
                self._writer.append_feedback(rows)
            except LedgerUnavailable as error:
                self._say(error)
                if self._batches.pause(self._retry_seconds):
                    continue
                self._on_outcome(DROPPED, len(rows))
            except Exception as error:  # whatever is wrong with the ledger, the next batch is tried
                self._say(error)
                self._on_outcome(DROPPED, len(rows))
            else:
                self._failure = ""
                self._on_outcome(WRITTEN, len(rows))
            return

    def _say(self, error: Exception) -> None:
        """Log a failure of the ledger once, until it is another or one that was not foreseen."""
        text = f"{type(error).__name__}: {error}"
        if not isinstance(error, GroundworkError):
            logger.error("ledger.feedback_not_written", exc_info=error)
        elif text != self._failure:
            logger.error("ledger.feedback_not_written", extra={"fields": {"reason": text}})
        self._failure = text
