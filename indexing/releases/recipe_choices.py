"""From a person's choices to a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from indexing.catalogue.releases import stable_recipe
from indexing.errors import InvalidInput
from indexing.features.boosts import MAX_BOOSTS, Boost, parse_boost
from indexing.features.feature_values import feature_of
from indexing.features.view_registry import conversation_view, document_view, passage_view
from indexing.features.views import DEFAULT_CONVERSATION, DEFAULT_PASSAGES, EMBEDDING_VIEWS, DocumentView, lexical_view
from indexing.home import Home
from indexing.indexes.analysers import LANGUAGES
from indexing.models.registry import EMBEDDING, RERANKER, ModelVersion, require_kind
from indexing.releases.calibration_rule import FROM_LEG_CHECK, GENERAL, CalibrationRule
from indexing.releases.leg_rule import SELF_RETRIEVAL, LegRule
from indexing.releases.recipes import Approximation, Recipe, RetrievalConfig, read_recipe

NONE = "none"
"""What takes a part that a recipe can do without out of it."""
WEIGHT_RANGES: Mapping[str, tuple[float, float]] = {
    "dense_weight": (0.0, 1.0),
    "bm25_k1": (0.0, 10.0),
    "bm25_b": (0.0, 1.0),
    "candidates": (1, 1000),
}
"""What the numbers of a ``RetrievalConfig`` may be, ends included. Source: the definitions of a share and of BM25; our
choice is that ``k1`` ends at 10, beyond which scores are as good as linear in a term's count, and candidates at as many
as one search may ask for."""


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
        retrieval=RetrievalConfig(leg_rule=LegRule(), calibration_rule=CalibrationRule()),
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
    dense_weight: float | None = None,
    bm25_k1: float | None = None,
    bm25_b: float | None = None,
    candidates: int | None = None,
    boost: Sequence[str] = (),
    leg_rule: str | None = None,
    calibration: str | None = None,
) -> Recipe:
    """A recipe with these changes; ``None`` changes nothing.

    0 passages mean exact search at every size, the conversation view ``none`` that a chat's last turn counts alone, and
    the reranker ``none`` that there is no second pass. Boosts, as ``parse_boost`` reads them, take the place of those
    that there were; ``none`` alone leaves none. The leg rule ``none`` fixes the recipe's weights for all collections. A
    calibration takes the curves of this version, with ``leg-check`` moved for each collection as its build finds.

    Raises:
        NotFound: no such model or view.
        InvalidInput: no such precision, language, leg rule or calibration, a model of another kind than it is chosen
            for, no such boost, or a weight outside of ``WEIGHT_RANGES``.
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
    weights = {"dense_weight": dense_weight, "bm25_k1": bm25_k1, "bm25_b": bm25_b, "candidates": candidates}
    recipe = _with_weights(recipe, {name: value for name, value in weights.items() if value is not None})
    if boost:
        recipe = _with_boosts(home, recipe, boost)
    recipe = _with_calibration(_with_leg_rule(recipe, leg_rule), calibration)
    return replace(_with_reranker(home, recipe, reranker, rerank_depth, rerank_budget_ms), number=0)


def _with_leg_rule(recipe: Recipe, name: str | None) -> Recipe:
    if name is None:
        return recipe
    if name not in (SELF_RETRIEVAL, NONE):
        raise InvalidInput(f"leg rule {name!r} is unknown: expected {SELF_RETRIEVAL} or {NONE}.")
    rule = None if name == NONE else recipe.retrieval.leg_rule or LegRule()
    return replace(recipe, retrieval=replace(recipe.retrieval, leg_rule=rule))


def _with_calibration(recipe: Recipe, name: str | None) -> Recipe:
    if name is None:
        return recipe
    if name not in (FROM_LEG_CHECK, GENERAL):
        raise InvalidInput(f"calibration {name!r} is unknown: expected {FROM_LEG_CHECK} or {GENERAL}.")
    rule = CalibrationRule() if name == FROM_LEG_CHECK else None
    retrieval = replace(recipe.retrieval, calibration=RetrievalConfig().calibration, calibration_rule=rule)
    return replace(recipe, retrieval=retrieval)


def _with_weights(recipe: Recipe, weights: Mapping[str, float]) -> Recipe:
    for name, value in weights.items():
        least, most = WEIGHT_RANGES[name]
        if not least <= value <= most:  # nor is a NaN
            option = f"--{name.replace('_', '-')}"
            raise InvalidInput(f"{option} {value} is out of range: expected a number from {least:g} to {most:g}.")
    # Floats but for a count, and no negative zero: equal recipes have one manifest.
    numbers: dict[str, Any] = {
        name: int(value) if name == "candidates" else float(value) + 0.0 for name, value in weights.items()
    }
    return replace(recipe, retrieval=replace(recipe.retrieval, **numbers))


def _with_boosts(home: Home, recipe: Recipe, texts: Sequence[str]) -> Recipe:
    """A recipe with these boosts and the views they use: of each the version that is named, else the newest."""
    boosts: list[Boost] = []
    views: dict[str, DocumentView] = {}
    for text in () if list(texts) == [NONE] else texts:
        boost = parse_boost(text)
        view_id, _, column = boost.feature.partition(":")
        view = document_view(home.catalogue, view_id)
        boosts.append(replace(boost, feature=feature_of(view, f"{view.name}:{column}").name))
        if (found := feature_of(view, boost.feature).column).type == "str":
            raise InvalidInput(f"The boost {text!r} is invalid: the column {found.name} is a text, expected a number.")
        if views.setdefault(view.name, view) != view:
            raise InvalidInput(f"The boosts use two versions of the document view {view.name}: expected one.")
    names = [boost.feature for boost in boosts]
    if len(set(names)) < len(names) or len(names) > MAX_BOOSTS:
        raise InvalidInput(
            f"The boosts {', '.join(names)} are invalid: expected each feature once, {MAX_BOOSTS} at most."
        )
    retrieval = replace(recipe.retrieval, boosts=tuple(boosts))
    return replace(recipe, retrieval=retrieval, document_views=tuple(views[name] for name in sorted(views)))


def _with_reranker(
    home: Home, recipe: Recipe, reranker: str | None, depth: int | None, budget_ms: int | None
) -> Recipe:
    if reranker == NONE:
        recipe = replace(recipe, reranker=None, reranking=None)
    elif reranker is not None:
        model = _of_kind(home.models.get(reranker), RERANKER)
        precision = "int8" if "int8" in (model.manifest.precisions or ()) else "fp32"
        recipe = replace(recipe, reranker=model.id, reranking=replace(recipe.second_pass, precision=precision))
    if depth is None and budget_ms is None:
        return recipe
    if recipe.reranker is None:
        raise InvalidInput("There is no reranker whose depth or budget could be changed: name one, too (reranker).")
    plan = recipe.second_pass
    plan = replace(plan, depth=depth or plan.depth, budget_ms=budget_ms or plan.budget_ms)
    return replace(recipe, reranking=plan)


def _of_kind(model: ModelVersion, kind: str) -> ModelVersion:
    require_kind(model, kind)
    return model
