"""Query vectors in Redis: read within a few milliseconds or not at all, written in the background."""

import logging
import queue
import threading

from redis.exceptions import RedisError

from indexing.redis_client import redis_client

logger = logging.getLogger(__name__)
TIMEOUT_SECONDS = 0.02
"""How long a search waits for Redis: encoding takes a few milliseconds, so waiting longer cannot pay. Our choice."""
WRITE_TIMEOUT_SECONDS = 1.0
"""How long the thread that writes waits for Redis; no search waits for it. Our choice."""
MAX_WAITING = 1000
"""Vectors that wait to be written; beyond that they are dropped, and computed again when they are needed.
Our choice."""
_PREFIX = b"groundwork:query:"


class RedisVectors:
    """Raw vectors under hashed keys, which expire. Safe to share between threads; Redis may be lost at any time."""

    def __init__(self, url: str, *, ttl_seconds: int) -> None:
        """Connect to nothing yet; what is put is forgotten after ``ttl_seconds``."""
        self._ttl_seconds = ttl_seconds
        self._reader = redis_client(url, TIMEOUT_SECONDS)
        self._writer = redis_client(url, WRITE_TIMEOUT_SECONDS)
        self._waiting: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue(MAX_WAITING)
        self._writing: threading.Thread | None = None
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | None:
        """What is kept under ``key``.

        Raises:
            OSError: Redis is lost, does not answer in time, or answers nonsense.
        """
        try:
            kept = self._reader.get(_PREFIX + key)
        except RedisError as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error
        return kept if isinstance(kept, bytes) else None

    def put_soon(self, key: bytes, value: bytes) -> None:
        """Have ``value`` written by a thread of its own; dropped where too many wait, or Redis does not take it."""
        with self._lock:
            if self._writing is None:
                self._writing = threading.Thread(target=self._write, name="query-cache", daemon=True)
                self._writing.start()
        try:
            self._waiting.put_nowait((key, value))
        except queue.Full:
            logger.debug("query_cache.write_dropped")

    def _write(self) -> None:
        while (entry := self._waiting.get()) is not None:
            try:
                self._writer.set(_PREFIX + entry[0], entry[1], ex=self._ttl_seconds)
            except (RedisError, OSError) as error:  # the next reader finds out, and leaves Redis alone
                logger.debug("query_cache.write_failed", extra={"fields": {"reason": str(error)}})

    def flush(self) -> None:
        """Wait until what was put before is written or dropped."""
        with self._lock:
            writing, self._writing = self._writing, None
        if writing is not None:
            self._waiting.put(None)
            writing.join()

    def close(self) -> None:
        """Write what waits, if Redis still takes it, and let go of connections."""
        self.flush()
        self._reader.close()
        self._writer.close()
