"""Whether a client takes its answers: the event loop would keep them for ever for one that does not."""

import math

from app.server.http_limits import MIN_PROGRESS_BYTES


class AnswerProgress:
    """What one connection has left to send, looked at again and again."""

    def __init__(self, seconds: float) -> None:
        """Give the client so many seconds for each answer, or ``MIN_PROGRESS_BYTES`` of one."""
        self._seconds = seconds
        self._unsent = 0
        self._deadline = math.inf
        self.answers = 0

    def is_stuck(self, unsent_bytes: int, now: float) -> bool:
        """Whether the client has taken too little for too long.

        Args:
            unsent_bytes: What waits to be sent.
            now: The event loop's time in seconds.
        """
        is_further = self.answers > 0 or self._unsent - unsent_bytes >= MIN_PROGRESS_BYTES
        if unsent_bytes == 0 or self._unsent == 0 or is_further:
            self._unsent, self.answers = unsent_bytes, 0
            self._deadline = now + self._seconds
        return now >= self._deadline
