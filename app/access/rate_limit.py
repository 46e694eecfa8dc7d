"""How many requests a tenant may send: a token bucket for each, in this process, or in Redis for all processes.

A bucket holds a minute's worth of requests and fills evenly. It is kept as one moment, the one at which it is full
again (the generic cell rate algorithm), so that a full bucket needs no memory.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias

from indexing.backoff import REDIS_PAUSES, CircuitBreaker
from indexing.errors import InvalidInput, RateLimited

logger = logging.getLogger(__name__)
Kind: TypeAlias = Literal["requests", "feedback"]
"""What is counted: each kind has a bucket of its own, so that a flood of the one leaves room for the other."""
MINUTE_SECONDS = 60.0
"""Seconds of a minute, in which a tenant may send what its rate says."""
REDIS_TIMEOUT_SECONDS = 0.1
"""How long a request waits for Redis before this process counts alone. Our choice."""
_SWEEP_AT = 10_000
"""Tenants that are remembered before those are forgotten that may send all again. Our choice."""
_NOUNS: dict[Kind, str] = {"requests": "requests", "feedback": "events of feedback"}
"""How a refusal calls what it counts."""
_TINY = 1e-6
"""Seconds that rounding may be off by. Our choice."""

_REDIS_NAMES: dict[Kind, str] = {"requests": "rate", "feedback": "feedback-rate"}
"""What the keys of each kind are called in Redis."""
_SCRIPT = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local interval = tonumber(ARGV[1])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local after = full + interval * tonumber(ARGV[2])
local wait = after - now - 60
if wait > 0.000001 then return {string.format('%.6f', wait), string.format('%.6f', full - now)} end
redis.call('SET', KEYS[1], string.format('%.6f', after), 'PX', math.ceil((after - now) * 1000))
return {'0', string.format('%.6f', after - now)}
"""
"""The same as ``Buckets.take``, by Redis's clock."""


class Taken(NamedTuple):
    """What became of taking from a bucket."""

    wait_seconds: float
    """0.0 where there was enough; else how long until there will be, and nothing was taken."""
    full_in_seconds: float
    """When the bucket is full again, if nothing more is taken."""


@dataclass(frozen=True, slots=True)
class RateState:
    """How a tenant stands towards its rate after a request: ``remaining`` more may come at this moment."""

    kind: Kind
    per_minute: int
    remaining: int
    full_in_seconds: float

    @classmethod
    def after(cls, kind: Kind, per_minute: int, taken: Taken) -> "RateState":
        """As a bucket stands that something was taken from, or was to be."""
        left = (MINUTE_SECONDS - taken.full_in_seconds) * per_minute / MINUTE_SECONDS
        return cls(kind, per_minute, max(0, math.floor(left + _TINY)), taken.full_in_seconds)


class Buckets:
    """The buckets of one process. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[tuple[Kind, str], float] = {}
        self._sweep_at = _SWEEP_AT
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many buckets are remembered: those that are not full, and some that are by now."""
        return len(self._full_at)

    def take(self, tenant: str, per_minute: int, kind: Kind = "requests", count: int = 1) -> Taken:
        """Take ``count`` requests or none from a tenant's bucket of a kind, which fills with ``per_minute`` >= 1."""
        interval = MINUTE_SECONDS / per_minute
        with self._lock:
            now = self._clock()
            full_at = max(self._full_at.get((kind, tenant), now), now)
            after = full_at + interval * count
            wait = after - now - MINUTE_SECONDS
            if wait > _TINY:
                return Taken(wait, full_at - now)
            self._full_at[kind, tenant] = after
            if len(self._full_at) > self._sweep_at:
                self._full_at = {name: moment for name, moment in self._full_at.items() if moment > now}
                self._sweep_at = max(_SWEEP_AT, 2 * len(self._full_at))
        return Taken(0.0, after - now)


class SharedBuckets(Protocol):
    """Buckets that all processes share; asking them may fail with an ``OSError``."""

    async def take(self, tenant: str, per_minute: int, kind: Kind = "requests", count: int = 1) -> Taken:
        """As ``Buckets.take``."""

    async def close(self) -> None:
        """Let go of connections."""


class RedisBuckets:
    """Buckets in Redis, one key a tenant and kind that expires when its bucket is full. One script call a request.

    Homes may share a Redis: ``home``, a home's identity, tells their tenants apart.
    """

    def __init__(self, url: str, home: str) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._redis = Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._prefix = f"groundwork:{home}"
        self._script = self._redis.register_script(_SCRIPT)

    async def take(self, tenant: str, per_minute: int, kind: Kind = "requests", count: int = 1) -> Taken:
        """As ``Buckets.take``.

        Raises:
            OSError: Redis is lost, does not answer in time, or answers nonsense.
        """
        from redis.exceptions import RedisError

        try:
            key = f"{self._prefix}:{_REDIS_NAMES[kind]}:{tenant}"
            wait, full_in = await self._script(keys=[key], args=[MINUTE_SECONDS / per_minute, count])
            return Taken(float(wait), float(full_in))
        except RedisError as error:
            raise ConnectionError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Let go of connections."""
        await self._redis.aclose()


class RateLimiter:
    """Admits a tenant's requests or says when to come back. Without Redis, or while it is lost, each process counts."""

    def __init__(self, shared: SharedBuckets | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared = shared
        self._own = Buckets(clock)
        self._breaker = CircuitBreaker(REDIS_PAUSES, clock)

    async def admit(
        self,
        tenant: str,
        per_minute: int | None,
        kind: Kind = "requests",
        count: int = 1,
        told: Callable[[RateState], None] = lambda state: None,
        *,
        counted: int = 0,
    ) -> None:
        """Count requests of ``tenant``; ``None`` is unlimited and costs nothing. Never fails because of Redis.

        Each kind may come ``per_minute`` times a minute: feedback takes nothing from other requests, nor they from it.
        ``told`` is told how the tenant stands, also where it is refused. Of what comes at once, ``count`` are to be
        counted beside those that are ``counted`` already.

        Raises:
            RateLimited: the tenant's bucket holds less.
            InvalidInput: the tenant's bucket never holds as much.
        """
        if per_minute is None or count < 1:
            return
        if (all_at_once := count + counted) > per_minute:
            raise InvalidInput(
                f"{all_at_once} {_NOUNS[kind]} at once are more than tenant {tenant!r} may send in a minute,"
                f" {per_minute:,}: send fewer at a time."
            )
        taken = await self._take(tenant, per_minute, kind, count)
        told(RateState.after(kind, per_minute, taken))
        if taken.wait_seconds > 0:
            retry_after_seconds = math.ceil(taken.wait_seconds - _TINY)
            raise RateLimited(
                f"Tenant {tenant!r} may send {per_minute:,} {_NOUNS[kind]} a minute and has used them up: the next is"
                f" admitted in {retry_after_seconds} s.",
                retry_after_seconds=max(1, retry_after_seconds),
            )

    async def _take(self, tenant: str, per_minute: int, kind: Kind, count: int) -> Taken:
        if self._shared is not None and self._breaker.may_ask():
            try:
                taken = await self._shared.take(tenant, per_minute, kind, count)
            except OSError as error:
                if self._breaker.failed():
                    logger.warning("limits.redis_lost", extra={"fields": {"reason": str(error)}})
            else:
                if self._breaker.succeeded():
                    logger.info("limits.redis_back")
                return taken
        return self._own.take(tenant, per_minute, kind, count)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._shared is not None:
            await self._shared.close()


def limiter_for(redis_url: str | None, home: str) -> RateLimiter:
    """The limiter of a process of the home with that identity, over Redis if there is one; it connects to nothing."""
    return RateLimiter(RedisBuckets(redis_url, home) if redis_url else None)
