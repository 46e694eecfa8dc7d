"""Which recipe was deployed when: append-only, and the last one serves."""

from indexing.catalogue.database import Database
from indexing.catalogue.releases import insert_deployment, stable_recipe
from indexing.errors import NotFound, NotReady
from indexing.releases.release import Release, newest_release


def deploy(catalogue: Database, recipe: int, *, reason: str, actor: str) -> Release:
    """Make a recipe the stable one; its newest build serves.

    For the first release of a home. Later ones are promoted and rolled back (``promotion``), so that rollouts, standby
    and the limit of open recipes are minded.

    Raises:
        NotFound: the recipe has no release.
    """
    with catalogue.write():
        newest = newest_release(catalogue, recipe)
        if newest is None:
            raise NotFound(f"Recipe {recipe} has no release yet: build it first.")
        insert_deployment(catalogue, recipe, reason=reason, actor=actor)
    return newest


def stable_release(catalogue: Database) -> Release:
    """What serves now: the newest build of the stable recipe.

    Raises:
        NotReady: nothing has been built and deployed yet.
    """
    release = _deployed_release(catalogue)
    if release is None:
        raise NotReady("Nothing is released yet: run 'groundwork ingest' and 'groundwork build' first.")
    return release


def built_seq(catalogue: Database) -> int:
    """Up to which write the release that is deployed holds the documents; -1 before the first."""
    release = _deployed_release(catalogue)
    return -1 if release is None else release.seq


def _deployed_release(catalogue: Database) -> Release | None:
    recipe = stable_recipe(catalogue)
    return None if recipe is None else newest_release(catalogue, recipe)
