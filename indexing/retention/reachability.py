"""What the releases that are kept still need of the feature store."""

from collections.abc import Iterable

from indexing.builds.context import prepare_build
from indexing.builds.plan import encoder_keys_now, encoder_keys_of_versions
from indexing.catalogue.documents import LeaveOut
from indexing.catalogue.jobs import last_recipe_built
from indexing.catalogue.preparations import recipes_in_preparations
from indexing.home import Home
from indexing.models.registry import KIND as MODELS
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release, list_releases
from indexing.retention.garbage import NeededKeys, Retained, needed_by_kind


def retained_recipes(home: Home, kept: Iterable[Release]) -> list[Retained]:
    """The recipes of some releases, and those that are being prepared, bound to their models."""
    released = {release.recipe for release in kept}
    recipes = [read_recipe(home.catalogue, number) for number in sorted(released)]
    recipes += _unreleased(home, recipes_in_preparations(home.catalogue) - released)
    return [Retained(recipe, recipe.bind(home.models.get(recipe.model))) for recipe in recipes]


def _unreleased(home: Home, numbers: Iterable[int]) -> list[Recipe]:
    """Recipes that have no release yet, as far as their models are there: without one nothing was computed."""
    recipes = [read_recipe(home.catalogue, number) for number in sorted(numbers)]
    return [recipe for recipe in recipes if home.storage.exists(MODELS, recipe.model)]


def needed_keys(home: Home, leave_out: LeaveOut = lambda key: False, *, since: int = -1) -> NeededKeys:
    """Finds the feature-store keys that the documents of now, some left out, need under a recipe.

    With those of the versions that were ended after the sequence number ``since``, which replays may need.
    """

    def keys(recipe: Recipe) -> set[bytes]:
        context = prepare_build(home, recipe)
        return encoder_keys_now(context, leave_out) | encoder_keys_of_versions(context, since, leave_out)

    return keys


def needed_vectors(home: Home, leave_out: LeaveOut) -> dict[str, set[bytes]]:
    """For each kind of stored feature blocks, the keys that all documents but some need, now or in the next build.

    With those of the versions of them that are kept. That is under the recipe of every release that may serve, of
    those that are being prepared, and of a build that was interrupted.
    """
    bound = retained_recipes(home, list_releases(home.catalogue))
    last = last_recipe_built(home.catalogue)
    if last is not None and all(one.recipe.number != last for one in bound):
        bound += [Retained(recipe, recipe.bind(home.models.get(recipe.model))) for recipe in _unreleased(home, [last])]
    return dict(needed_by_kind(home.storage, bound, needed_keys(home, leave_out)))
