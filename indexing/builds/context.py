"""What a build works with, and how a recipe and a home become it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from indexing.builds.tasks import Executor, LocalExecutor, TaskRunner
from indexing.catalogue.database import Database
from indexing.features.views import FeatureViews
from indexing.home import Home
from indexing.models.embedder import Embedder, load_embedder
from indexing.models.model_languages import languages_of
from indexing.passages.chunker import Chunker
from indexing.records import Partition
from indexing.releases.binding import bind_recipe
from indexing.releases.recipes import Recipe
from indexing.storage.store import Storage

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a build works with: where to, what with, and by which recipe.

    Versions that were ended more than ``ledger_days`` ago are forgotten after it.
    """

    catalogue: Database
    storage: Storage
    recipe: Recipe
    views: FeatureViews
    chunker: Chunker
    load_embedder: Callable[[], Embedder]
    executor_for: Callable[[int], Executor]
    executor: str
    block_size: int
    ledger_days: int
    on_progress: Progress = lambda stage, done, total: None
    model_languages: tuple[str, ...] = ()
    """Codes of those that the model was made for, as far as it is known."""
    languages: Mapping[Partition, str] | None = None
    """In which each collection is analysed, where the recipe leaves that to the build."""


def prepare_build(
    home: Home,
    recipe: Recipe,
    *,
    on_progress: Progress = lambda stage, done, total: None,
    executor_for: Callable[[int], Executor] | None = None,
) -> BuildContext:
    """Bind a recipe to its model and this home. The model itself is loaded only if something must be encoded.

    ``executor_for`` makes who does the blocks of a job; by default this process does.
    """
    model = home.models.get(recipe.model)
    chunker, views = bind_recipe(home, recipe)
    embedder = lru_cache(maxsize=1)(  # the tasks of this process and the leg check share it
        partial(load_embedder, home.storage, model, recipe.embedding.precision, sessions=home.settings.sessions)
    )
    runner = TaskRunner(home.storage, sessions=home.settings.sessions, load=lambda name, precision: embedder())
    return BuildContext(
        catalogue=home.catalogue,
        storage=home.storage,
        recipe=recipe,
        views=views,
        chunker=chunker,
        load_embedder=embedder,
        executor_for=executor_for or (lambda job: LocalExecutor(runner)),
        block_size=home.settings.block_size,
        executor="workers" if executor_for else "local",
        on_progress=on_progress,
        ledger_days=home.settings.ledger_days,
        model_languages=languages_of(model, home.models.list()),
    )
