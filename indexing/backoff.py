"""How long to leave something alone that failed: pauses that double, and a circuit breaker over them."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 64
"""Beyond it the power of two is larger than any pause; it keeps a count of failures that never ends computable.
Our choice."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses after failures in a row: ``first_seconds``, then twice as long each time, up to ``most_seconds``."""

    first_seconds: float
    most_seconds: float = math.inf

    def pause_seconds(self, failures: int) -> float:
        """The pause after so many failures in a row; 0 and 1 give the first one."""
        doublings = min(max(failures - 1, 0), _MOST_DOUBLINGS)
        return min(self.most_seconds, self.first_seconds * 2.0**doublings)


REDIS_PAUSES = Backoff(1.0, 30.0)
"""How long a lost Redis is left alone before it is asked again: a second at first, half a minute at most."""


class CircuitBreaker:
    """Says whether a service that may be lost is to be asked now. Safe to share between threads and tasks.

    While the service answers, every caller may ask. After a failure none asks for a pause; then one tries, and the
    others go on without the service for another pause. Pauses grow while trying fails.
    """

    def __init__(self, backoff: Backoff, clock: Callable[[], float] = time.monotonic) -> None:
        """A breaker for a service that answers, as far as is known; ``clock`` gives seconds that only grow."""
        self._backoff = backoff
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._asks_again_at = -math.inf
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether the service failed last, and its pause is not over."""
        return self._clock() < self._asks_again_at

    def may_ask(self) -> bool:
        """Whether to ask the service now; who asks says how it went with ``succeeded`` or ``failed``."""
        if not self._failures:  # no lock while all is well
            return True
        with self._lock:
            if self._clock() < self._asks_again_at:
                return False
            self._is_trying = True
            self._pause()
            return True

    def failed(self) -> bool:
        """Note that asking failed; gives whether that is news, since the service answered until now."""
        with self._lock:
            is_news = self._failures == 0
            # Callers that asked before the first failure was known tell nothing new.
            if is_news or self._is_trying:
                self._failures += 1
                self._is_trying = False
                self._pause()
            return is_news

    def succeeded(self) -> bool:
        """Note that the service answered; gives whether that is news, since it was lost until now."""
        if not self._failures:
            return False
        with self._lock:
            self._failures, self._asks_again_at, self._is_trying = 0, -math.inf, False
            return True

    def _pause(self) -> None:
        self._asks_again_at = self._clock() + self._backoff.pause_seconds(self._failures)
