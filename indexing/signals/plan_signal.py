"""The signal that API processes are to serve by another plan, sent by Redis: it spares them a wait, and may be lost."""

import logging
import threading
import time
from collections.abc import Callable

from indexing.backoff import REDIS_PAUSES, CircuitBreaker
from indexing.storage.store import Storage

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 0.2
"""How long the signal waits for Redis. Source: our choice; later than that, processes have looked by themselves."""
WAIT_SECONDS = 0.5
"""How long who changed the plan waits for the signal at most, whatever keeps it: a name that is not resolved takes
seconds. Source: our choice."""


def channel_of(storage: Storage) -> str:
    """The channel of a home: those that share a Redis do not hear each other."""
    return f"groundwork:{storage.identity()}:plan"


class PlanSignal:
    """Tells the API processes of a home. Safe to share between threads; Redis may be lost at any time."""

    def __init__(self, url: str, storage: Storage, *, clock: Callable[[], float] = time.monotonic) -> None:
        """By the Redis at ``url``, to the home of ``storage``; this connects to nothing."""
        self._url = url
        self._storage = storage
        self._breaker = CircuitBreaker(REDIS_PAUSES, clock)

    def send(self) -> None:
        """Tell them; never fails, and takes ``WAIT_SECONDS`` at most. A lost Redis is left alone for a while."""
        if not self._breaker.may_ask():
            return
        sender = threading.Thread(target=self._send, name="plan-signal", daemon=True)
        try:
            sender.start()
        except RuntimeError as error:  # there is no room for a thread
            self._lost(error)
        else:
            sender.join(WAIT_SECONDS)

    def _send(self) -> None:
        # Not before a plan is changed: loading the client takes longer than most commands have to wait for anything.
        from indexing.signals.redis_client import redis_client

        try:
            with redis_client(self._url, TIMEOUT_SECONDS) as client:
                client.publish(channel_of(self._storage), b"")
        except Exception as error:  # no RedisError of a name that no host can have
            self._lost(error)
        else:
            if self._breaker.succeeded():
                logger.info("plan_signal.redis_back")

    def _lost(self, error: Exception) -> None:
        if self._breaker.failed():
            logger.warning("plan_signal.not_sent", extra={"fields": {"reason": f"{type(error).__name__}: {error}"}})
