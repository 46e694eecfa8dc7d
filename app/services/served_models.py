"""The models that serve a tenant: those of the releases that may answer it, by the names that clients give them."""

from datetime import datetime

from app.access.authentication import Caller
from app.schemas.openai_embeddings import OpenAIModel, OpenAIModels
from app.services.state import Services
from app.serving.assignment import may_answer
from app.serving.release import ServingRelease
from indexing.errors import NotFound


def serving_tenant(services: Services, tenant: str) -> list[ServingRelease]:
    """Every open release that may answer a tenant, that in service first.

    Raises:
        NotReady: nothing is open yet.
    """
    opened = services.pool.now()
    recipes = [recipe for recipe in may_answer(opened.plan, tenant) if recipe in opened.releases] or [opened.live]
    return [opened.releases[recipe] for recipe in recipes]


def serving_by_model(services: Services, tenant: str) -> dict[str, ServingRelease]:
    """For each embedding model that serves a tenant the first open release that has it, that in service first.

    Raises:
        NotReady: nothing is open yet.
    """
    return {serving.recipe.model: serving for serving in reversed(serving_tenant(services, tenant))}


def serving_with_model(services: Services, tenant: str, name: str) -> ServingRelease:
    """The release whose embedder a tenant means by a name: ``NAME@VERSION``, or ``NAME`` for the first of that name.

    Raises:
        NotFound: no model of this name serves the tenant; the message says which do.
        NotReady: nothing is open yet.
    """
    found = serving_by_model(services, tenant)
    for model, serving in found.items():
        if name in (model, model.rpartition("@")[0]):
            return serving
    raise NotFound(f"No model {name!r} serves you: expected {' or '.join(found)}. See GET /v1/models.", field="model")


def list_models(services: Services, caller: Caller) -> OpenAIModels:
    """The models that serve a caller.

    Raises:
        NotReady: nothing is open yet.
    """
    return OpenAIModels(data=[_described(services, model) for model in serving_by_model(services, caller.tenant)])


def show_model(services: Services, caller: Caller, name: str) -> OpenAIModel:
    """The model that a caller means by a name.

    Raises:
        NotFound, NotReady: as ``serving_with_model``.
    """
    return _described(services, serving_with_model(services, caller.tenant, name).recipe.model)


def _described(services: Services, model: str) -> OpenAIModel:
    created_at = datetime.fromisoformat(services.home.models.get(model).created_at)
    return OpenAIModel(id=model, created=int(created_at.timestamp()))
