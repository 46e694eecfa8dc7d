"""The routes about rollouts, for the operator: try a recipe beside the one in service, and take it back."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from app.schemas.problems import problems
from app.schemas.rollouts import (
    AbBody,
    CanaryBody,
    DecisionBody,
    InterleavingBody,
    PromotedAnswer,
    PromotionBody,
    ProposalBody,
    RollbackBody,
    RolledBackAnswer,
    RolloutAnswer,
    RolloutPageAnswer,
    RolloutsAnswer,
    ShadowBody,
    ShareBody,
    StepBody,
)
from app.services.rollouts import (
    decide,
    decision,
    ending,
    list_all,
    log_decision,
    promote_recipe,
    rollout_answer,
    show,
    take_back,
)
from app.web.authenticated_routes import AuthenticatedRoute
from app.web.dependencies import Operator, ServicesDep
from indexing.errors import InvalidInput
from indexing.records import MAX_INTEGER
from indexing.releases.lifecycle import pause, reject, resume, set_share
from indexing.releases.observation import end_trial
from indexing.releases.release import find_release
from indexing.releases.rollout_ledger import RolloutLedger
from indexing.releases.rollouts import PREFERENCE, AbTest, Rollout, Step
from indexing.releases.steps import checked_steps
from indexing.releases.transitions import Decision, require_version
from indexing.releases.trials import propose, start_ab, start_canary, start_interleaving, start_shadow

# Plain functions: each runs in a thread, since a write waits for the catalogue's lock and for the disk.
router = APIRouter(tags=["rollouts"], route_class=AuthenticatedRoute)
RolloutParam = Annotated[int, Path(ge=1, le=MAX_INTEGER, description="The rollout's id.")]
_CHANGES = problems(404, 409, 507, takes_body=True)


@router.get("/v1/rollouts", summary="List rollouts", operation_id="list_rollouts", responses=problems())
def get_rollouts(caller: Operator, services: ServicesDep) -> RolloutsAnswer:
    """All rollouts, the newest first."""
    return list_all(services)


@router.post(
    "/v1/rollouts", status_code=201, summary="Propose a recipe", operation_id="propose_rollout", responses=_CHANGES
)
def post_rollout(body: ProposalBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """Propose a release's recipe against the one in service; it gets no traffic yet."""
    catalogue = services.home.catalogue
    recipe = find_release(catalogue, body.release).recipe
    by = decision(services, caller, body.reason)
    proposed = propose(catalogue, recipe, by, tenants=body.tenants, first=body.first)
    log_decision("rollout.proposed", proposed.id, body.release, body.reason)
    return rollout_answer(services, proposed)


@router.get("/v1/rollouts/{rollout}", summary="Show a rollout", operation_id="get_rollout", responses=problems(404))
def get_rollout(rollout: RolloutParam, caller: Operator, services: ServicesDep) -> RolloutPageAnswer:
    """What it does, what its guards say now, and every decision about it."""
    return show(services, rollout)


@router.post(
    "/v1/rollouts/{rollout}/shadow", summary="Start a shadow", operation_id="shadow_rollout", responses=_CHANGES
)
def post_shadow(rollout: RolloutParam, body: ShadowBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """The candidate answers copies of queries, after the users were answered."""
    most, over = services.home.settings.max_recipes, ending(body.ends_at, body.max_queries)

    def change(seen: Rollout, by: Decision) -> Rollout:
        return start_shadow(
            services.home.catalogue, seen, by, share=body.share, end=over, decides=body.decides, max_recipes=most
        )

    return decide(services, caller, rollout, body, change)


@router.post(
    "/v1/rollouts/{rollout}/canary", summary="Start a canary", operation_id="canary_rollout", responses=_CHANGES
)
def post_canary(rollout: RolloutParam, body: CanaryBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """The candidate gets a share of tenants, users or requests; each keeps what it got while the share grows."""
    if (body.share is None) == (body.steps is None):
        raise InvalidInput("Give either 'share', such as 0.05, or 'steps'.")
    steps = _steps(body.steps)
    most = services.home.settings.max_recipes

    def change(seen: Rollout, by: Decision) -> Rollout:
        return start_canary(
            services.home.catalogue,
            seen,
            by,
            share=body.share or 1.0,
            steps=steps,
            unit=body.unit,
            max_recipes=most,
            anyway=body.anyway,
            override=body.override,
        )

    return decide(services, caller, rollout, body, change)


@router.post(
    "/v1/rollouts/{rollout}/ab", summary="Start an A/B test", operation_id="ab_test_rollout", responses=_CHANGES
)
def post_ab(rollout: RolloutParam, body: AbBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """Compare both recipes by a measure that is stated beforehand; a watcher ends it with its conclusion."""
    test = AbTest(body.measure, body.margin, body.level)
    most, over = services.home.settings.max_recipes, ending(body.ends_at, body.max_queries)

    def change(seen: Rollout, by: Decision) -> Rollout:
        return start_ab(
            services.home.catalogue,
            seen,
            by,
            share=body.share,
            unit=body.unit,
            test=test,
            end=over,
            max_recipes=most,
            anyway=body.anyway,
        )

    return decide(services, caller, rollout, body, change)


@router.post(
    "/v1/rollouts/{rollout}/interleaving",
    summary="Start an interleaving",
    operation_id="interleave_rollout",
    responses=_CHANGES,
)
def post_interleaving(
    rollout: RolloutParam, body: InterleavingBody, caller: Operator, services: ServicesDep
) -> RolloutAnswer:
    """Both recipes answer a search together, and clicks say which wins; a watcher ends it with its conclusion."""
    if body.share is not None and body.steps is not None:
        raise InvalidInput("Give either 'share', such as 0.5, or 'steps'.")
    test = AbTest(PREFERENCE, body.margin, body.level, higher_is_better=True)
    steps, share = _steps(body.steps), 0.5 if body.share is None else body.share
    most, over = services.home.settings.max_recipes, ending(body.ends_at, body.max_queries)

    def change(seen: Rollout, by: Decision) -> Rollout:
        return start_interleaving(
            services.home.catalogue,
            seen,
            by,
            share=share,
            steps=steps,
            unit=body.unit,
            test=test,
            end=over,
            max_recipes=most,
            anyway=body.anyway,
        )

    return decide(services, caller, rollout, body, change)


def _steps(given: Sequence[StepBody] | None) -> tuple[Step, ...]:
    """The steps of a body, checked; none where none are given."""
    written = [
        {"share": one.share, "at_least_requests": one.at_least_requests, "at_least": one.at_least_seconds}
        for one in given or ()
    ]
    return checked_steps({"steps": written}, "The body") if written else ()


@router.post("/v1/rollouts/{rollout}/share", summary="Set the share", operation_id="share_rollout", responses=_CHANGES)
def post_share(rollout: RolloutParam, body: ShareBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """Set the candidate's share by hand; its steps, if it has any, are over then."""

    def change(seen: Rollout, by: Decision) -> Rollout:
        return set_share(services.home.catalogue, seen, by, body.share, override=body.override)

    return decide(services, caller, rollout, body, change)


@router.post(
    "/v1/rollouts/{rollout}/pause", summary="Pause a rollout", operation_id="pause_rollout", responses=_CHANGES
)
def post_pause(rollout: RolloutParam, body: DecisionBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """The candidate gets nothing until it is resumed; it stays open."""
    return decide(services, caller, rollout, body, lambda seen, by: pause(services.home.catalogue, seen, by))


@router.post(
    "/v1/rollouts/{rollout}/resume", summary="Resume a rollout", operation_id="resume_rollout", responses=_CHANGES
)
def post_resume(rollout: RolloutParam, body: DecisionBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """Go on where it was paused; what is observed counts from now on."""
    return decide(services, caller, rollout, body, lambda seen, by: resume(services.home.catalogue, seen, by))


@router.post(
    "/v1/rollouts/{rollout}/reject", summary="Reject a candidate", operation_id="reject_rollout", responses=_CHANGES
)
def post_reject(rollout: RolloutParam, body: DecisionBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """Decide against the candidate; it gets nothing from now on."""
    return decide(services, caller, rollout, body, lambda seen, by: reject(services.home.catalogue, seen, by))


@router.post("/v1/rollouts/{rollout}/end", summary="End a trial", operation_id="end_rollout", responses=_CHANGES)
def post_end(rollout: RolloutParam, body: DecisionBody, caller: Operator, services: ServicesDep) -> RolloutAnswer:
    """End the trial without a decision; the candidate gets nothing from now on. An A/B test is inconclusive then."""
    home = services.home
    ledger = RolloutLedger(home.ledger)
    return decide(services, caller, rollout, body, lambda seen, by: end_trial(home.catalogue, ledger, seen, by))


@router.post(
    "/v1/rollouts/{rollout}/promote",
    summary="Promote a candidate",
    operation_id="promote_rollout",
    responses=_CHANGES,
)
def post_promote(rollout: RolloutParam, body: PromotionBody, caller: Operator, services: ServicesDep) -> PromotedAnswer:
    """Put the candidate in service for everyone; the recipe before stays open for `standby_seconds`."""
    seen = require_version(services.home.catalogue, rollout, body.version)
    return promote_recipe(
        services,
        caller,
        seen.candidate,
        body.reason,
        standby_seconds=body.standby_seconds,
        seen=seen,
        anyway=body.anyway,
        override=body.override,
    )


@router.post(
    "/v1/rollouts/{rollout}/rollback",
    summary="Roll a rollout back",
    operation_id="roll_back_rollout",
    responses=_CHANGES,
)
def post_rollback(
    rollout: RolloutParam, body: RollbackBody, caller: Operator, services: ServicesDep
) -> RolledBackAnswer:
    """Take this rollout back, open or promoted, and nothing else."""
    seen = require_version(services.home.catalogue, rollout, body.version)
    return take_back(services, caller, body.reason, rollout=seen, anyway=body.anyway)
