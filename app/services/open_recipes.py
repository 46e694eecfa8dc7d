"""The recipes that are open in a process, or should be, as its probe and its metrics tell them."""

from dataclasses import dataclass

from app.services.state import Services
from app.serving.release import ServingRelease
from indexing.errors import NotReady


@dataclass(frozen=True, slots=True)
class RecipeState:
    """A recipe and its open release, or why it has none.

    ``role`` is ``live``, ``candidate`` or ``standby``; ``own_bytes`` is what opening it made the process's own memory
    grow by, as far as that is known; ``live_bytes`` what its fresh writes take.
    """

    recipe: int
    role: str
    serving: ServingRelease | None
    own_bytes: int
    live_bytes: int
    failure: str | None


def open_recipes(services: Services) -> list[RecipeState]:
    """Every recipe that is open or is to be, the one in service first; none before that is open."""
    pool = services.pool
    try:
        now = pool.now()
    except NotReady:
        return []
    live_bytes, own_bytes, failures = services.live.size_by_recipe(), pool.memory_bytes, pool.failures
    return [
        RecipeState(
            recipe=recipe,
            role=now.role(recipe),
            serving=now.releases.get(recipe),
            own_bytes=own_bytes.get(recipe, 0),
            live_bytes=live_bytes.get(recipe, 0),
            failure=pool.failure if recipe == now.plan.live else failures.get(recipe),
        )
        for recipe in dict.fromkeys((now.live, *now.plan.open_recipes, *now.releases))
    ]
