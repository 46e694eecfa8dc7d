"""The worker door: Celery over Redis. The queue is a hint, the files are the truth.

A worker needs Redis and the artefact store, never the catalogue. While it does a block it holds a *lease*, a Redis
key that expires unless renewed. The build command enqueues again whatever has neither output nor lease, so a killed
worker, a lost message and a Redis that forgot everything all end the same way: the block is done once more by somebody
else.

Nothing here imports faiss, numpy or ONNX Runtime before the pool has forked: a child that inherits their threads may
hang.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import LockError
from redis.lock import Lock

from indexing.errors import ArtefactMissing, BuildCancelled, BuildFailed
from indexing.jobs import read_job, record_block
from indexing.settings import Settings
from indexing.storage import LocalStorage
from indexing.telemetry import configure_logging

if TYPE_CHECKING:
    from indexing.catalogue import Catalogue
    from indexing.work import Block, Workshop

logger = logging.getLogger(__name__)

QUEUES = {"embed": "embedding", "shard": "indexing"}
"""Which queue a kind of block goes to."""
TASK = "groundwork.do_block"
MAX_FAILURES = 3
"""Failures of one block that fail the build."""
MAX_LOSSES = 10
"""Workers that one block may lose before it is taken for what kills them."""
WINDOW = 64
"""Blocks handed out and not yet done; bounds memory and what a lost Redis makes send again."""
_POLL_SECONDS = 0.05
_QUIET_SECONDS = 1.0
_RENEW_SECONDS = 0.5
_IDLE_SECONDS = 10.0


def work_kind(job: int) -> str:
    """The kind of the artefacts that hold the inputs of a job's blocks."""
    return f"work/{job}"


def make_celery(settings: Settings) -> Celery:
    """The Celery application of this installation; making it connects to nothing."""
    app = Celery("groundwork", broker=settings.redis_url)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        # A lost worker's message comes back only after the visibility timeout; leases make that unimportant.
        broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True},
        task_publish_retry=False,
        task_routes={TASK: {"queue": QUEUES["embed"]}},
    )
    state = _WorkerState(settings)

    @app.task(name=TASK)  # type: ignore[untyped-decorator] # celery carries no types
    def do_block(job: int, name: str) -> None:
        state.do(job, name)

    return app


class _WorkerState:
    """What one pool child keeps between tasks; made in the parent, filled in the child."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workshop: Workshop | None = None

    def do(self, job: int, name: str) -> None:
        """Do one block unless it is done, withdrawn or in other hands; report a failure to the build command."""
        storage = LocalStorage(self._settings.home)
        leases = Leases(self._settings)
        with leases.hold(job, name) as is_ours:
            if not is_ours:
                return
            from indexing.work import Workshop, load_block  # slow at first, so the lease comes before it

            if self._workshop is None:
                self._workshop = Workshop(storage, sessions=1)
            try:
                block = load_block(storage, work_kind(job), name)
                if self._workshop.do(block):
                    logger.info("worker.block_done", extra={"fields": {"job": job, "block": name, "pid": os.getpid()}})
            except ArtefactMissing as error:
                if not storage.exists(work_kind(job), name):
                    return  # withdrawn: done by somebody else, or the job was cancelled
                leases.report_failure(job, name, error)
            except Exception as error:  # whatever it is, the build command must hear of it
                logger.exception("worker.block_failed", extra={"fields": {"job": job, "block": name}})
                leases.report_failure(job, name, error)


class Leases:
    """Who is doing which block, and what failed: a few keys in Redis that may be lost at any moment."""

    def __init__(self, settings: Settings) -> None:
        self._redis = redis.Redis.from_url(settings.redis_url or "", socket_timeout=5, decode_responses=True)
        self._seconds = settings.lease_seconds

    @contextmanager
    def hold(self, job: int, name: str) -> Iterator[bool]:
        """Hold the lease of a job's block for the block of code, renewing it; gives whether it could be had.

        Without Redis the work is done all the same: doing it twice costs time and harms nothing.
        """
        stop = threading.Event()
        lease = self._redis.lock(f"groundwork:lease:{name}", timeout=self._seconds, thread_local=False)
        try:
            is_ours = lease.acquire(blocking=False)
            if is_ours:
                self._redis.hincrby(f"groundwork:takes:{job}", name)
                self._redis.expire(f"groundwork:takes:{job}", 86_400)
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
                    lease.acquire(blocking=False)

    def is_held(self, name: str) -> bool:
        """Whether somebody is doing the block."""
        return bool(self._redis.exists(f"groundwork:lease:{name}"))

    def held(self) -> list[str]:
        """The blocks that somebody is doing, sorted."""
        prefix = "groundwork:lease:"
        return sorted(str(key).removeprefix(prefix) for key in self._redis.scan_iter(f"{prefix}*"))

    def takes(self, job: int) -> dict[str, int]:
        """How often each block of a job was taken in hand, as far as Redis remembers."""
        return {str(name): int(count) for name, count in self._redis.hgetall(f"groundwork:takes:{job}").items()}

    def waiting(self, queue: str) -> int:
        """How many messages nobody has taken from a queue yet."""
        return int(self._redis.llen(queue))

    def report_failure(self, job: int, name: str, error: Exception) -> None:
        """Tell the build command that a block failed; without Redis it only sees that nothing came."""
        try:
            self._redis.hset(f"groundwork:failures:{job}", name, f"{type(error).__name__}: {error}")
            self._redis.expire(f"groundwork:failures:{job}", 86_400)
        except redis.RedisError:
            logger.warning("worker.failure_not_reported", extra={"fields": {"block": name, "error": str(error)}})

    def take_failures(self, job: int) -> dict[str, str]:
        """What failed since the last call, by block, with the error."""
        key = f"groundwork:failures:{job}"
        failures = {str(name): str(error) for name, error in self._redis.hgetall(key).items()}
        if failures:
            self._redis.hdel(key, *failures)
        return failures


@dataclass(slots=True)
class _Outstanding:
    """A block that was handed out."""

    block: "Block"
    sent_at: float | None = None
    missing_since: float | None = None
    takes: int = 0
    failures: int = 0
    losses: int = 0
    error: str | None = None


class WorkerExecutor:
    """Hands blocks to workers and waits for their outputs. See ``indexing.work.Executor``."""

    def __init__(
        self,
        settings: Settings,
        catalogue: "Catalogue",
        workshop: "Workshop",
        job: int,
        on_wait: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Work on ``job``; ``on_wait`` is told, once, when it seems that no worker is there."""
        self._on_wait = on_wait
        self._catalogue = catalogue
        self._workshop = workshop
        self._storage = LocalStorage(settings.home)
        self._job = job
        self._leases = Leases(settings)
        self._celery = make_celery(settings)
        self._idle_since: float | None = time.monotonic()

    def run(self, blocks: Iterable["Block"]) -> Iterator["Block"]:
        """See ``Executor``; also raises ``BuildCancelled`` when the job is cancelled."""
        source = iter(blocks)
        open_: dict[str, _Outstanding] = {}
        exhausted = False
        while True:
            while not exhausted and len(open_) < WINDOW:
                block = next(source, None)
                exhausted = block is None
                if block is not None:
                    open_[self._save(block)] = _Outstanding(block)
            if not open_:
                return
            for name, entry in list(open_.items()):
                if self._workshop.is_done(entry.block):
                    del open_[name]
                    self._withdraw(name, entry)
                    self._idle_since = None
                    yield entry.block
            if read_job(self._catalogue, self._job).state == "cancelled":
                self._withdraw_all()
                raise BuildCancelled(f"Job {self._job} was cancelled; what it stored stays for the next build.")
            try:
                self._look_after(open_)
            except (redis.RedisError, OperationalError) as error:
                logger.warning("build.redis_lost", extra={"fields": {"error": str(error)}})
                time.sleep(_QUIET_SECONDS)
            time.sleep(_POLL_SECONDS)

    def _save(self, block: "Block") -> str:
        from indexing.work import save_block

        return save_block(self._storage, work_kind(self._job), block)

    def _withdraw(self, name: str, entry: _Outstanding) -> None:
        self._storage.delete(work_kind(self._job), name)
        attempts = 1 + entry.failures + entry.losses
        record_block(self._catalogue, self._job, name, entry.block.kind, "done", attempts, entry.error)

    def _withdraw_all(self) -> None:
        for name in self._storage.list(work_kind(self._job)):
            self._storage.delete(work_kind(self._job), name)

    def _look_after(self, outstanding: dict[str, _Outstanding]) -> None:
        """Send what was not sent, and send again what failed or was lost."""
        for name, error in self._leases.take_failures(self._job).items():
            if (entry := outstanding.get(name)) is not None:
                self._count_failure(name, entry, error)
        if self._idle_since is not None and time.monotonic() - self._idle_since > _IDLE_SECONDS:
            if not any(self._leases.is_held(name) for name in outstanding):
                self._on_wait("No worker has taken a block yet: is one running? Start one with 'groundwork worker'.")
            self._idle_since = None
        waiting = {queue: self._leases.waiting(queue) for queue in QUEUES.values()}
        takes = self._leases.takes(self._job)
        for name, entry in outstanding.items():
            if entry.sent_at is None:
                self._send(name, entry)
            elif self._is_lost(name, entry, takes.get(name, 0), waiting[QUEUES[entry.block.kind]]):
                # A message that nobody took was lost with Redis, and says nothing about the block.
                entry.losses += takes.get(name, 0) > entry.takes
                entry.takes = takes.get(name, 0)
                if entry.losses >= MAX_LOSSES:
                    self._fail(name, entry, f"{MAX_LOSSES} workers died while doing it")
                self._send(name, entry)

    def _is_lost(self, name: str, entry: _Outstanding, takes: int, waiting: int) -> bool:
        """Whether a block, for a while now, has been neither waiting in its queue nor in anybody's hands, nor done."""
        was_taken = takes > entry.takes
        entry.takes = min(entry.takes, takes)  # Redis may have forgotten
        if (waiting and not was_taken) or self._leases.is_held(name) or self._workshop.is_done(entry.block):
            entry.missing_since = None
            return False
        now = time.monotonic()
        if entry.missing_since is None:
            entry.missing_since = now
        return now - max(entry.missing_since, entry.sent_at or now) >= _QUIET_SECONDS

    def _count_failure(self, name: str, entry: _Outstanding, error: str) -> None:
        entry.failures += 1
        entry.error = error
        entry.sent_at = None
        record_block(
            self._catalogue, self._job, name, entry.block.kind, "failing", entry.failures + entry.losses, error
        )
        if entry.failures >= MAX_FAILURES:
            self._fail(name, entry, error)

    def _fail(self, name: str, entry: _Outstanding, error: str) -> None:
        attempts = entry.failures + entry.losses
        record_block(self._catalogue, self._job, name, entry.block.kind, "failed", attempts, error)
        self._withdraw_all()
        raise BuildFailed(
            f"Block {name} failed {attempts} times, the last time with: {error}. The release in service stays;"
            f" mend the cause and run 'groundwork jobs retry {self._job}'."
        )

    def _send(self, name: str, entry: _Outstanding) -> None:
        self._celery.send_task(TASK, args=[self._job, name], queue=QUEUES[entry.block.kind])
        entry.sent_at, entry.missing_since = time.monotonic(), None


def run_worker(settings: Settings, *, concurrency: int, queues: list[str], memory_mb: int) -> None:
    """Serve blocks until told to stop: ``concurrency`` forked children, each replaced once it exceeds ``memory_mb``.

    Celery runs in a child of this process and is started again when it ends unbidden: losing the broker at the wrong
    moment can end it (kombu 5.7 acknowledges through a connection that is gone).
    """
    configure_logging(settings.log_level)
    child, stopping = 0, threading.Event()

    def stop(number: int, _frame: object) -> None:
        stopping.set()
        if child:
            with suppress(ProcessLookupError):
                os.kill(child, number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping.is_set():
        child = os.fork()
        if child == 0:
            try:
                _serve(settings, concurrency, queues, memory_mb)
            except Exception:  # whatever ended it, the parent starts it again
                logger.exception("worker.ended")
            finally:
                os._exit(1)  # nothing of the parent's call stack may run here
        if stopping.is_set():
            stop(signal.SIGTERM, None)  # the signal came just before the fork
        _, status = os.waitpid(child, 0)
        if not stopping.is_set():
            logger.error("worker.restarted", extra={"fields": {"status": status}})
            time.sleep(_QUIET_SECONDS)


def _serve(settings: Settings, concurrency: int, queues: list[str], memory_mb: int) -> None:
    """Be a Celery worker until told to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    app = make_celery(settings)
    app.conf.worker_max_memory_per_child = memory_mb * 1024
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            f"--concurrency={concurrency}",
            f"--queues={','.join(queues)}",
            f"--loglevel={settings.log_level}",
            f"--hostname=groundwork-{os.getpid()}@%h",
            "--without-gossip",
            "--without-mingle",
        ]
    )
