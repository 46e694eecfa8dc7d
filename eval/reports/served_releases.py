"""Which release was in service when, and what it was made of, as the catalogue remembers it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from eval.reports.charts.data import Lane
from indexing.catalogue.releases import deployment_rows
from indexing.features.views import FeatureView
from indexing.home import Home
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import list_every_release


@dataclass(frozen=True, slots=True)
class Service:
    """A release that was in service from a moment on, until the next one was."""

    at: datetime
    release: str
    recipe: Recipe

    @property
    def model(self) -> str:
        """The model version that encodes, and the one that reranks if there is one."""
        return models_of(self.recipe)

    @property
    def views(self) -> str:
        """Its feature views with their versions."""
        return views_of(self.recipe)


def models_of(recipe: Recipe) -> str:
    """The model version that encodes, and the one that reranks if there is one."""
    return " + ".join(filter(None, (recipe.model, recipe.reranker)))


def views_of(recipe: Recipe) -> str:
    """The feature views of a recipe that decide what is found, each with its version."""
    views: tuple[FeatureView, ...] = (recipe.passage, recipe.embedding, recipe.lexical, *recipe.document_views)
    return ", ".join(f"{view.name}@{view.version}" for view in views)


def services(home: Home) -> list[Service]:
    """Every release that was ever in service, oldest first: by deployments, and by builds of what is deployed."""
    deployed = [
        (datetime.fromisoformat(row["created_at"]), int(row["recipe"]))
        for row in reversed(deployment_rows(home.catalogue))
    ]
    built = [(datetime.fromisoformat(one.created_at), one) for one in list_every_release(home.catalogue)]
    moments = sorted({at for at, _ in deployed} | {at for at, _ in built})
    found: list[Service] = []
    recipes: dict[int, Recipe] = {}
    for moment in moments:
        recipe = next((number for at, number in reversed(deployed) if at <= moment), None)
        if recipe is None:
            continue
        builds = [one for at, one in built if at <= moment and one.recipe == recipe]
        if not builds:
            continue
        release = max(builds, key=lambda one: one.build).number
        if not found or found[-1].release != release:
            recipes[recipe] = recipes.get(recipe) or read_recipe(home.catalogue, recipe)
            found.append(Service(moment, release, recipes[recipe]))
    return found


def lanes(found: Sequence[Service], until: datetime) -> list[Lane]:
    """Release, model version and feature views in force, for a chart over time that ends at a moment."""
    shown = [one for one in found if one.at < until]
    if not shown:
        return []
    return [
        Lane("release", _spans([(one.at, one.release) for one in shown])),
        Lane("model", _spans([(one.at, one.model) for one in shown])),
        Lane("views", _spans([(one.at, one.views) for one in shown])),
    ]


def in_service(found: Sequence[Service], release: str, at: datetime) -> bool:
    """Whether a release was the one in service at a moment."""
    served = [one for one in found if one.at <= at]
    return bool(served) and served[-1].release == release


def _spans(values: Sequence[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    """Only where the value changes."""
    return [one for place, one in enumerate(values) if place == 0 or values[place - 1][1] != one[1]]
