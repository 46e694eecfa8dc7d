"""What operators do with rollouts and releases over HTTP: each decision with the key's id, on the version they saw."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.access.authentication import Caller
from app.schemas.rollouts import (
    DecisionBody,
    GuardAnswer,
    PinAnswer,
    PinBody,
    PinsAnswer,
    PromotedAnswer,
    ReleaseAnswer,
    ReleasesAnswer,
    RolledBackAnswer,
    RolloutAnswer,
    RolloutPageAnswer,
    RolloutsAnswer,
    TransitionAnswer,
    VerdictAnswer,
)
from app.services.state import Services
from indexing.catalogue.api_keys import stored_moment
from indexing.errors import InvalidInput
from indexing.releases.behind import documents_lost
from indexing.releases.gate import list_verdicts
from indexing.releases.observation import guards_now
from indexing.releases.overview import is_watched, reads, standings
from indexing.releases.pins import choose_first, hold_back, list_pins, pin, unpin
from indexing.releases.promotion import RolledBack, promote, roll_back
from indexing.releases.release import Release, find_release
from indexing.releases.rollout_ledger import RolloutLedger
from indexing.releases.rollouts import Rollout, find_rollout, list_rollouts
from indexing.releases.soundness import require_promotable
from indexing.releases.transitions import Decision, list_transitions, require_version
from indexing.releases.trials import End

logger = logging.getLogger(__name__)
GUARD_SECONDS = 600.0
"""How much of its window an answer about a rollout counts at most, so that it does not read for minutes in a process
that serves; a watcher counts all of it. Source: our choice; at 100 requests/s it is 60,000 rows."""


def decision(services: Services, caller: Caller, reason: str) -> Decision:
    """A decision of the caller's key, now."""
    return Decision(f"key {caller.key_id}", reason, services.now())


def decide(
    services: Services,
    caller: Caller,
    number: int,
    body: DecisionBody,
    change: Callable[[Rollout, Decision], Rollout],
) -> RolloutAnswer:
    """Change a rollout, as the caller saw it, and give what it is from then on."""
    home = services.home
    seen = require_version(home.catalogue, number, body.version)
    by = decision(services, caller, body.reason)
    changed = home.reserve.run(lambda: change(seen, by))  # taking traffic away must not wait for room
    log_decision("rollout.changed", changed.id, changed.state, body.reason)
    return rollout_answer(services, changed)


def rollout_answer(services: Services, rollout: Rollout) -> RolloutAnswer:
    """A rollout as it goes over the wire."""
    return RolloutAnswer(**_facts(services, rollout, watched=_is_watched(services)))


def list_all(services: Services) -> RolloutsAnswer:
    """All rollouts, the newest first."""
    found, watched = list_rollouts(services.home.catalogue), _is_watched(services)
    return RolloutsAnswer(rollouts=[RolloutAnswer(**_facts(services, one, watched=watched)) for one in found])


def show(services: Services, number: int) -> RolloutPageAnswer:
    """A rollout, what its guards say now, and every decision about it."""
    home = services.home
    rollout = find_rollout(home.catalogue, number)
    ledger, now = RolloutLedger(home.ledger), services.now()
    found = guards_now(home.catalogue, ledger, rollout, now, most_seconds=GUARD_SECONDS)
    return RolloutPageAnswer(
        **_facts(services, rollout, watched=_is_watched(services)),
        guards=[
            GuardAnswer(guard=one.guard, outcome=one.outcome, reason=one.reason)
            for one in (() if found is None else found.report.results)
        ],
        guards_since=None if found is None else found.since,
        transitions=[
            TransitionAnswer(**{name: value for name, value in asdict(one).items() if name != "rollout"})
            for one in list_transitions(home.catalogue, number)
        ],
        verdicts=[
            VerdictAnswer(**{name: value for name, value in asdict(one).items() if name not in ("recipe", "rollout")})
            for one in list_verdicts(home.catalogue, rollout.candidate, rollout=number)
        ],
    )


def ending(ends_at: datetime | None, max_queries: int | None) -> End:
    """When a trial is over, as it is stored."""
    return End(None if ends_at is None else stored_moment(ends_at), max_queries)


def promote_recipe(
    services: Services,
    caller: Caller,
    recipe: int,
    reason: str,
    *,
    standby_seconds: float,
    seen: Rollout | None = None,
    anyway: bool = False,
    override: str | None = None,
) -> PromotedAnswer:
    """Put a recipe in service; ``seen`` is its rollout as the caller saw it, ``override`` as in ``promote``."""
    home, by = services.home, decision(services, caller, reason)
    require_promotable(home, recipe, is_overridden=override is not None)

    def act() -> Release:
        return promote(
            home.catalogue,
            recipe,
            by,
            max_recipes=home.settings.max_recipes,
            standby_seconds=standby_seconds,
            seen=seen,
            anyway=anyway,
            override=override,
        )

    release = home.reserve.run(act)
    log_decision("release.promoted", None, release.number, reason)
    return PromotedAnswer(release=release.number)


def take_back(
    services: Services,
    caller: Caller,
    reason: str,
    *,
    rollout: Rollout | None = None,
    to: str | None = None,
    anyway: bool = False,
) -> RolledBackAnswer:
    """Take back a rollout, or what was done last, or go back to a release's recipe."""
    home, by = services.home, decision(services, caller, reason)
    recipe = None if to is None else find_release(home.catalogue, to).recipe

    def act() -> RolledBack:
        return roll_back(home.catalogue, by, rollout=rollout, to=recipe, anyway=anyway)

    done = home.reserve.run(act)
    number = None if done.rollout is None else done.rollout.id
    log_decision("release.rolled_back", number, done.release.number, reason)
    return RolledBackAnswer(
        release=done.release.number,
        from_recipe=done.from_recipe,
        rollout=number,
        documents_behind=done.documents_behind,
    )


def list_standings(services: Services) -> ReleasesAnswer:
    """All releases and what each does now."""
    found = standings(services.home.catalogue, services.now())
    names = ReleaseAnswer.model_fields
    return ReleasesAnswer(
        releases=[ReleaseAnswer(**{name: getattr(one, name) for name in names}) for one in found],
    )


def put_pin(services: Services, caller: Caller, tenant: str, body: PinBody) -> PinAnswer:
    """Take a tenant out of shares and tests.

    Raises:
        InvalidInput: a release is given for another kind than ``pinned``, or none for that.
    """
    home, by = services.home, decision(services, caller, body.reason)
    if (body.kind == "pinned") != (body.release is not None):
        raise InvalidInput(f"Kind {body.kind!r} does not fit: 'pinned' needs a release, the others take none.")
    if body.release is not None:
        recipe = find_release(home.catalogue, body.release).recipe
        most = home.settings.max_recipes
        pin(home.catalogue, tenant, recipe, by, max_recipes=most, anyway=body.anyway, override=body.override)
    elif body.kind == "held_back":
        hold_back(home.catalogue, tenant, by)
    else:
        choose_first(home.catalogue, tenant, by)
    log_decision("tenant.pinned", None, tenant, body.reason)
    return next(one for one in all_pins(services).pins if one.tenant == tenant)


def take_pin(services: Services, caller: Caller, tenant: str) -> PinsAnswer:
    """Let shares and tests decide about a tenant again; gives the pins that are left."""
    home, by = services.home, decision(services, caller, "over the API")
    home.reserve.run(lambda: unpin(home.catalogue, tenant, by))
    log_decision("tenant.unpinned", None, tenant, by.reason)
    return all_pins(services)


def all_pins(services: Services) -> PinsAnswer:
    """Every tenant that is outside shares and tests."""
    return PinsAnswer(pins=[PinAnswer(**asdict(one)) for one in list_pins(services.home.catalogue)])


def log_decision(event: str, rollout: int | None, what: str, reason: str) -> None:
    """Say in the log what was decided; by whom stands in the log's context."""
    logger.info(event, extra={"fields": {"rollout": rollout, "what": what, "reason": reason}})


def _is_watched(services: Services) -> bool:
    watched, _ = is_watched(services.home.catalogue, services.now())
    return watched


def _facts(services: Services, rollout: Rollout, *, watched: bool) -> dict[str, Any]:
    computed = ("reads", "steps", "documents_behind")
    facts = {name: getattr(rollout, name) for name in RolloutAnswer.model_fields if name not in computed}
    is_ahead = rollout.is_open or rollout.state == "proposed"
    facts["documents_behind"] = documents_lost(services.home.catalogue, rollout.candidate) if is_ahead else None
    steps = [
        {"share": one.share, "at_least_requests": one.min_requests, "at_least_seconds": one.min_seconds}
        for one in rollout.steps
    ]
    return {**facts, "steps": steps, "reads": reads(rollout, is_watched=watched)}
