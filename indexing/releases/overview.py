"""How releases and rollouts stand, as people read it: in tables of the command line and in answers of the API."""

from dataclasses import dataclass

from indexing.catalogue.database import Database
from indexing.catalogue.rollouts import standby_rows
from indexing.catalogue.watcher_lease import WatcherSeen, watcher_seen
from indexing.errors import InvalidInput, NotFound, NotReady
from indexing.releases.behind import documents_behind
from indexing.releases.release import list_releases
from indexing.releases.rollouts import Rollout, ServingPlan, is_fresh, list_rollouts, open_rollout, read_serving_plan
from indexing.releases.transitions import in_words

UNWATCHED = "paused: no watcher runs"
"""How a canary or an A/B test reads while no watcher renews its lease. Source: issue 11."""


@dataclass(frozen=True, slots=True)
class ReleaseStanding:
    """A release and what it does now.

    ``state`` says in words why it is open, and is empty where it is not; ``arm`` is what answers of it are recorded
    under; ``documents_behind`` counts the documents that it lacks until its recipe is built, ``None`` unless open.
    """

    number: str
    recipe: int
    snapshot: str
    seq: int
    created_at: str
    created_by: str
    is_in_service: bool
    state: str
    arm: str
    documents_behind: int | None


def standings(catalogue: Database, now: str) -> list[ReleaseStanding]:
    """All releases, oldest first; of an open recipe the newest build is the one that is open."""
    try:
        plan = read_serving_plan(catalogue, now)
    except NotReady:
        plan = None
    found = list_releases(catalogue)
    newest = {one.recipe: one.number for one in sorted(found, key=lambda one: one.build)}
    states = {} if plan is None else _states(catalogue, plan, now)
    rows = []
    for one in found:
        arm, state = states.get(one.recipe, ("", "")) if newest[one.recipe] == one.number else ("", "")
        behind = documents_behind(catalogue, one.recipe) if arm else None
        is_live = plan is not None and plan.live == one.recipe and bool(arm)
        facts = (one.number, one.recipe, one.snapshot, one.seq, one.created_at, one.created_by)
        rows.append(ReleaseStanding(*facts, is_live, state, arm, behind))
    return rows


def is_watched(catalogue: Database, now: str) -> tuple[bool, WatcherSeen | None]:
    """Whether a watcher renewed its lease lately, and which one did last."""
    seen = watcher_seen(catalogue)
    return seen is not None and is_fresh(seen.renewed_at, now), seen


def reads(rollout: Rollout, *, is_watched: bool) -> str:
    """A rollout's state in words; one that gives users the candidate is paused without a watcher, as API processes do.

    A shadow goes on: what it answers reaches no user.
    """
    if rollout.state == "canary" and not is_watched:
        return UNWATCHED
    return in_words(rollout.state)


def percent(share: float) -> str:
    """A share as people write it."""
    return f"{100 * share:.4g} %"


def sentence(rollout: Rollout, *, is_watched: bool) -> str:
    """What a rollout does now, in a sentence."""
    state = reads(rollout, is_watched=is_watched)
    about = f"Rollout {rollout.id} (recipe {rollout.candidate} against {rollout.baseline})"
    of = f"of {rollout.unit}s get the candidate"
    if rollout.mode in ("shadow", "interleaving"):
        of = "of the queries are copied to it" if rollout.mode == "shadow" else f"of {rollout.unit}s get hits of both"
    if rollout.state == "paused" or state == UNWATCHED:
        return f"{about} is {state}: the candidate gets nothing."
    if not rollout.is_open:
        return f"{about} is {state}."
    step = ""
    if rollout.steps:
        is_done = rollout.step == len(rollout.steps)
        step = ", all steps passed" if is_done else f", step {rollout.step + 1} of {len(rollout.steps)}"
    mode = {"ab": "an A/B test", "interleaving": "an interleaving"}.get(rollout.mode, f"a {rollout.mode}")
    return f"{about} is {mode}{step}: {percent(rollout.share)} {of}."


def meant_rollout(catalogue: Database, number: int | None) -> int:
    """The rollout that an operator means: the one named, else the open one, else the only one that is proposed.

    Raises:
        NotFound: there is none.
        InvalidInput: several are proposed.
    """
    if number is not None:
        return number
    found = open_rollout(catalogue)
    if found is not None:
        return found.id
    proposed = [one.id for one in list_rollouts(catalogue) if one.state == "proposed"]
    if not proposed:
        raise NotFound("No rollout is open or proposed: 'groundwork rollouts propose RELEASE' makes one.")
    if len(proposed) > 1:
        raise InvalidInput(f"Rollouts {', '.join(map(str, sorted(proposed)))} are proposed: say which one.")
    return proposed[0]


def _states(catalogue: Database, plan: ServingPlan, now: str) -> dict[int, tuple[str, str]]:
    """Arm and state of each open recipe."""
    until = {int(row["recipe"]): str(row["until_at"]) for row in standby_rows(catalogue, now)}
    states: dict[int, tuple[str, str]] = {}
    for recipe in plan.standby:
        tenants = sorted(tenant for tenant, pin in plan.pins.items() if pin.recipe == recipe)
        kept = f"on standby until {until[recipe][:16].replace('T', ' ')}" if recipe in until else ""
        pinned = f"pinned for {', '.join(tenants)}" if tenants else ""
        states[recipe] = ("standby" if kept else "pinned", "; ".join(filter(None, (kept, pinned))))
    if plan.rollout is not None:
        one = plan.rollout
        state = reads(one, is_watched=plan.is_watched)
        share = "" if one.state == "paused" or state == UNWATCHED else f" at {percent(one.share)}"
        states[one.candidate] = ("candidate", f"rollout {one.id}: {state}{share}")
    states[plan.live] = ("live", "in service")
    return states
