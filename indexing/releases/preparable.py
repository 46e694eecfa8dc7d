"""What may be prepared: a recipe that differs from the one in service and has no rollout that is not over."""

from collections.abc import Collection
from dataclasses import dataclass

from indexing.catalogue.database import Database
from indexing.catalogue.releases import recipe_with, stable_recipe
from indexing.catalogue.tenants import read_tenant
from indexing.errors import NotReady, RolloutConflict
from indexing.releases.recipe_diff import recipe_differences
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.rollouts import OPEN_STATES, rollout_in
from indexing.releases.transitions import in_words


@dataclass(frozen=True, slots=True)
class Change:
    """What preparing a recipe would change: the recipe in service, and in sentences what differs from it."""

    live: int
    sentences: tuple[str, ...]


def require_preparable(catalogue: Database, recipe: Recipe, tenants: Collection[str] = ()) -> Change:
    """Refuse, before anything is computed, what could not be proposed; else say what it would change.

    Raises:
        NotReady: nothing is in service.
        NotFound: there is no such tenant.
        RolloutConflict: the recipe is in service, or has a rollout that is not over.
    """
    live = stable_recipe(catalogue)
    if live is None:
        raise NotReady("Nothing is in service that a change could be compared with: run 'groundwork build' first.")
    for tenant in tenants:
        read_tenant(catalogue, tenant)
    number = recipe_with(catalogue, recipe.fingerprint)
    if number == live:
        raise RolloutConflict(
            f"Recipe {number} is in service already, and these choices change nothing of it: name a change, such as"
            " another model or passage view ('groundwork releases prepare --help' names all)."
        )
    found = None if number is None else rollout_in(catalogue, ("proposed", *OPEN_STATES), candidate=number)
    if found is not None:
        raise RolloutConflict(
            f"Recipe {number} is in rollout {found.id} already ({in_words(found.state)}): go on with that, or reject it"
            f" first with 'groundwork rollouts reject {found.id}'."
        )
    differences = recipe_differences(read_recipe(catalogue, live), recipe)
    return Change(live, tuple(one.sentence for one in differences))
