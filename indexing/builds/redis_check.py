"""Whether Redis answers, asked before anything depends on it, and told in one sentence without its password."""

import time
from collections.abc import Callable

import redis

from indexing.errors import InvalidInput, NotReady
from indexing.redis_client import redis_client
from indexing.settings import Settings

WAIT_SECONDS = 5.0
"""How long a command waits for a Redis that is just being started; a Redis container takes one or two seconds.
Our choice."""
_CONNECT_SECONDS = 2.0
"""How long one try may take: an address without a machine never answers. Our choice."""
_PAUSE_SECONDS = 0.5
"""Pause between two tries to reach Redis. Our choice."""


def require_redis(
    settings: Settings,
    *,
    seconds: float = WAIT_SECONDS,
    on_wait: Callable[[str], None] = lambda message: None,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Go on once the Redis of the settings answers.

    Args:
        settings: With an address of a Redis.
        seconds: How long it is waited for; 0 asks once.
        on_wait: Told once that it is waited for, and why.
        clock: Gives seconds.
        pause: Waits for some.

    Raises:
        NotReady: it does not answer in that time, or refuses us; the message has its host and what to do.
    """
    until = clock() + seconds
    is_told = False
    while (fault := _fault(settings)) is not None:
        reason, may_pass = fault
        if not may_pass or clock() >= until:
            raise NotReady(
                f"Redis at {settings.redis_place} cannot be used ({reason}): start it, correct GROUNDWORK_REDIS_URL, or"
                " unset it to work without Redis."
            )
        if not is_told:
            on_wait(f"Redis at {settings.redis_place} does not answer yet ({reason}): waiting up to {seconds:g} s.")
            is_told = True
        pause(_PAUSE_SECONDS)


def _fault(settings: Settings) -> tuple[str, bool] | None:
    """What keeps Redis from answering, and whether it may pass by itself; ``None`` when it answers."""
    try:
        client = redis_client(settings.redis_url or "", _CONNECT_SECONDS)
    except InvalidInput:
        return "its address has an option that is not understood", False
    try:
        client.ping()
    except redis.AuthenticationError:
        return "it refuses the name or password of the address", False
    except (redis.BusyLoadingError, redis.ConnectionError, redis.TimeoutError) as error:
        return _one_line(error), not isinstance(error, redis.InvalidResponse)
    except redis.RedisError as error:
        return _one_line(error), False
    finally:
        client.close()
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
