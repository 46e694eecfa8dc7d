"""Which state of a rollout may follow which, and the one way to change a rollout: compare-and-swap on its version."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from indexing.catalogue.database import Database
from indexing.catalogue.rollouts import insert_transition, transition_rows, update_rollout
from indexing.errors import RolloutConflict, TooManyRecipes
from indexing.records import Json
from indexing.releases.rollouts import Rollout, ServingPlan, State, find_rollout, open_rollout, read_serving_plan

TRANSITIONS: Mapping[State, frozenset[State]] = {
    "proposed": frozenset({"shadow", "canary", "live", "rejected"}),
    "shadow": frozenset({"shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"}),
    "canary": frozenset({"canary", "paused", "live", "rolled_back", "rejected", "ended"}),
    "paused": frozenset({"shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"}),
    "live": frozenset({"rolled_back", "ended"}),
    "rolled_back": frozenset(),
    "rejected": frozenset(),
    "ended": frozenset(),
}
"""What each state may become; itself where only the share or the step changes. The last three are for ever."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who changes something, why, and when (UTC, ISO 8601); ``evidence`` is what it rests on, as JSON."""

    actor: str
    reason: str
    at: str
    evidence: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a rollout, as it is kept for ever."""

    rollout: int
    version: int
    from_state: State
    to_state: State
    share: float
    step: int
    actor: str
    reason: str
    at: str
    evidence: Mapping[str, Json]

    @property
    def said(self) -> str:
        """Who did what, when and why, as a sentence's end."""
        return f"{self.actor} made it {in_words(self.to_state)} at {moment_in_words(self.at)} ({self.reason})"


def in_words(state: str) -> str:
    """A state as people write it."""
    return state.replace("_", " ")


def moment_in_words(moment: str) -> str:
    """A moment to the second, as people write it."""
    return f"{moment[:19].replace('T', ' ')} UTC"


def list_transitions(catalogue: Database, rollout: int) -> list[Transition]:
    """All changes of a rollout, oldest first."""
    found = []
    for row in transition_rows(catalogue, rollout):
        values = {name: value for name, value in row.items() if name not in ("id", "deployment")}
        found.append(Transition(**{**values, "evidence": json.loads(row["evidence"])}))
    return found


def change_rollout(
    catalogue: Database,
    seen: Rollout,
    to: State,
    by: Decision,
    changes: Mapping[str, Json] | None = None,
    *,
    only_from: Collection[State] = tuple(TRANSITIONS),
) -> Rollout:
    """Bring a rollout into a state, if it still is as it was ``seen``; nothing is written otherwise.

    Of two that change what both have seen, one wins. Inside a write transaction of the caller it becomes part of that.

    Args:
        catalogue: Where it stands.
        seen: The rollout as the caller read it; its version is what is compared.
        to: The state it shall have, its own where only other columns change.
        by: Who decides it, why and when.
        changes: Other columns of the table ``rollouts`` that change with it.
        only_from: The states from which this may be done, where that is fewer than the table allows.

    Returns:
        The rollout as it is now.

    Raises:
        RolloutConflict: it was changed since, its state may not become that one, or another rollout is open.
    """
    with catalogue.write():
        now = find_rollout(catalogue, seen.id)
        if now.version != seen.version:
            raise RolloutConflict(f"Rollout {seen.id} was changed meanwhile: {_last_said(catalogue, now)}.")
        if to not in TRANSITIONS[now.state] or now.state not in only_from:
            raise RolloutConflict(
                f"Rollout {now.id} is {in_words(now.state)}, and this makes it {in_words(to)} only from"
                f" {_allowed(to, only_from)}: {_last_said(catalogue, now)}."
            )
        _require_alone(catalogue, now, to)
        columns = {"state": to, "since_at": by.at, **(changes or {})}
        if not update_rollout(catalogue, now.id, now.version, columns):
            raise RolloutConflict(f"Rollout {now.id} was changed meanwhile: {_last_said(catalogue, now)}.")
        changed = find_rollout(catalogue, now.id)
        record_transition(catalogue, changed, now.state, by)
    return changed


def record_transition(catalogue: Database, changed: Rollout, from_state: State, by: Decision) -> None:
    """Write down for ever how a rollout became what it is now."""
    insert_transition(
        catalogue,
        {
            "rollout": changed.id,
            "version": changed.version,
            "from_state": from_state,
            "to_state": changed.state,
            "share": changed.share,
            "step": changed.step,
            "actor": by.actor,
            "reason": by.reason,
            "at": by.at,
            "evidence": json.dumps(by.evidence, sort_keys=True),
        },
    )


def require_version(catalogue: Database, number: int, version: int | None) -> Rollout:
    """The rollout with this number, as the caller means it.

    Args:
        catalogue: Where it stands.
        number: Which rollout.
        version: The version that the caller decided on; ``None`` for whichever it has.

    Raises:
        NotFound: there is no such rollout.
        RolloutConflict: it has another version by now.
    """
    found = find_rollout(catalogue, number)
    if version is not None and found.version != version:
        raise RolloutConflict(
            f"Rollout {number} has version {found.version}, not {version}: {_last_said(catalogue, found)}."
            " Look at it again, then decide."
        )
    return found


def require_room(catalogue: Database, now: str, max_recipes: int) -> ServingPlan:
    """To be called at the end of the transaction that opens a recipe; gives what is to be served.

    Raises:
        TooManyRecipes: more than ``max_recipes`` would have to be open at once.
    """
    plan = read_serving_plan(catalogue, now)
    if len(plan.open_recipes) > max_recipes:
        raise TooManyRecipes(
            f"{len(plan.open_recipes)} recipes would have to be open at once ({', '.join(_why_open(plan))}), and"
            f" GROUNDWORK_MAX_RECIPES allows {max_recipes}: unpin one, end the rollout, or promote with --standby 0."
        )
    return plan


def _why_open(plan: ServingPlan) -> Sequence[str]:
    pinned = {pin.recipe for pin in plan.pins.values()}
    reasons = {recipe: "pinned" if recipe in pinned else "on standby" for recipe in plan.standby}
    if plan.rollout is not None:
        reasons[plan.rollout.candidate] = "under trial"
    return [f"{recipe} {'in service' if recipe == plan.live else reasons[recipe]}" for recipe in plan.open_recipes]


def _require_alone(catalogue: Database, rollout: Rollout, to: State) -> None:
    other = open_rollout(catalogue) if to in ("shadow", "canary", "paused") else None
    if other is not None and other.id != rollout.id:
        raise RolloutConflict(
            f"Rollout {other.id} of recipe {other.candidate} is open ({in_words(other.state)}), and only one can be:"
            f" end it first, with 'groundwork rollouts end {other.id}', 'reject' or 'rollback'."
        )


def _last_said(catalogue: Database, rollout: Rollout) -> str:
    return list_transitions(catalogue, rollout.id)[-1].said


def _allowed(to: State, only_from: Collection[State]) -> str:
    return " or ".join(in_words(state) for state in TRANSITIONS if state in only_from and to in TRANSITIONS[state])
