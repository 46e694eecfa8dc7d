"""Leases: who does which task of a job, and what failed, in a few keys of Redis that may be lost at any moment.

All keys, and the names of the queues, begin with the identity of the artefact store: homes that share a Redis never
see each other.
"""

import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from indexing.builds.task_kinds import Job
from indexing.settings import Settings
from indexing.storage.store import Storage

logger = logging.getLogger(__name__)

_KEPT_SECONDS = 86_400
"""How long Redis keeps what it counts of a job: a day. Our choice."""
_RENEW_SECONDS = 0.5
"""A worker renews its lease at least this often. Our choice."""


def queue_of(storage: Storage, name: str) -> str:
    """What a queue of a store's builds, such as ``embedding``, is called in Redis."""
    return f"{_prefix(storage)}:{name}"


def _prefix(storage: Storage) -> str:
    return f"groundwork:{storage.identity()}"


class Leases:
    """The leases of the tasks of one store's builds. Safe to share between threads."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        """Through the Redis of the settings; this connects to nothing."""
        self._redis = redis.Redis.from_url(settings.redis_url or "", socket_timeout=5, decode_responses=True)
        self._seconds = settings.lease_seconds
        self._prefix = _prefix(storage)
        self._holder = f"{socket.gethostname()}:{os.getpid()}"  # for people who look into Redis

    @contextmanager
    def hold(self, job: Job, name: str) -> Iterator[bool]:
        """Hold the lease of a job's task for the block of code, renewing it; gives whether it could be had.

        Without Redis the work is done all the same: doing it twice costs time and harms nothing.
        """
        stop = threading.Event()
        lease = self._redis.lock(f"{self._prefix}:lease:{name}", timeout=self._seconds, thread_local=False)
        try:
            is_ours = lease.acquire(blocking=False, token=self._holder)
            if is_ours:
                self._redis.hincrby(f"{self._prefix}:takes:{job}", name)
                self._redis.expire(f"{self._prefix}:takes:{job}", _KEPT_SECONDS)
        except redis.RedisError:
            is_ours = True
        if not is_ours:
            yield False
            return
        renewer = threading.Thread(target=self._renew, args=(lease, stop), daemon=True)
        renewer.start()
        try:
            yield True
        finally:
            stop.set()
            renewer.join()
            try:
                lease.release()
            except redis.RedisError as error:
                fields = {"block": name, "reason": str(error)}
                logger.warning("worker.lease_not_released", extra={"fields": fields})

    def _renew(self, lease: Lock, stop: threading.Event) -> None:
        while not stop.wait(min(self._seconds / 3, _RENEW_SECONDS)):
            with suppress(redis.RedisError):  # it may be back before the next turn
                try:
                    lease.reacquire()
                except LockError:  # a Redis that forgot everything forgot this, too
                    lease.acquire(blocking=False, token=self._holder)

    def is_held(self, name: str) -> bool:
        """Whether a worker is doing the task."""
        return bool(self._redis.exists(f"{self._prefix}:lease:{name}"))

    def held(self) -> list[str]:
        """The tasks that workers are doing, sorted."""
        prefix = f"{self._prefix}:lease:"
        return sorted(str(key).removeprefix(prefix) for key in self._redis.scan_iter(f"{prefix}*"))

    def takes(self, job: Job) -> dict[str, int]:
        """How often each task of a job was taken in hand, as far as Redis remembers."""
        return {str(name): int(count) for name, count in self._redis.hgetall(f"{self._prefix}:takes:{job}").items()}

    def waiting(self, queue: str) -> int:
        """How many messages wait in a queue."""
        return int(self._redis.llen(f"{self._prefix}:{queue}"))

    def report_failure(self, job: Job, name: str, error: Exception) -> None:
        """Tell the build command that a task failed; without Redis it only sees that nothing came."""
        try:
            self._redis.hset(f"{self._prefix}:failures:{job}", name, f"{type(error).__name__}: {error}")
            self._redis.expire(f"{self._prefix}:failures:{job}", _KEPT_SECONDS)
        except redis.RedisError:
            logger.warning("worker.failure_not_reported", extra={"fields": {"block": name, "error": str(error)}})

    def take_failures(self, job: Job) -> dict[str, str]:
        """What failed since the last call, by task, with the error."""
        key = f"{self._prefix}:failures:{job}"
        failures = {str(name): str(error) for name, error in self._redis.hgetall(key).items()}
        if failures:
            self._redis.hdel(key, *failures)
        return failures
