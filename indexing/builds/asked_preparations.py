"""Preparations that operators asked for over HTTP, run by a builder, one at a time."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from indexing.builds.context import BuildContext, Progress
from indexing.builds.preparation import estimate, prepare
from indexing.builds.tasks import BuildTask, Executor
from indexing.catalogue.preparations import (
    Preparation,
    begin_preparation,
    end_preparation,
    note_cost,
    note_job,
    note_progress,
    open_preparations,
    put_back_preparation,
)
from indexing.errors import (
    AlreadyRunning,
    BuildCancelled,
    BuildFailed,
    CatalogueBusy,
    CatalogueUnavailable,
    GroundworkError,
    NotReady,
    RolloutConflict,
    StorageFailed,
    StorageFull,
)
from indexing.home import Home
from indexing.releases.preparable import require_preparable
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release
from indexing.releases.rollouts import Rollout
from indexing.storage.store import BUILD_LOCK

logger = logging.getLogger(__name__)
LOCK = "preparation"
"""Held while one is run, so that another builder does not begin it, and a killed one's is begun again."""
MAX_ATTEMPTS = 3
"""Builders that end, and builds that fail, one after another and without progress, after which a preparation fails.
Source: our choice."""
WORK_SECONDS = 60.0
"""How long one makes progress before it yields to what is wanted more: what is planned is planned again then. Source:
our choice; writes that wait for a build wait so much longer, and until what is planned, estimated or checked is."""
NOTE_SECONDS = 1.0
"""How often it is written down how far one is. Source: our choice; each is a commit, which a disk takes 7 ms for."""
_PASSING = (NotReady, StorageFull, StorageFailed, CatalogueBusy, CatalogueUnavailable)
"""What is no fault of the preparation, and passes when the cause is mended."""
_DURABLE_STAGES = ("passages", "features")
"""The stages of a build, beside its tasks, of which nothing is done twice."""

_DOES_NOT_FIT = (
    " Where there is no room for it, cancel it ('groundwork jobs cancel p{}'), then run 'groundwork gc --yes'."
)
"""What it says of a full disk besides: what it has computed is kept as long as it waits."""


class Preempted(BuildCancelled):
    """Something else is to be done first; the preparation waits for that, and goes on where it stopped."""


def run_next_preparation(
    home: Home,
    context_of: Callable[[Recipe, Progress], BuildContext],
    must_yield: Callable[[float], bool] = lambda worked_seconds: False,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Run the next preparation that is asked for; gives whether there was one that could be run now.

    What becomes of it is written down with it, an unforeseen error, too: that is about this preparation, and other
    builds must go on.

    Args:
        home: Where it was asked for.
        context_of: What builds a recipe, and tells how far it is.
        must_yield: Asked, with the seconds since its first progress, whether something else is to be done first.
        clock: Seconds.

    Raises:
        GroundworkError: a fault that will pass; it waits, and is not failed by it.
    """
    waiting = open_preparations(home.catalogue)
    if not waiting:
        return False
    try:
        with home.storage.lock(LOCK, "preparation"):
            with home.storage.lock(BUILD_LOCK):
                begun = begin_preparation(home.catalogue, waiting[0].id)
            if begun is None:  # cancelled since
                return False
            _run(_Attempt(home, begun, must_yield, clock), context_of)
    except AlreadyRunning:  # another builder runs it, or another command builds: it waits for that
        return False
    return True


@dataclass(slots=True)
class _Attempt:
    """One preparation while a builder works on it."""

    home: Home
    asked: Preparation
    must_yield: Callable[[float], bool]
    clock: Callable[[], float]
    progressed_at: float | None = field(default=None, init=False)
    noted_at: float = field(default=-math.inf, init=False)

    def on_progress(self, stage: str, done: int, total: int) -> None:
        """Write down how far it is.

        Raises:
            BuildCancelled: it was cancelled, or must yield.
        """
        if stage in _DURABLE_STAGES:
            self.progressed()
        now = self.clock()
        if now - self.noted_at < NOTE_SECONDS and done < total:
            return
        self.noted_at = now
        has_progressed = self.progressed_at is not None
        if not note_progress(self.home.catalogue, self.asked.id, stage, done, total, has_progressed=has_progressed):
            raise self.cancelled()
        worked_seconds = 0.0 if self.progressed_at is None else now - self.progressed_at
        if self.must_yield(worked_seconds) or (worked_seconds >= WORK_SECONDS and not self._is_next()):
            raise Preempted(f"Preparation {self.asked.id} waits for what is wanted more, and goes on after it.")

    def progressed(self) -> None:
        """Something was done that is not done again."""
        if self.progressed_at is None:
            self.progressed_at = self.clock()

    def watched(self, context: BuildContext) -> BuildContext:
        """A context whose job is this preparation's, and whose tasks are its progress."""

        def executor_for(job: int) -> Executor:
            note_job(self.home.catalogue, self.asked.id, job)
            return _Watched(context.executor_for(job), self.progressed)

        return replace(context, executor_for=executor_for)

    def cancelled(self) -> BuildCancelled:
        """What ends its build where it is not wanted any more."""
        return BuildCancelled(f"Preparation {self.asked.id} was cancelled; what it stored stays for the next one.")

    def _is_next(self) -> bool:
        waiting = open_preparations(self.home.catalogue)
        return not waiting or waiting[0].id == self.asked.id


@dataclass(frozen=True, slots=True)
class _Watched:
    """An executor that tells of each task that it has done."""

    inner: Executor
    on_done: Callable[[], None]

    def run(self, tasks: Iterable[BuildTask]) -> Iterator[BuildTask]:
        for task in self.inner.run(tasks):
            self.on_done()
            yield task


def _run(attempt: _Attempt, context_of: Callable[[Recipe, Progress], BuildContext]) -> None:
    """Run one to its end, or put it back where it must wait.

    Raises:
        GroundworkError: as ``run_next_preparation``, or another build runs.
    """
    catalogue, number = attempt.home.catalogue, attempt.asked.id
    logger.info("preparation.begins", extra={"fields": {"preparation": number, "attempt": attempt.asked.attempts}})
    try:
        _estimate_and_build(attempt, context_of)
    except Preempted:
        put_back_preparation(catalogue, number, is_counted=False)
    except BuildCancelled as error:
        end_preparation(catalogue, number, "cancelled", error=str(error))
    except (AlreadyRunning, *_PASSING) as error:
        advice = _DOES_NOT_FIT.format(number) if isinstance(error, StorageFull) else ""
        put_back_preparation(catalogue, number, f"{type(error).__name__}: {error}{advice}", is_counted=False)
        raise
    except BuildFailed as error:
        if attempt.progressed_at is None and attempt.asked.attempts >= MAX_ATTEMPTS:
            _fail(attempt, error)
            return
        put_back_preparation(catalogue, number, f"{type(error).__name__}: {error}", is_counted=True)
        raise
    except Exception as error:  # whatever it is, other builds must go on
        _fail(attempt, error)
    except BaseException:  # told to end by Ctrl-C
        put_back_preparation(catalogue, number, is_counted=False)
        raise


def _fail(attempt: _Attempt, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}"
    fields = {"preparation": attempt.asked.id, "reason": reason}
    logger.error("preparation.failed", exc_info=not isinstance(error, GroundworkError), extra={"fields": fields})
    end_preparation(attempt.home.catalogue, attempt.asked.id, "failed", error=reason)


def _estimate_and_build(attempt: _Attempt, context_of: Callable[[Recipe, Progress], BuildContext]) -> None:
    home, asked, catalogue = attempt.home, attempt.asked, attempt.home.catalogue
    if asked.attempts > MAX_ATTEMPTS:
        raise BuildFailed(
            f"{MAX_ATTEMPTS} builders ended while they worked on it: see their logs, and the memory they may take."
        )
    recipe = read_recipe(catalogue, asked.recipe)
    change = require_preparable(catalogue, recipe, asked.tenants)
    if change.live != asked.live and change.sentences != tuple(asked.changes):
        raise RolloutConflict(
            f"The recipe in service is {change.live} now, and this one differs from it otherwise than when it was asked"
            f" for ({'; '.join(change.sentences)}): ask for the change again."
        )
    context = context_of(recipe, attempt.on_progress)
    if asked.cost is None:
        note_cost(catalogue, asked.id, estimate(home, context).to_json())
    if asked.dry_run:
        end_preparation(catalogue, asked.id, "estimated")
        return

    def conclude(release: Release, rollout: Rollout) -> None:
        if not end_preparation(catalogue, asked.id, "proposed", release=release.number, rollout=rollout.id):
            raise attempt.cancelled()

    prepare(attempt.watched(context), reason=asked.reason, tenants=asked.tenants, actor=asked.actor, conclude=conclude)
