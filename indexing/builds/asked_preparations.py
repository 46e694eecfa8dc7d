"""Preparations that operators asked for over HTTP, run by a builder: the oldest first, one at a time."""

import logging
import time
from collections.abc import Callable

from indexing.builds.context import BuildContext, Progress
from indexing.builds.preparation import estimate, prepare
from indexing.catalogue.database import Database
from indexing.catalogue.preparations import (
    Preparation,
    begin_preparation,
    end_preparation,
    note_cost,
    note_progress,
    open_preparations,
    put_back_preparation,
)
from indexing.errors import AlreadyRunning, BuildCancelled, BuildFailed, GroundworkError
from indexing.home import Home
from indexing.releases.preparable import require_preparable
from indexing.releases.recipes import Recipe, recipe_from_manifest
from indexing.releases.release import Release
from indexing.releases.rollouts import Rollout

logger = logging.getLogger(__name__)
LOCK = "preparation"
"""Held while one is run, so that another builder does not begin it, and a killed one's is begun again."""
MAX_ATTEMPTS = 3
"""Builders that one preparation may end before it is taken for what ends them. Source: our choice."""
WORK_SECONDS = 60.0
"""How long one is worked on before it gives way to a build that is wanted: what is planned is planned again then, and
vectors must come of it. Source: our choice; writes that wait for a build wait so much longer at most."""
_KEPT_STAGES = ("vectors", "shards")
"""The stages of a build whose work is not done again; what comes before them is."""


class GaveWay(BuildCancelled):
    """Something else is to be done first; the preparation waits for that, and goes on where it stopped."""


def run_next_preparation(
    home: Home,
    context_of: Callable[[Recipe, Progress], BuildContext],
    *,
    gives_way: Callable[[float], bool] = lambda worked_seconds: False,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Run the oldest preparation that is asked for; gives whether there was one that could be run now.

    Whatever becomes of it is written down with it: an error ends this preparation, never the builder.

    Args:
        home: Where it was asked for.
        context_of: What builds a recipe, and tells how far it is.
        gives_way: Asked, with the seconds of work that is not done again, whether something else is to be done first.
        clock: Seconds.
    """
    waiting = open_preparations(home.catalogue)
    if not waiting:
        return False
    asked = waiting[0]
    try:
        with home.storage.lock(LOCK, "preparation"):
            begun = begin_preparation(home.catalogue, asked.id)
            if begun is None:  # cancelled since
                return False
            _run(home, begun, context_of, _progress_of(home.catalogue, begun, gives_way, clock))
    except AlreadyRunning:  # another builder runs it, or another command builds: it waits for that
        return False
    return True


def _run(
    home: Home, asked: Preparation, context_of: Callable[[Recipe, Progress], BuildContext], on_progress: Progress
) -> None:
    """Run one to its end, or put it back where it must wait.

    Raises:
        AlreadyRunning: another build runs.
    """
    catalogue = home.catalogue
    logger.info("preparation.begins", extra={"fields": {"preparation": asked.id, "attempt": asked.attempts}})
    try:
        _estimate_and_build(home, asked, context_of, on_progress)
    except (AlreadyRunning, GaveWay) as error:
        put_back_preparation(catalogue, asked.id)
        if isinstance(error, AlreadyRunning):
            raise
    except BuildCancelled as error:
        end_preparation(catalogue, asked.id, "cancelled", error=str(error))
    except Exception as error:  # whatever it is, it is about this preparation; other builds must go on
        is_expected = isinstance(error, GroundworkError)
        reason = f"{type(error).__name__}: {error}"
        fields = {"preparation": asked.id, "reason": reason}
        logger.error("preparation.failed", exc_info=not is_expected, extra={"fields": fields})
        end_preparation(catalogue, asked.id, "failed", error=reason)


def _estimate_and_build(
    home: Home, asked: Preparation, context_of: Callable[[Recipe, Progress], BuildContext], on_progress: Progress
) -> None:
    catalogue = home.catalogue
    if asked.attempts > MAX_ATTEMPTS:
        raise BuildFailed(
            f"{MAX_ATTEMPTS} builders ended while they worked on it: see their logs, and the memory they may take."
        )
    recipe = recipe_from_manifest(asked.manifest)
    require_preparable(catalogue, recipe, asked.tenants)
    context = context_of(recipe, on_progress)
    if asked.cost is None:
        note_cost(catalogue, asked.id, estimate(home, context).to_json())
    if asked.dry_run:
        end_preparation(catalogue, asked.id, "estimated")
        return

    def conclude(release: Release, rollout: Rollout) -> None:
        if not end_preparation(catalogue, asked.id, "proposed", release=release.number, rollout=rollout.id):
            raise _cancelled(asked)

    prepare(context, reason=asked.reason, tenants=asked.tenants, actor=asked.actor, conclude=conclude)


def _progress_of(
    catalogue: Database, asked: Preparation, gives_way: Callable[[float], bool], clock: Callable[[], float]
) -> Progress:
    """What writes down how far a preparation is, and ends it where it was cancelled or must give way."""
    began: float | None = None

    def on_progress(stage: str, done: int, total: int) -> None:
        nonlocal began
        if not note_progress(catalogue, asked.id, stage, done, total):
            raise _cancelled(asked)
        if began is None and stage in _KEPT_STAGES:
            began = clock()
        if gives_way(0.0 if began is None else clock() - began):
            raise GaveWay(f"Preparation {asked.id} gives way, and goes on later.")

    return on_progress


def _cancelled(asked: Preparation) -> BuildCancelled:
    return BuildCancelled(f"Preparation {asked.id} was cancelled; what it stored stays for the next one.")
