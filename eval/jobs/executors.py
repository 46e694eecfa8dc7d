"""Who searches for evaluations: workers over Celery where Redis is configured, else this process."""

import time
import uuid
from collections.abc import Callable

from eval.experiments.evaluation_task import (
    EvaluationExecutor,
    EvaluationOutput,
    EvaluationTask,
    is_done,
    read_output,
    save_evaluation_task,
    withdraw_evaluation_task,
)
from eval.experiments.task_kind import KIND, QUEUE
from eval.jobs.worker_task import TASK
from indexing.builds.remote_executor import RemoteExecutor
from indexing.errors import ArtefactCorrupt, ArtefactMissing, GroundworkError, InvalidInput, NotReady
from indexing.home import Home

WINDOW = 8
"""Blocks of queries handed out at once: enough for eight processes. Source: our choice."""
_CHECK_SECONDS = 1.0
"""How often it is asked whether the evaluation is still wanted. Our choice."""


class WorkerEvaluationExecutor(RemoteExecutor[EvaluationTask, EvaluationOutput]):
    """Hands blocks of queries to workers of the queue ``evaluation``; see ``EvaluationExecutor``.

    Builds, ``gc`` and ``erase`` delete whatever lies below ``work/``: a block whose input and output are both gone is
    stored again.
    """

    def __init__(
        self,
        home: Home,
        *,
        check: Callable[[], None] = lambda: None,
        on_wait: Callable[[str], None] = lambda message: None,
    ) -> None:
        """``check`` is called now and then, and raises where the evaluation is not wanted any more."""
        super().__init__(
            home.settings,
            home.storage,
            f"evaluation-{uuid.uuid4().hex}",
            celery_task=TASK.name,
            advice="Nothing was kept of this evaluation; mend the cause and evaluate again.",
            on_wait=on_wait,
        )
        self._check, self._checked_at = check, time.monotonic()
        self._handed: dict[str, EvaluationTask] = {}

    def _queue(self, task: EvaluationTask) -> str:
        return QUEUE

    def _window(self, task: EvaluationTask) -> int:
        return WINDOW

    def _save(self, task: EvaluationTask) -> tuple[str, EvaluationTask]:
        name = save_evaluation_task(self._storage, task)
        self._handed[name] = task
        return name, task

    def _is_done(self, task: EvaluationTask) -> bool:
        return is_done(self._storage, task)

    def _collect(self, name: str, task: EvaluationTask) -> EvaluationOutput | None:
        try:
            output = read_output(self._storage, task)
        except (ArtefactMissing, ArtefactCorrupt):
            return None
        withdraw_evaluation_task(self._storage, task)
        del self._handed[name]
        return output

    def _require_input(self, name: str, task: EvaluationTask) -> None:
        if not self._storage.exists(KIND, name) and not is_done(self._storage, task):
            save_evaluation_task(self._storage, task)

    def _withdraw_all(self) -> None:
        while self._handed:
            withdraw_evaluation_task(self._storage, self._handed.popitem()[1])

    def _require_wanted(self) -> None:
        if time.monotonic() - self._checked_at < _CHECK_SECONDS:
            return
        self._checked_at = time.monotonic()
        try:
            self._check()
        except BaseException:
            self._withdraw_all()
            raise

    def _failure(self, message: str) -> GroundworkError:
        self._withdraw_all()
        return NotReady(message)


def workers_of(
    home: Home,
    *,
    check: Callable[[], None] = lambda: None,
    on_wait: Callable[[str], None] = lambda message: None,
) -> EvaluationExecutor:
    """The workers of a home; for evaluations one after another. See ``WorkerEvaluationExecutor``.

    Raises:
        InvalidInput: no Redis is configured.
        NotReady: Redis does not answer.
    """
    from indexing.builds import redis_check

    if home.settings.redis_url is None:
        raise InvalidInput("GROUNDWORK_REDIS_URL is not set: workers need Redis, such as redis://127.0.0.1:6379/0.")
    redis_check.require_redis(home.settings)
    return WorkerEvaluationExecutor(home, check=check, on_wait=on_wait)


def executor_for(
    home: Home,
    *,
    check: Callable[[], None] = lambda: None,
    on_wait: Callable[[str], None] = lambda message: None,
) -> EvaluationExecutor | None:
    """Workers where the home's Redis is configured, ``None`` for this process; else as ``workers_of``."""
    return None if home.settings.redis_url is None else workers_of(home, check=check, on_wait=on_wait)
