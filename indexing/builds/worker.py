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
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from celery import Celery
from celery.signals import worker_process_init
from kombu.exceptions import OperationalError

from indexing.builds.leases import Leases, queue_of
from indexing.catalogue.jobs import record_block, require_not_cancelled
from indexing.errors import ArtefactMissing, BuildCancelled, BuildFailed
from indexing.settings import Settings
from indexing.storage.local import LocalStorage, Storage
from indexing.telemetry import configure_logging

if TYPE_CHECKING:
    from indexing.builds.tasks import Block, Workshop
    from indexing.catalogue.database import Catalogue

logger = logging.getLogger(__name__)

QUEUES = {"embed": "embedding", "shard": "indexing"}
"""Which queue a kind of block goes to."""
TASK = "groundwork.do_block"
MAX_FAILURES = 3
"""Failures of one block that fail the build."""
MAX_LOSSES = 10
"""Workers that one block may lose before it is taken for what kills them."""
WINDOWS = {"embed": 64, "shard": 4}
"""Blocks handed out and not yet done, by kind: bounds the inputs on disk, and what a lost Redis makes send again."""
MEMORY_FACTOR = 2
"""How often ``memory_mb`` a block may take before it fails; a process beyond ``memory_mb`` is replaced after it."""
_POLL_SECONDS = 0.05
_QUIET_SECONDS = 1.0
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
        leases = Leases(self._settings, storage)
        fields = {"job": job, "block": name}
        failure: Exception | None = None
        with leases.hold(job, name) as is_ours:
            if not is_ours:
                return
            try:
                if self._do(storage, work_kind(job), name):
                    logger.info("worker.block_done", extra={"fields": fields | {"pid": os.getpid()}})
            except ArtefactMissing as error:
                if storage.exists(work_kind(job), name):  # else withdrawn: done by another, or the job was cancelled
                    failure = error
            except MemoryError:
                failure = MemoryError(_beyond_memory())
            except Exception as error:  # whatever it is, the build command must hear of it
                logger.exception("worker.block_failed", extra={"fields": fields})
                failure = error.with_traceback(None)
            if isinstance(failure, MemoryError):  # only now, when what filled the memory is gone
                logger.error("worker.block_failed", extra={"fields": fields | {"error": str(failure)}})
            if failure is not None:
                leases.report_failure(job, name, failure)

    def _do(self, storage: Storage, kind: str, name: str) -> bool:
        from indexing.builds.tasks import Workshop, load_block  # slow at first, so the lease comes before it

        if self._workshop is None:
            self._workshop = Workshop(storage, sessions=1)
        return self._workshop.do(load_block(storage, kind, name))


def limit_memory(megabytes: int) -> None:
    """Let this process have no more data than that: what asks for more gets a ``MemoryError``."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = megabytes << 20 if most == resource.RLIM_INFINITY else min(megabytes << 20, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _beyond_memory() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return f"it needs more than the {limit >> 20} MB that a worker's process may take, {MEMORY_FACTOR} x --memory-mb"


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


def _has_room(outstanding: Mapping[str, _Outstanding]) -> bool:
    return len(outstanding) < min((WINDOWS[entry.block.kind] for entry in outstanding.values()), default=1)


class WorkerExecutor:
    """Hands blocks to workers and waits for their outputs. See ``indexing.builds.tasks.Executor``."""

    def __init__(
        self,
        settings: Settings,
        catalogue: "Catalogue",
        workshop: "Workshop",
        job: int,
        on_wait: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Work on ``job``; ``on_wait`` is told when it seems that nobody serves a queue."""
        self._on_wait = on_wait
        self._catalogue = catalogue
        self._workshop = workshop
        self._storage = LocalStorage(settings.home)
        self._job = job
        self._leases = Leases(settings, self._storage)
        self._queues = {kind: queue_of(self._storage, name) for kind, name in QUEUES.items()}
        self._celery = make_celery(settings)
        self._idle_since: float | None = None

    def run(self, blocks: Iterable["Block"]) -> Iterator["Block"]:
        """See ``Executor``; a shard's block comes back without its documents.

        Raises:
            BuildFailed: a block cannot be done, by name.
            BuildCancelled: somebody cancelled the job.
        """
        source = iter(blocks)
        open_: dict[str, _Outstanding] = {}
        exhausted = False
        self._idle_since = time.monotonic()
        while True:
            while not exhausted and _has_room(open_):
                block = next(source, None)
                exhausted = block is None
                if block is not None:
                    name, kept = self._save(block)
                    open_[name] = _Outstanding(kept)
            if not open_:
                return
            for name, entry in list(open_.items()):
                if self._workshop.is_done(entry.block):
                    del open_[name]
                    self._withdraw(name, entry)
                    self._idle_since = time.monotonic()
                    yield entry.block
            try:
                require_not_cancelled(self._catalogue, self._job)
            except BuildCancelled:
                self._withdraw_all()
                raise
            try:
                self._look_after(open_)
            except (redis.RedisError, OperationalError) as error:
                logger.warning("build.redis_lost", extra={"fields": {"error": str(error)}})
                time.sleep(_QUIET_SECONDS)
            time.sleep(_POLL_SECONDS)

    def _save(self, block: "Block") -> tuple[str, "Block"]:
        from indexing.builds.tasks import save_block, without_documents

        return save_block(self._storage, work_kind(self._job), block), without_documents(block)

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
            self._look_for_workers(outstanding)
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

    def _look_for_workers(self, outstanding: Mapping[str, _Outstanding]) -> None:
        if any(self._leases.is_held(name) for name in outstanding):
            self._idle_since = time.monotonic()
            return
        for queue in sorted({QUEUES[entry.block.kind] for entry in outstanding.values()}):
            self._on_wait(
                f"Nobody has taken a block of the queue '{queue}' for {_IDLE_SECONDS:g} s: is a worker with this"
                f" GROUNDWORK_HOME running that serves it? Start one with 'groundwork worker --queues {queue}'."
            )
        self._idle_since = None  # said once, until a block is done

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
        self._celery.send_task(TASK, args=[self._job, name], queue=self._queues[entry.block.kind])
        entry.sent_at, entry.missing_since = time.monotonic(), None


def run_worker(settings: Settings, *, concurrency: int, queues: list[str], memory_mb: int) -> None:
    """Serve blocks until told to stop: ``concurrency`` forked children, each replaced once it exceeds ``memory_mb``.

    A block that needs more than ``MEMORY_FACTOR`` times that fails, and the host is not taken down.

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
    storage = LocalStorage(settings.home)

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator] # celery carries no types
    def bound(**_: object) -> None:
        limit_memory(MEMORY_FACTOR * memory_mb)

    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            f"--concurrency={concurrency}",
            f"--queues={','.join(queue_of(storage, name) for name in queues)}",
            f"--loglevel={settings.log_level}",
            f"--hostname=groundwork-{os.getpid()}@%h",
            "--without-gossip",
            "--without-mingle",
        ]
    )
