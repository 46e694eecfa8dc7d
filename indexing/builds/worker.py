"""Workers: tasks of builds and of other packages, over Celery and Redis. The queue is a hint, the files are the truth.

A worker needs Redis and the artefact store, never the catalogue. While it does a task it holds a *lease*, a Redis
key that expires unless renewed. The build command enqueues again whatever has neither output nor lease, so a killed
worker, a lost message and a Redis that forgot everything all end the same way: the task is done once more by another
worker.

Nothing here imports faiss, numpy or ONNX Runtime before the pool has forked: a child that inherits their threads may
hang.
"""

import logging
import os
import resource
import signal
import threading
import time
from contextlib import suppress

from celery import Celery
from celery.signals import worker_process_init

from indexing.builds.leases import Leases, queue_of
from indexing.builds.task_kinds import DoTask, Job, WorkerTask, entered_tasks, work_kind
from indexing.errors import ArtefactMissing
from indexing.settings import Settings
from indexing.storage.factory import open_storage
from indexing.storage.store import ArtefactKind, Storage
from indexing.telemetry import configure_logging

logger = logging.getLogger(__name__)

QUEUES = {"embed": "embedding", "shard": "indexing"}
"""Which queue a kind of task goes to."""
TASK = "groundwork.do_block"
MEMORY_FACTOR = 2
"""How often ``memory_mb`` a task may take before it fails; a process beyond ``memory_mb`` is replaced after it.
Our choice."""
QUIET_SECONDS = 1.0
"""Pause after Redis was lost; a task counts as lost only after that long without a lease. Our choice."""


def _build_runner(storage: Storage) -> DoTask:
    from indexing.builds.tasks import TaskRunner, load_task

    runner = TaskRunner(storage, sessions=1)
    return lambda kind, name: runner.do(load_task(storage, kind, name))


BUILDS = WorkerTask(TASK, tuple(QUEUES.values()), work_kind, _build_runner)
"""The tasks of builds."""


def every_queue() -> tuple[str, ...]:
    """The queues that workers can serve: those of builds, then those of what other packages enter."""
    return tuple(queue for work in (BUILDS, *entered_tasks()) for queue in work.queues)


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
    for work in (BUILDS, *entered_tasks()):
        app.task(_WorkerState(settings, work).do, name=work.name, shared=False)
    return app


class _WorkerState:
    """What one pool child keeps between tasks; made in the parent, filled in the child."""

    def __init__(self, settings: Settings, work: WorkerTask = BUILDS) -> None:
        self._settings, self._work = settings, work
        self._run: DoTask | None = None

    def do(self, job: Job, name: str) -> None:
        """Do one task unless it is done, withdrawn or in other hands; report a failure to the build command."""
        storage = open_storage(self._settings)
        leases = Leases(self._settings, storage)
        fields = {"job": job, "block": name}
        failure: Exception | None = None
        with leases.hold(job, name) as is_ours:
            if not is_ours:
                return
            try:
                if self._do(storage, self._work.kind(job), name):
                    logger.info("worker.block_done", extra={"fields": fields | {"pid": os.getpid()}})
            except ArtefactMissing as error:
                if storage.exists(
                    self._work.kind(job), name
                ):  # else withdrawn: done by another, or the job was cancelled
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

    def _do(self, storage: Storage, kind: ArtefactKind, name: str) -> bool:
        if self._run is None:
            self._run = self._work.runner(storage)  # slow, so the lease comes before it
        return self._run(kind, name)


def limit_memory(megabytes: int) -> None:
    """Let this process have no more data than that: what asks for more gets a ``MemoryError``."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = megabytes << 20 if most == resource.RLIM_INFINITY else min(megabytes << 20, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _beyond_memory() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return f"it needs more than the {limit >> 20} MB that a worker's process may take, {MEMORY_FACTOR} x --memory-mb"


def run_worker(settings: Settings, *, concurrency: int, queues: list[str], memory_mb: int) -> None:
    """Serve tasks until told to stop: ``concurrency`` forked children, each replaced once it exceeds ``memory_mb``.

    A task that needs more than ``MEMORY_FACTOR`` times that fails, and the host is not taken down.

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
            time.sleep(QUIET_SECONDS)


def _serve(settings: Settings, concurrency: int, queues: list[str], memory_mb: int) -> None:
    """Be a Celery worker until told to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    app = make_celery(settings)
    app.conf.worker_max_memory_per_child = memory_mb * 1024
    storage = open_storage(settings)

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
