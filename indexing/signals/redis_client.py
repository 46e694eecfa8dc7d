"""How processes reach Redis: a client that tries once and gives up in time, and how long a lost Redis is left alone."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from indexing.errors import InvalidInput


def redis_client(url: str, timeout_seconds: float) -> Redis:
    """A client that waits so long for a connection, and so long for each answer; it connects to nothing yet.

    Raises:
        InvalidInput: the address has an option that is not understood; the message does not hold the address.
    """
    try:
        client = Redis.from_url(
            url, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds, retry=Retry(NoBackoff(), 0)
        )
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # is where options that the address invents are refused
    except (ValueError, TypeError):  # the message may hold the address
        raise InvalidInput("GROUNDWORK_REDIS_URL has an option that is not understood: correct it.") from None
    return client
