"""The query cache: texts that were asked before need not be encoded again, in this process or, through Redis, in any.

Keys are sha256 hashes that cover the model's files, precision and prompts, the arithmetic of the machine, and the
text: a cached vector is, bit for bit, the one that encoding would give, and no query's text is kept. See decision 20.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

import numpy as np

from indexing.backoff import REDIS_PAUSES, CircuitBreaker
from indexing.lru_cache import LruCache
from indexing.models.embedder import Embedder
from indexing.records import Vector, Vectors
from indexing.settings import Settings

logger = logging.getLogger(__name__)
_PROBE = "groundwork: which bits does this machine compute?"

Outcome = str
"""Where a vector came from: ``process``, ``redis``, or ``miss`` when it had to be encoded."""


class SharedVectors(Protocol):
    """A second level that all processes share. Safe to share between threads; both calls may fail with ``OSError``."""

    def get(self, key: bytes) -> bytes | None:
        """What is kept under ``key``; to be answered or given up within a few milliseconds."""
        ...

    def put_soon(self, key: bytes, value: bytes) -> None:
        """Keep ``value`` when there is time, or not at all; never waits and never fails."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class QueryCache:
    """The two levels of a process, for every model it serves with. Safe to share between threads.

    A caller whose text is being encoded waits for that instead of encoding it as well. ``on_lookup`` is told where each
    vector came from.
    """

    def __init__(
        self,
        max_bytes: int,
        shared: SharedVectors | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep up to ``max_bytes`` in this process, and more in what is shared, if anything is."""
        self.on_lookup: Callable[[Outcome], None] = lambda _: None
        self._cache = LruCache[bytes, Vector](max_bytes)
        self._shared = shared
        self._breaker = CircuitBreaker(REDIS_PAUSES, clock)
        self._lock = threading.Lock()
        self._in_flight: dict[bytes, Future[Vector]] = {}

    def vector(self, key: bytes, dimension: int, encode: Callable[[], Vector]) -> Vector:
        """The vector under ``key``, from the nearest level that has it, else from ``encode``.

        Returns:
            float32 (dimension,), not writable: it is given to everyone who asks.
        """
        found = self.known(key)
        if found is not None:
            return found
        with self._lock:
            waiting = self._in_flight.get(key)
            mine: Future[Vector] = Future()
            if waiting is None:
                self._in_flight[key] = mine
        if waiting is not None:
            vector = waiting.result()
            self.on_lookup("process")
            return vector
        try:
            vector = self._find(key, dimension, encode)
            self._cache.put(key, vector, vector.nbytes)
            mine.set_result(vector)
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._in_flight[key]
        return vector

    def known(self, key: bytes) -> Vector | None:
        """The vector under ``key`` if it is in this process."""
        found = self._cache.get(key)
        if found is not None:
            self.on_lookup("process")
        return found

    def _find(self, key: bytes, dimension: int, encode: Callable[[], Vector]) -> Vector:
        kept = self._ask(key)
        if kept is not None and len(kept) == 4 * dimension:
            self.on_lookup("redis")
            return np.frombuffer(kept, np.dtype("<f4")).astype(np.float32, copy=False)
        vector = encode().astype(np.float32)  # a copy: what encoders give may be a view of something larger
        vector.setflags(write=False)
        self.on_lookup("miss")
        if self._shared is not None and not self._breaker.is_open:
            self._shared.put_soon(key, vector.astype("<f4", copy=False).tobytes())
        return vector

    def _ask(self, key: bytes) -> bytes | None:
        """What the second level has; one that failed is left alone for a while, and then for longer."""
        if self._shared is None or not self._breaker.may_ask():
            return None
        try:
            kept = self._shared.get(key)
        except OSError as error:
            if self._breaker.failed():
                logger.warning("query_cache.redis_lost", extra={"fields": {"reason": str(error)}})
            return None
        if self._breaker.succeeded():
            logger.info("query_cache.redis_back")
        return kept

    def over(self, embedder: Embedder, identity: str) -> "CachedEmbedder":
        """An embedder that looks here first; ``identity`` tells its model files, precision and prompts from others."""
        return CachedEmbedder(embedder, self, identity)

    def close(self) -> None:
        """Let go of the second level."""
        if self._shared is not None:
            self._shared.close()


class CachedEmbedder:
    """An ``Embedder`` whose query vectors come from a ``QueryCache`` where it has them, the same bits as without it."""

    def __init__(self, embedder: Embedder, cache: QueryCache, identity: str) -> None:
        self._embedder = embedder
        self._cache = cache
        self.dimension = embedder.dimension
        self.query_tokens, self.passage_tokens = embedder.query_tokens, embedder.passage_tokens
        # Machines whose arithmetic differs may share a Redis: each finds only what the likes of it have computed.
        probe = hashlib.sha256(embedder.encode_query(_PROBE).astype("<f4").tobytes()).digest()
        self._prefix = hashlib.sha256(identity.encode() + probe).digest()

    def key(self, text: str) -> bytes:
        """What the vector of ``text`` is kept under, 32 bytes."""
        return hashlib.sha256(self._prefix + text.encode("utf-8", "surrogatepass")).digest()

    def encode_query(self, text: str) -> Vector:
        """See ``Embedder``; the vector is not writable."""
        return self._cache.vector(self.key(text), self.dimension, lambda: self._embedder.encode_query(text))

    def known(self, text: str) -> Vector | None:
        """See ``Embedder``; the vector is not writable."""
        return self._cache.known(self.key(text))

    def encode_unkept(self, text: str) -> Vector:
        """As ``encode_query``, but what is not at hand is encoded and not kept: a corpus drives out no query."""
        found = self.known(text)
        return self._embedder.encode_query(text) if found is None else found

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """See ``Embedder``; passages are not kept here but in the feature store."""
        return self._embedder.encode_passages(texts, on_progress)

    def count_tokens(self, text: str) -> int:
        """See ``Embedder``."""
        return self._embedder.count_tokens(text)


def query_cache_for(settings: Settings) -> QueryCache:
    """The cache of a process, over Redis if there is one; making it connects to nothing."""
    shared = None
    if settings.redis_url and settings.query_cache_seconds:
        from app.serving.redis_vectors import RedisVectors  # a process without Redis need not load its client

        shared = RedisVectors(settings.redis_url, ttl_seconds=settings.query_cache_seconds)
    return QueryCache(settings.query_cache_mb << 20, shared)
