"""Handing the tasks of a build to workers: sends, watches leases, sends again what was lost."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from kombu.exceptions import OperationalError

from indexing.builds.leases import Leases, queue_of
from indexing.builds.task_kinds import work_kind
from indexing.builds.worker import QUEUES, QUIET_SECONDS, TASK, make_celery
from indexing.catalogue.jobs import record_task, require_not_cancelled
from indexing.errors import BuildCancelled, BuildFailed
from indexing.settings import Settings
from indexing.storage.store import Storage

if TYPE_CHECKING:
    from indexing.builds.tasks import BuildTask, TaskRunner
    from indexing.catalogue.database import Database

logger = logging.getLogger(__name__)
MAX_FAILURES = 3
"""Failures of one task that fail the build."""
MAX_LOSSES = 10
"""Workers that one task may lose before it is taken for what kills them."""
WINDOWS = {"embed": 64, "shard": 4}
"""Tasks handed out and not yet done, by kind: bounds the inputs on disk, and what a lost Redis makes send again."""
LOST_SECONDS = 60.0
"""How long a build waits for a Redis that was lost: time to start it again, and not for ever."""
_POLL_SECONDS = 0.05
"""How often Redis is asked which tasks are done."""
_IDLE_SECONDS = 10.0
"""How long a queue may go untaken before the person who builds is told."""


@dataclass(slots=True)
class _Outstanding:
    """A task that was handed out."""

    task: "BuildTask"
    sent_at: float | None = None
    missing_since: float | None = None
    takes: int = 0
    failures: int = 0
    losses: int = 0
    error: str | None = None


def _has_room(outstanding: Mapping[str, _Outstanding]) -> bool:
    return len(outstanding) < min((WINDOWS[entry.task.kind] for entry in outstanding.values()), default=1)


class WorkerExecutor:
    """Hands tasks to workers and waits for their outputs. See ``indexing.builds.tasks.Executor``."""

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        catalogue: "Database",
        runner: "TaskRunner",
        job: int,
        on_wait: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Work on ``job``; ``on_wait`` is told when no worker seems to serve a queue."""
        self._on_wait = on_wait
        self._catalogue = catalogue
        self._runner = runner
        self._storage = storage
        self._job = job
        self._leases = Leases(settings, self._storage)
        self._queues = {kind: queue_of(self._storage, name) for kind, name in QUEUES.items()}
        self._celery = make_celery(settings)
        self._redis_place = settings.redis_place
        self._idle_since: float | None = None
        self._lost_since: float | None = None

    def run(self, tasks: Iterable["BuildTask"]) -> Iterator["BuildTask"]:
        """See ``Executor``; a shard's task comes back without its documents.

        Raises:
            BuildFailed: a task cannot be done, by name.
            BuildCancelled: the job was cancelled.
        """
        source = iter(tasks)
        open_: dict[str, _Outstanding] = {}
        exhausted = False
        self._idle_since = time.monotonic()
        while True:
            while not exhausted and _has_room(open_):
                task = next(source, None)
                exhausted = task is None
                if task is not None:
                    name, kept = self._save(task)
                    open_[name] = _Outstanding(kept)
            if not open_:
                return
            for name, entry in list(open_.items()):
                if self._runner.is_done(entry.task):
                    del open_[name]
                    self._withdraw(name, entry)
                    self._idle_since = time.monotonic()
                    yield entry.task
            try:
                require_not_cancelled(self._catalogue, self._job)
            except BuildCancelled:
                self._withdraw_all()
                raise
            try:
                self._look_after(open_)
                self._lost_since = None
            except (redis.RedisError, OperationalError) as error:
                self._bear_loss(error)
                time.sleep(QUIET_SECONDS)
            time.sleep(_POLL_SECONDS)

    def _bear_loss(self, error: Exception) -> None:
        """Say once that Redis is lost, and give up when it does not come back.

        Raises:
            BuildFailed: it has not answered for ``LOST_SECONDS``.
        """
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since = now
            fields = {"redis": self._redis_place, "error": str(error), "gives_up_after_seconds": LOST_SECONDS}
            logger.warning("build.redis_lost", extra={"fields": fields})
        elif now - self._lost_since >= LOST_SECONDS:
            raise BuildFailed(
                f"Redis at {self._redis_place} has not answered for {LOST_SECONDS:g} s: what was stored stays, and the"
                f" release in service too. Start it and run 'groundwork jobs retry {self._job}'."
            ) from error

    def _save(self, task: "BuildTask") -> tuple[str, "BuildTask"]:
        from indexing.builds.tasks import save_task, without_documents

        return save_task(self._storage, work_kind(self._job), task), without_documents(task)

    def _withdraw(self, name: str, entry: _Outstanding) -> None:
        self._storage.delete(work_kind(self._job), name)
        attempts = 1 + entry.failures + entry.losses
        record_task(self._catalogue, self._job, name, entry.task.kind, "done", attempts, entry.error)

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
            elif self._is_lost(name, entry, takes.get(name, 0), waiting[QUEUES[entry.task.kind]]):
                # A message that no worker took was lost with Redis, and says nothing about the task.
                entry.losses += takes.get(name, 0) > entry.takes
                entry.takes = takes.get(name, 0)
                if entry.losses >= MAX_LOSSES:
                    self._fail(name, entry, f"{MAX_LOSSES} workers died while doing it")
                self._send(name, entry)

    def _look_for_workers(self, outstanding: Mapping[str, _Outstanding]) -> None:
        if any(self._leases.is_held(name) for name in outstanding):
            self._idle_since = time.monotonic()
            return
        for queue in sorted({QUEUES[entry.task.kind] for entry in outstanding.values()}):
            self._on_wait(
                f"No worker has taken a task of the queue '{queue}' for {_IDLE_SECONDS:g} s: is one with this"
                f" GROUNDWORK_HOME running that serves it? Start one with 'groundwork worker --queues {queue}'."
            )
        self._idle_since = None  # said once, until a task is done

    def _is_lost(self, name: str, entry: _Outstanding, takes: int, waiting: int) -> bool:
        """Whether a task, for a while now, has been neither waiting in its queue, nor held by a worker, nor done."""
        was_taken = takes > entry.takes
        entry.takes = min(entry.takes, takes)  # Redis may have forgotten
        if (waiting and not was_taken) or self._leases.is_held(name) or self._runner.is_done(entry.task):
            entry.missing_since = None
            return False
        now = time.monotonic()
        if entry.missing_since is None:
            entry.missing_since = now
        return now - max(entry.missing_since, entry.sent_at or now) >= QUIET_SECONDS

    def _count_failure(self, name: str, entry: _Outstanding, error: str) -> None:
        entry.failures += 1
        entry.error = error
        entry.sent_at = None
        record_task(self._catalogue, self._job, name, entry.task.kind, "failing", entry.failures + entry.losses, error)
        if entry.failures >= MAX_FAILURES:
            self._fail(name, entry, error)

    def _fail(self, name: str, entry: _Outstanding, error: str) -> None:
        attempts = entry.failures + entry.losses
        record_task(self._catalogue, self._job, name, entry.task.kind, "failed", attempts, error)
        self._withdraw_all()
        raise BuildFailed(
            f"Task {name} failed {attempts} times, the last time with: {error}. The release in service stays;"
            f" mend the cause and run 'groundwork jobs retry {self._job}'."
        )

    def _send(self, name: str, entry: _Outstanding) -> None:
        self._celery.send_task(TASK, args=[self._job, name], queue=self._queues[entry.task.kind])
        entry.sent_at, entry.missing_since = time.monotonic(), None
