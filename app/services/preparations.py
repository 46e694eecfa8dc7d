"""Preparations over HTTP: asked for by an operator's key, run by a builder, followed and cancelled by number."""

import logging

from app.access.authentication import Caller
from app.schemas.build_requests import BuilderAnswer
from app.schemas.preparations import (
    PreparationAnswer,
    PreparationBody,
    PreparationCostAnswer,
    PreparationsAnswer,
)
from app.services.rollouts import decision
from app.services.state import Services
from app.services.waiting_writes import builder_answer
from indexing.catalogue.preparations import (
    Preparation,
    ask_preparation,
    cancel_preparation,
    list_preparations,
    read_preparation,
)
from indexing.errors import public_text
from indexing.releases.preparable import require_preparable
from indexing.releases.recipe_choices import change_recipe, recipe_in_service
from indexing.releases.recipes import record_recipe

logger = logging.getLogger(__name__)
NO_CHOICES = {"tenants", "reason", "dry_run"}
"""The fields of a body that choose nothing of the recipe."""


def ask(services: Services, caller: Caller, body: PreparationBody) -> PreparationAnswer:
    """Ask for a preparation, once it is known that its recipe can be built and proposed.

    Raises:
        GroundworkError: as ``change_recipe``, ``require_preparable`` and ``ask_preparation``.
    """
    home = services.home
    recipe = change_recipe(home, recipe_in_service(home), **body.model_dump(exclude=NO_CHOICES))
    tenants = body.tenants or []
    change = require_preparable(home.catalogue, recipe, tenants)
    by = decision(services, caller, body.reason)
    asked = ask_preparation(
        home.catalogue,
        record_recipe(home.catalogue, recipe).number,
        live=change.live,
        changes=change.sentences,
        tenants=tenants,
        dry_run=body.dry_run,
        reason=by.reason,
        actor=by.actor,
    )
    logger.info("preparation.asked", extra={"fields": {"preparation": asked.id, "reason": by.reason}})
    return _answer(services, asked)


def show(services: Services, number: int) -> PreparationAnswer:
    """A preparation as it stands.

    Raises:
        NotFound: there is none with this number.
    """
    return _answer(services, read_preparation(services.home.catalogue, number))


def list_all(services: Services, *, before: int | None, limit: int) -> PreparationsAnswer:
    """A page of preparations, the newest first."""
    found = list_preparations(services.home.catalogue, before=before, limit=limit + 1)
    builder = builder_answer(services)
    return PreparationsAnswer(
        preparations=[_answer(services, one, builder) for one in found[:limit]],
        next=found[limit - 1].id if len(found) > limit else None,
    )


def cancel(services: Services, caller: Caller, number: int) -> PreparationAnswer:
    """Stop a preparation; errors as ``cancel_preparation``."""
    home, actor = services.home, f"key {caller.key_id}"
    done = home.reserve.run(lambda: cancel_preparation(home.catalogue, number, actor))  # must not wait for room
    logger.info("preparation.cancelled", extra={"fields": {"preparation": number, "actor": actor}})
    return _answer(services, done)


def _answer(services: Services, one: Preparation, builder: BuilderAnswer | None = None) -> PreparationAnswer:
    return PreparationAnswer(
        id=one.id,
        state=one.state,
        changes=list(one.changes),
        tenants=list(one.tenants),
        dry_run=one.dry_run,
        reason=one.reason,
        cost=None if one.cost is None else PreparationCostAnswer(**one.cost),
        job=one.job,
        stage=one.stage,
        done=one.done,
        total=one.total,
        release=one.release,
        rollout=one.rollout,
        error=None if one.error is None else public_text(one.error, services.home.path),
        created_at=one.created_at,
        created_by=one.actor,
        ended_at=one.ended_at,
        builder=builder or builder_answer(services),
    )
