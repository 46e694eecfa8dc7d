"""Whether a process that should answer does: asked again and again, it is silent after a while, and lost at last."""

ASK_SECONDS = 1.0
"""How long after an answer a worker is asked again: often enough to notice within a second, and next to no work.
Our choice."""
SILENT_SECONDS = 5.0
"""A worker without an answer for so long gets no connections: a search takes milliseconds, so this is no mere load.
Source: issue 10."""
LOST_SECONDS = 30.0
"""A worker without an answer for so long is replaced: its clients have given up by now (many wait 30 s).
Source: issue 10."""


class Heartbeat:
    """What is known of one process. Moments are seconds of a monotonic clock."""

    def __init__(self, *, silent_seconds: float = SILENT_SECONDS, lost_seconds: float = LOST_SECONDS) -> None:
        """Find a process silent, and lost, so long after the question that it does not answer."""
        self._silent_seconds = silent_seconds
        self._lost_seconds = lost_seconds
        self._asked_at: float | None = None
        self._answered_at: float | None = None

    def is_due(self, now: float) -> bool:
        """Whether to ask now; if so, the question counts as asked."""
        if self._asked_at is not None:
            return False
        if self._answered_at is not None and now - self._answered_at < min(ASK_SECONDS, self._silent_seconds / 2):
            return False
        self._asked_at = now
        return True

    def answer(self, now: float) -> None:
        """Take the answer."""
        self._asked_at = None
        self._answered_at = now

    def is_silent(self, now: float) -> bool:
        """Whether it has owed an answer for too long to be given work."""
        return self._asked_at is not None and now - self._asked_at >= self._silent_seconds

    def is_lost(self, now: float) -> bool:
        """Whether it has owed an answer for so long that another is to take its place."""
        return self._asked_at is not None and now - self._asked_at >= self._lost_seconds

    def forgive(self, seconds: float) -> None:
        """Do not count a time in which the one that asks could not listen itself (a paused container, say)."""
        if self._asked_at is not None:
            self._asked_at += seconds
