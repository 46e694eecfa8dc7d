"""Deadlines: until when an answer is worth having. Work that comes too late is not begun."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from indexing.errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by a monotonic clock, and how many milliseconds after the request's arrival it is."""

    at: float
    budget_ms: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def within(cls, asked_ms: float | None, most_ms: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """The deadline of a request that arrives now: ``asked_ms``, but ``most_ms`` at most and by default."""
        budget_ms = most_ms if asked_ms is None else min(asked_ms, most_ms)
        return cls(clock() + budget_ms / 1000.0, budget_ms, clock)

    @property
    def remaining_seconds(self) -> float:
        """Seconds until then, 0 afterwards."""
        return max(0.0, self.at - self.clock())

    def exceeded(self) -> DeadlineExceeded:
        """What to raise when there is no time left."""
        return DeadlineExceeded(
            f"There was no answer within {self.budget_ms:g} ms, and the search was given up: allow it more time with"
            " the header x-timeout-ms, or come back when there is less to do."
        )

    def check(self) -> None:
        """Let work go on as long as there is time.

        Raises:
            DeadlineExceeded: there is none left.
        """
        if self.clock() >= self.at:
            raise self.exceeded()
