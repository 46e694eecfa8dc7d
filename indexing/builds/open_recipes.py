"""Builds of every open or proposed recipe, that in service first, so that what only builds bring reaches all."""

import logging
from collections.abc import Callable, Sequence

from indexing.builds.build import BuildReport
from indexing.catalogue.database import Database
from indexing.errors import AlreadyRunning, ArtefactCorrupt, GroundworkError, NotReady
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import newest_release
from indexing.releases.rollouts import list_rollouts, read_serving_plan

logger = logging.getLogger(__name__)


def recipes_to_build(catalogue: Database, now: str) -> list[Recipe]:
    """The recipes that are kept built at the moment ``now`` (UTC, ISO 8601), the one in service first.

    They are those that API processes have open, and those that are proposed, so that a trial can begin whenever
    operators want. None before the first release. Another one than that in service whose manifest was tampered with is
    logged and left out, so that it keeps no other from being built.

    Raises:
        ArtefactCorrupt: the recipe in service was tampered with.
    """
    try:
        live, *others = _numbers(catalogue, now)
    except NotReady:
        return []
    found = [read_recipe(catalogue, live)]
    for number in others:
        try:
            found.append(read_recipe(catalogue, number))
        except ArtefactCorrupt as error:
            logger.error("build.recipe_unreadable", extra={"fields": {"recipe": number, "reason": str(error)}})
    return found


def recipes_behind(catalogue: Database, now: str) -> list[int]:
    """The open and proposed recipes whose newest build holds fewer writes than that of the recipe in service.

    Those that ``recipes_to_build`` leaves out are left out here, too: no build would bring them what they lack.
    """
    try:
        live, *others = _numbers(catalogue, now)
    except NotReady:
        return []
    seqs = {number: -1 if (one := newest_release(catalogue, number)) is None else one.seq for number in (live, *others)}
    return [number for number in others if seqs[number] < seqs[live] and _is_sound(catalogue, number)]


def _numbers(catalogue: Database, now: str) -> tuple[int, ...]:
    """Those that are open, then those that are proposed, the oldest rollout first; each once."""
    proposed = [one.candidate for one in reversed(list_rollouts(catalogue)) if one.state == "proposed"]
    return tuple(dict.fromkeys((*read_serving_plan(catalogue, now).open_recipes, *proposed)))


def _is_sound(catalogue: Database, number: int) -> bool:
    """Whether a recipe is as it was recorded; asked every second, so it says nothing where it is not."""
    try:
        read_recipe(catalogue, number)
    except ArtefactCorrupt:
        return False
    return True


def build_each(recipes: Sequence[Recipe], build_one: Callable[[Recipe], BuildReport]) -> list[BuildReport]:
    """Build recipes one after another; one that fails does not keep the others from being built.

    Args:
        recipes: The most urgent one first.
        build_one: Builds one of them.

    Returns:
        A report of each, in the same order.

    Raises:
        AlreadyRunning: another build of this home is running; none was built after that.
        GroundworkError: the first failure, after all were tried. Others are logged.
    """
    reports: list[BuildReport] = []
    failures: list[GroundworkError] = []
    for recipe in recipes:
        try:
            reports.append(build_one(recipe))
        except AlreadyRunning:
            raise
        except GroundworkError as error:
            if failures:  # the first one is raised, which says it once
                reason = f"{type(error).__name__}: {error}"
                logger.error("build.recipe_failed", extra={"fields": {"recipe": recipe.number, "reason": reason}})
            failures.append(error)
    if failures:
        raise failures[0]
    return reports
