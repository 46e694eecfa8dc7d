"""Handing tasks to workers: sends, watches leases, sends again what was lost. Builds do it, and other jobs alike."""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import redis
from kombu.exceptions import OperationalError

from indexing.builds.leases import Leases, queue_of
from indexing.builds.task_kinds import Job, work_kind
from indexing.builds.worker import QUEUES, QUIET_SECONDS, TASK, make_celery
from indexing.catalogue.jobs import record_task, require_not_cancelled
from indexing.errors import BuildCancelled, BuildFailed, GroundworkError
from indexing.settings import Settings
from indexing.storage.store import Storage

if TYPE_CHECKING:
    from indexing.builds.tasks import BuildTask, TaskRunner
    from indexing.catalogue.database import Database

logger = logging.getLogger(__name__)
MAX_FAILURES = 3
"""Failures of one task that fail its job. Our choice."""
MAX_LOSSES = 10
"""Workers that one task may lose before it is taken for what kills them. Our choice."""
WINDOWS = {"embed": 64, "shard": 4}
"""Tasks handed out and not yet done, by kind: bounds the inputs on disk, and what a lost Redis makes send again."""
LOST_SECONDS = 60.0
"""How long a job waits for a Redis that was lost: time to start it again, and not for ever. Our choice."""
_POLL_SECONDS = 0.05
"""How often Redis is asked which tasks are done. Our choice."""
_IDLE_SECONDS = 10.0
"""How long a queue may go untaken before the person who waits is told. Our choice."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Outstanding(Generic[T]):
    """A task that was handed out."""

    task: T
    sent_at: float | None = None
    missing_since: float | None = None
    takes: int = 0
    failures: int = 0
    losses: int = 0
    error: str | None = None

    @property
    def attempts(self) -> int:
        """How often it failed or was lost."""
        return self.failures + self.losses


class RemoteExecutor(ABC, Generic[T, R]):
    """Hands tasks to workers and gives what each made. What kind of tasks they are, its subclasses say.

    The files are the truth: a task is done when its output is there, and sent again when it is neither done, nor
    waiting, nor held; so a killed worker, a lost message and a Redis that forgot everything end the same way.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        job: Job,
        *,
        celery_task: str,
        advice: str,
        on_wait: Callable[[str], None] = lambda message: None,
    ) -> None:
        """Work on ``job``, by the workers' Celery task of that name.

        ``advice`` ends the message of a job that fails; ``on_wait`` is told when no worker seems to serve a queue.
        """
        self._on_wait = on_wait
        self._storage = storage
        self._job = job
        self._leases = Leases(settings, storage)
        self._celery = make_celery(settings)
        self._celery_task, self._advice = celery_task, advice
        self._redis_place = settings.redis_place
        self._idle_since: float | None = None
        self._lost_since: float | None = None

    # What subclasses say of their tasks.

    @abstractmethod
    def _queue(self, task: T) -> str:
        """Which queue it waits in."""

    @abstractmethod
    def _window(self, task: T) -> int:
        """How many such tasks may be handed out at once."""

    @abstractmethod
    def _save(self, task: T) -> tuple[str, T]:
        """Store its input; gives its name, and what is kept of it here."""

    @abstractmethod
    def _is_done(self, task: T) -> bool:
        """Whether its output is there whole."""

    @abstractmethod
    def _collect(self, name: str, task: T) -> R | None:
        """What a task that is done made, its input taken back; ``None`` where that is gone again: it is redone."""

    def _require_input(self, name: str, task: T) -> None:
        """Store the input again where something else removed it."""

    @abstractmethod
    def _withdraw_all(self) -> None:
        """Take every input back."""

    @abstractmethod
    def _require_wanted(self) -> None:
        """Go on, or take every input back and raise, where the job was cancelled."""

    def _record(self, name: str, task: T, state: str, attempts: int, error: str | None) -> None:
        """Write down how a task stands."""

    @abstractmethod
    def _failure(self, message: str) -> GroundworkError:
        """The error of a job that fails."""

    def run(self, tasks: Iterable[T]) -> Iterator[R]:
        """Have tasks done, reading ahead only a little, and give what each made when it is done, in any order.

        Raises:
            GroundworkError: a task cannot be done, by name, or Redis stays lost.
        """
        source = iter(tasks)
        open_: dict[str, _Outstanding[T]] = {}
        exhausted = False
        self._idle_since = time.monotonic()
        while True:
            while not exhausted and self._has_room(open_):
                task = next(source, None)
                exhausted = task is None
                if task is not None:
                    name, kept = self._save(task)
                    open_[name] = _Outstanding(kept)
            if not open_:
                return
            yield from self._collected(open_)
            self._require_wanted()
            try:
                self._look_after(open_)
                self._lost_since = None
            except (redis.RedisError, OperationalError) as error:
                self._bear_loss(error)
                time.sleep(QUIET_SECONDS)
            time.sleep(_POLL_SECONDS)

    def _has_room(self, outstanding: Mapping[str, _Outstanding[T]]) -> bool:
        return len(outstanding) < min((self._window(entry.task) for entry in outstanding.values()), default=1)

    def _collected(self, open_: dict[str, _Outstanding[T]]) -> Iterator[R]:
        for name, entry in list(open_.items()):
            if not self._is_done(entry.task):
                continue
            found = self._collect(name, entry.task)
            if found is None:
                continue
            del open_[name]
            self._record(name, entry.task, "done", 1 + entry.attempts, entry.error)
            self._idle_since = time.monotonic()
            yield found

    def _bear_loss(self, error: Exception) -> None:
        """Say once that Redis is lost, and give up when it does not come back.

        Raises:
            GroundworkError: it has not answered for ``LOST_SECONDS``.
        """
        now = time.monotonic()
        if self._lost_since is None:
            self._lost_since = now
            fields = {"redis": self._redis_place, "error": str(error), "gives_up_after_seconds": LOST_SECONDS}
            logger.warning("build.redis_lost", extra={"fields": fields})
        elif now - self._lost_since >= LOST_SECONDS:
            raise self._failure(
                f"Redis at {self._redis_place} has not answered for {LOST_SECONDS:g} s; what was stored stays."
                f" Start it. {self._advice}"
            ) from error

    def _look_after(self, outstanding: dict[str, _Outstanding[T]]) -> None:
        """Send what was not sent, and send again what failed or was lost."""
        for name, error in self._leases.take_failures(self._job).items():
            if (entry := outstanding.get(name)) is not None:
                self._count_failure(name, entry, error)
        if self._idle_since is not None and time.monotonic() - self._idle_since > _IDLE_SECONDS:
            self._look_for_workers(outstanding)
        queues = {self._queue(entry.task) for entry in outstanding.values()}
        waiting = {queue: self._leases.waiting(queue) for queue in queues}
        takes = self._leases.takes(self._job)
        for name, entry in outstanding.items():
            self._require_input(name, entry.task)
            if entry.sent_at is None:
                self._send(name, entry)
            elif self._is_lost(name, entry, takes.get(name, 0), waiting[self._queue(entry.task)]):
                # A message that no worker took was lost with Redis, and says nothing about the task.
                entry.losses += takes.get(name, 0) > entry.takes
                entry.takes = takes.get(name, 0)
                if entry.losses >= MAX_LOSSES:
                    self._fail(name, entry, f"{MAX_LOSSES} workers died while doing it")
                self._send(name, entry)

    def _look_for_workers(self, outstanding: Mapping[str, _Outstanding[T]]) -> None:
        if any(self._leases.is_held(name) for name in outstanding):
            self._idle_since = time.monotonic()
            return
        for queue in sorted({self._queue(entry.task) for entry in outstanding.values()}):
            self._on_wait(
                f"No worker has taken a task of the queue '{queue}' for {_IDLE_SECONDS:g} s: is one with this"
                f" GROUNDWORK_HOME running that serves it? Start one with 'groundwork worker --queues {queue}'."
            )
        self._idle_since = None  # said once, until a task is done

    def _is_lost(self, name: str, entry: _Outstanding[T], takes: int, waiting: int) -> bool:
        """Whether a task, for a while now, has been neither waiting in its queue, nor held by a worker, nor done."""
        was_taken = takes > entry.takes
        entry.takes = min(entry.takes, takes)  # Redis may have forgotten
        if (waiting and not was_taken) or self._leases.is_held(name) or self._is_done(entry.task):
            entry.missing_since = None
            return False
        now = time.monotonic()
        if entry.missing_since is None:
            entry.missing_since = now
        return now - max(entry.missing_since, entry.sent_at or now) >= QUIET_SECONDS

    def _count_failure(self, name: str, entry: _Outstanding[T], error: str) -> None:
        entry.failures += 1
        entry.error = error
        entry.sent_at = None
        self._record(name, entry.task, "failing", entry.attempts, error)
        if entry.failures >= MAX_FAILURES:
            self._fail(name, entry, error)

    def _fail(self, name: str, entry: _Outstanding[T], error: str) -> None:
        self._record(name, entry.task, "failed", entry.attempts, error)
        self._withdraw_all()
        raise self._failure(f"Task {name} failed {entry.attempts} times, the last time with: {error}. {self._advice}")

    def _send(self, name: str, entry: _Outstanding[T]) -> None:
        queue = queue_of(self._storage, self._queue(entry.task))
        self._celery.send_task(self._celery_task, args=[self._job, name], queue=queue)
        entry.sent_at, entry.missing_since = time.monotonic(), None


class WorkerExecutor(RemoteExecutor["BuildTask", "BuildTask"]):
    """Hands the tasks of a build to workers. See ``indexing.builds.tasks.Executor``.

    ``run`` raises ``BuildFailed`` where a task cannot be done and ``BuildCancelled`` where the job was cancelled; a
    shard's task comes back without its documents.
    """

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
        advice = f"The release in service stays; mend the cause and run 'groundwork jobs retry {job}'."
        super().__init__(settings, storage, job, celery_task=TASK, advice=advice, on_wait=on_wait)
        self._catalogue, self._runner, self._build = catalogue, runner, job

    def _queue(self, task: "BuildTask") -> str:
        return QUEUES[task.kind]

    def _window(self, task: "BuildTask") -> int:
        return WINDOWS[task.kind]

    def _save(self, task: "BuildTask") -> tuple[str, "BuildTask"]:
        from indexing.builds.tasks import save_task, without_documents

        return save_task(self._storage, work_kind(self._job), task), without_documents(task)

    def _is_done(self, task: "BuildTask") -> bool:
        return self._runner.is_done(task)

    def _collect(self, name: str, task: "BuildTask") -> "BuildTask":
        self._storage.delete(work_kind(self._job), name)
        return task

    def _withdraw_all(self) -> None:
        for name in self._storage.list(work_kind(self._job)):
            self._storage.delete(work_kind(self._job), name)

    def _require_wanted(self) -> None:
        try:
            require_not_cancelled(self._catalogue, self._build)
        except BuildCancelled:
            self._withdraw_all()
            raise

    def _record(self, name: str, task: "BuildTask", state: str, attempts: int, error: str | None) -> None:
        record_task(self._catalogue, self._build, name, task.kind, state, attempts, error)

    def _failure(self, message: str) -> BuildFailed:
        return BuildFailed(message)
