"""From a home and a person's choices to a recipe, and from a recipe to a build that is ready to run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from indexing.builds.plan import encoder_keys_now
from indexing.builds.tasks import Executor, LocalExecutor, Workshop
from indexing.catalogue.database import Catalogue
from indexing.catalogue.documents import LeaveOut
from indexing.errors import InvalidInput
from indexing.features.view_registry import conversation_view, passage_view
from indexing.features.views import DEFAULT_CONVERSATION, DEFAULT_PASSAGES, EMBEDDING_VIEWS, FeatureViews, lexical_view
from indexing.home import Home
from indexing.indexes.analyser import LANGUAGES
from indexing.models.embedder import Embedder, load_embedder
from indexing.models.registry import EMBEDDING, RERANKER, ModelVersion, load_tokenizer, require_kind
from indexing.models.registry import KIND as MODELS
from indexing.passages.chunker import Chunker
from indexing.releases.recipes import Approximation, Recipe, RetrievalConfig, read_recipe
from indexing.releases.release import Release, list_releases, stable_recipe
from indexing.retention.garbage import NeededKeys, Retained, needed_by_kind
from indexing.storage.local import Storage

NONE = "none"
"""What takes a part that a recipe can do without out of it."""


def default_recipe(home: Home) -> Recipe:
    """What this version of Groundwork does unless told otherwise, with the model registered last.

    Raises:
        NotFound: no model is registered.
    """
    newest = [model for model in home.models.list() if model.kind == EMBEDDING]
    return Recipe(
        model=newest[-1].id if newest else home.models.get("").id,
        passage=DEFAULT_PASSAGES,
        embedding=EMBEDDING_VIEWS["int8"],
        lexical=lexical_view("english"),
        retrieval=RetrievalConfig(),
        approximation=Approximation(),
        conversation=DEFAULT_CONVERSATION,
    )


def recipe_in_service(home: Home) -> Recipe:
    """The stable recipe; before the first release, the default one.

    Raises:
        NotFound: nothing is released and no model is registered.
    """
    stable = stable_recipe(home.catalogue)
    return default_recipe(home) if stable is None else read_recipe(home.catalogue, stable)


def change_recipe(
    home: Home,
    recipe: Recipe,
    *,
    model: str | None = None,
    view: str | None = None,
    precision: str | None = None,
    language: str | None = None,
    approximate_above: int | None = None,
    conversation: str | None = None,
    reranker: str | None = None,
    rerank_depth: int | None = None,
    rerank_budget_ms: int | None = None,
) -> Recipe:
    """A recipe with these changes; ``None`` changes nothing.

    0 passages mean exact search at every size, the conversation view ``none`` that a chat's last turn counts alone, and
    the reranker ``none`` that there is no second pass.

    Raises:
        NotFound: no such model or view.
        InvalidInput: no such precision or language, or a model of another kind than it is chosen for.
    """
    if model is not None:
        recipe = replace(recipe, model=_of_kind(home.models.get(model), EMBEDDING).id)
    if view is not None:
        recipe = replace(recipe, passage=passage_view(home.catalogue, view))
    if precision is not None:
        if precision not in EMBEDDING_VIEWS:
            raise InvalidInput(f"precision {precision!r} is unknown: expected {' or '.join(EMBEDDING_VIEWS)}.")
        recipe = replace(recipe, embedding=EMBEDDING_VIEWS[precision])
    if language is not None:
        if language not in LANGUAGES:
            raise InvalidInput(f"language {language!r} is unknown: expected one of {', '.join(sorted(LANGUAGES))}.")
        recipe = replace(recipe, lexical=lexical_view(language))
    if approximate_above is not None:
        known = recipe.approximation or Approximation()
        recipe = replace(
            recipe, approximation=replace(known, above_rows=approximate_above) if approximate_above else None
        )
    if conversation is not None:
        chat = None if conversation == NONE else conversation_view(home.catalogue, conversation)
        recipe = replace(recipe, conversation=chat)
    return replace(_with_reranker(home, recipe, reranker, rerank_depth, rerank_budget_ms), number=0)


def _with_reranker(
    home: Home, recipe: Recipe, reranker: str | None, depth: int | None, budget_ms: int | None
) -> Recipe:
    if reranker == NONE:
        recipe = replace(recipe, reranker=None, reranking=None)
    elif reranker is not None:
        model = _of_kind(home.models.get(reranker), RERANKER)
        precision = "int8" if "int8" in model.manifest["precisions"] else "fp32"
        recipe = replace(recipe, reranker=model.id, reranking=replace(recipe.second_pass, precision=precision))
    if depth is None and budget_ms is None:
        return recipe
    if recipe.reranker is None:
        raise InvalidInput("There is no reranker whose depth or budget could be changed: name one with --reranker.")
    plan = recipe.second_pass
    plan = replace(plan, depth=depth or plan.depth, budget_ms=budget_ms or plan.budget_ms)
    return replace(recipe, reranking=plan)


def _of_kind(model: ModelVersion, kind: str) -> ModelVersion:
    require_kind(model, kind)
    return model


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
    workshop = Workshop(home.storage, sessions=home.settings.sessions)
    return BuildContext(
        catalogue=home.catalogue,
        storage=home.storage,
        recipe=recipe,
        views=recipe.bind(model),
        chunker=_chunker(home, recipe, model),
        load_embedder=partial(
            load_embedder, home.storage, model, recipe.embedding.precision, sessions=home.settings.sessions
        ),
        executor_for=executor_for or (lambda job: LocalExecutor(workshop)),
        block_size=home.settings.block_size,
        executor="workers" if executor_for else "local",
        lock_path=home.path / "build.lock",
        on_progress=on_progress,
    )


def _chunker(home: Home, recipe: Recipe, model: ModelVersion) -> Chunker:
    """The recipe's chunker; the model's document prompt, which comes before every passage, has its room set aside."""
    tokenizer = load_tokenizer(home.storage, model)
    prompt = len(tokenizer.encode(model.files.document_prompt, add_special_tokens=False).ids)
    return Chunker(recipe.passage, tokenizer, model.files.max_tokens - prompt)


def retained_recipes(home: Home, kept: Iterable[Release]) -> list[Retained]:
    """The recipes of some releases, bound to their models."""
    recipes = [read_recipe(home.catalogue, number) for number in sorted({release.recipe for release in kept})]
    return [Retained(recipe, recipe.bind(home.models.get(recipe.model))) for recipe in recipes]


def needed_keys(home: Home, leave_out: LeaveOut = lambda key: False) -> NeededKeys:
    """Finds the feature-store keys that the documents of now, some left out, need under a recipe."""
    return lambda recipe: encoder_keys_now(prepare_build(home, recipe), leave_out)


def needed_vectors(home: Home, leave_out: LeaveOut) -> dict[str, set[bytes]]:
    """For each kind of stored feature blocks, the keys that all documents but some need, now or in the next build.

    That is under the recipe of every release that may serve, and of a build that was interrupted.
    """
    bound = retained_recipes(home, list_releases(home.catalogue))
    last = home.catalogue.row("SELECT recipe FROM jobs ORDER BY id DESC LIMIT 1")
    if last is not None and all(one.recipe.number != last["recipe"] for one in bound):
        interrupted = read_recipe(home.catalogue, int(last["recipe"]))
        if home.storage.exists(MODELS, interrupted.model):
            bound.append(Retained(interrupted, interrupted.bind(home.models.get(interrupted.model))))
    return dict(needed_by_kind(home.storage, bound, needed_keys(home, leave_out)))


Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a build works with: where to, what with, and by which recipe."""

    catalogue: Catalogue
    storage: Storage
    recipe: Recipe
    views: FeatureViews
    chunker: Chunker
    load_embedder: Callable[[], Embedder]
    executor_for: Callable[[int], Executor]
    executor: str
    block_size: int
    lock_path: Path
    on_progress: Progress = lambda stage, done, total: None
