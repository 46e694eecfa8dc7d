"""Which recipe was deployed when: append-only, and the last one serves."""

from indexing.catalogue.database import Catalogue, utc_now
from indexing.errors import NotFound, NotReady
from indexing.releases.release import Release, _newest


def deploy(catalogue: Catalogue, recipe: int, *, reason: str, actor: str) -> Release:
    """Make a recipe the stable one; its newest build serves. Rolling back is deploying an earlier recipe.

    Raises:
        NotFound: the recipe has no release.
    """
    with catalogue.write() as db:
        newest = _newest(catalogue, recipe)
        if newest is None:
            raise NotFound(f"Recipe {recipe} has no release yet: build it first.")
        db.conn.execute(
            "INSERT INTO deployments (recipe, reason, actor, created_at) VALUES (?, ?, ?, ?)",
            (recipe, reason, actor, utc_now()),
        )
    return newest


def deployed_recipes(catalogue: Catalogue) -> list[int]:
    """Every recipe that was ever deployed, each once, the last deployed first."""
    sql = "SELECT recipe FROM deployments GROUP BY recipe ORDER BY max(id) DESC"
    return [int(row["recipe"]) for row in catalogue.rows(sql)]


def stable_recipe(catalogue: Catalogue) -> int | None:
    """The number of the recipe that was deployed last, or ``None`` before the first."""
    row = catalogue.row("SELECT recipe FROM deployments ORDER BY id DESC LIMIT 1")
    return None if row is None else int(row["recipe"])


def stable_release(catalogue: Catalogue) -> Release:
    """What serves now: the newest build of the stable recipe.

    Raises:
        NotReady: nothing has been built and deployed yet.
    """
    recipe = stable_recipe(catalogue)
    release = None if recipe is None else _newest(catalogue, recipe)
    if release is None:
        raise NotReady("Nothing is released yet: run 'groundwork ingest' and 'groundwork build' first.")
    return release
