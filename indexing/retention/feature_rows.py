"""Freeing the values of a document view that no retained recipe uses."""

from indexing.catalogue.document_features import forget_view_features
from indexing.catalogue.jobs import last_recipe_built
from indexing.catalogue.preparations import recipes_in_preparations
from indexing.catalogue.releases import stable_recipe
from indexing.errors import InvalidInput
from indexing.features.views import DocumentView
from indexing.home import Home
from indexing.releases.recipes import read_recipe
from indexing.releases.release import list_releases


def recipes_using(home: Home, view: DocumentView) -> list[int]:
    """The recipes that use a document view and may still serve: of releases that are kept, built last, or prepared."""
    numbers = {release.recipe for release in list_releases(home.catalogue)} | recipes_in_preparations(home.catalogue)
    last = {stable_recipe(home.catalogue), last_recipe_built(home.catalogue)}
    numbers |= {number for number in last if number is not None}
    return [number for number in sorted(numbers) if view in read_recipe(home.catalogue, number).document_views]


def require_unused(home: Home, view: DocumentView) -> None:
    """Go on only where no recipe that may serve uses a document view.

    Raises:
        InvalidInput: one does.
    """
    if users := recipes_using(home, view):
        raise InvalidInput(
            f"The document view {view.id} is used by recipe {', '.join(map(str, users))}, which may still serve:"
            " nothing was removed. Deploy another recipe and run 'groundwork gc --yes' first."
        )


def remove_view_values(home: Home, view: DocumentView) -> int:
    """Delete the values of a document view; gives how many rows. Its definition stays, and holds for ever.

    Raises:
        InvalidInput: a recipe that may serve uses it.
    """
    with home.catalogue.write(grows=False):
        require_unused(home, view)
        return forget_view_features(home.catalogue, view.fingerprint)
