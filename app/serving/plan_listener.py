"""Hears the signal that another plan is to be served, by Redis; what it misses, the look of every moment finds."""

import logging
import threading
from collections.abc import Callable

from indexing.backoff import REDIS_PAUSES, Backoff
from indexing.signals.redis_client import redis_client

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 2.0
"""How long connecting may take; no search waits for it. Source: our choice."""
LOOK_SECONDS = 0.5
"""How long it listens before it looks whether it is to end, and asks whether Redis is still there. Source: our choice;
a process that ends waits for it."""
MOST_UNANSWERED = 10
"""Questions in a row that Redis leaves without an answer before the connection is given up: after five seconds.
Source: our choice; a slow command may keep Redis for a second or two."""


class PlanListener:
    """Calls ``on_signal`` whenever the channel says something, and whenever it may have missed that.

    Redis may be lost at any time: then it is tried again after pauses that grow, and ``on_signal`` is called once it is
    heard again, since a channel keeps nothing for who was away.
    """

    def __init__(
        self,
        url: str,
        channel: str,
        on_signal: Callable[[], None],
        *,
        pauses: Backoff = REDIS_PAUSES,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Listen to ``channel`` of the Redis at ``url``; this connects to nothing."""
        self._url = url
        self._channel = channel
        self._on_signal = on_signal
        self._pauses = pauses
        self._look_seconds = look_seconds
        self._failures = 0

    def run(self, stop: threading.Event) -> None:
        """Listen until told to stop; no failure ends it."""
        while not stop.is_set():
            try:
                self._listen(stop)
            except Exception as error:  # no RedisError of a name that no host can have
                self._failed(error)
                stop.wait(self._pauses.pause_seconds(self._failures))

    def _listen(self, stop: threading.Event) -> None:
        with redis_client(self._url, TIMEOUT_SECONDS) as client, client.pubsub() as channel:
            channel.subscribe(self._channel)
            unanswered = 0
            while not stop.is_set():
                message = channel.get_message(timeout=self._look_seconds)
                if message is None:
                    unanswered += 1
                    if unanswered > MOST_UNANSWERED:
                        raise ConnectionError(f"no answer for {MOST_UNANSWERED * self._look_seconds:g} s")
                    channel.ping()
                    continue
                unanswered = 0
                if message["type"] == "subscribe":
                    self._heard()
                if message["type"] in ("subscribe", "message"):
                    self._on_signal()

    def _heard(self) -> None:
        if self._failures:
            logger.info("plan_signal.redis_back")
        self._failures = 0

    def _failed(self, error: Exception) -> None:
        if not self._failures:
            reason = f"{type(error).__name__}: {error}"
            logger.warning("plan_signal.redis_lost", extra={"fields": {"reason": reason}})
        self._failures += 1
