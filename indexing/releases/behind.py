"""What a recipe lacks that the one in service answers with, and the refusal to let it answer while it does."""

from indexing.catalogue.database import Database
from indexing.catalogue.documents import count_waiting_for_build
from indexing.catalogue.put_off_writes import count_put_off
from indexing.catalogue.releases import stable_recipe
from indexing.errors import ReleaseBehind
from indexing.releases.release import newest_release


def documents_behind(catalogue: Database, recipe: int) -> int:
    """How many documents a recipe lacks until its next build: those that no process makes searchable by itself.

    Live writes that its model failed on in some process are among them.
    """
    newest = newest_release(catalogue, recipe)
    since = -1 if newest is None else newest.seq
    return count_waiting_for_build(catalogue, since) + count_put_off(catalogue, recipe, since)


def documents_lost(catalogue: Database, recipe: int) -> int:
    """How many documents would vanish from searches if a recipe answered instead of the one in service.

    What the one in service waits for as well is no loss.
    """
    live = stable_recipe(catalogue)
    if live is None or live == recipe:
        return 0
    return max(0, documents_behind(catalogue, recipe) - documents_behind(catalogue, live))


def require_caught_up(catalogue: Database, recipe: int, *, anyway: bool) -> int:
    """Refuse to let a recipe answer that lacks documents, unless ``anyway``; gives how many it lacks.

    Raises:
        ReleaseBehind: it lacks documents that the recipe in service answers with, and not ``anyway``.
    """
    lost = documents_lost(catalogue, recipe)
    if lost and not anyway:
        newest = newest_release(catalogue, recipe)
        name = f"Recipe {recipe}" if newest is None else f"Release {newest.number}"
        raise ReleaseBehind(
            f"{name} lacks {lost} documents that recipe {stable_recipe(catalogue)} answers with: they would be missing"
            f" from its answers until recipe {recipe} is built again. 'groundwork build' and the builder do that while"
            " it is proposed or open; go on --anyway if the loss is the lesser evil."
        )
    return lost
