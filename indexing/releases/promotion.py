"""Put a recipe in service, and take that back: one row each, which every API process follows."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from indexing.catalogue.database import Database
from indexing.catalogue.releases import (
    deployed_recipes,
    insert_deployment,
    last_deployment_row,
    previous_recipe,
    stable_recipe,
)
from indexing.catalogue.rollouts import clear_standby, keep_on_standby, rollback_since_deployment
from indexing.errors import NotFound, NotReady, RolloutConflict
from indexing.records import moment_text
from indexing.releases.behind import require_caught_up
from indexing.releases.gate import require_admitted
from indexing.releases.release import Release, require_newest_release
from indexing.releases.rollouts import Rollout, find_rollout, open_rollout, rollout_in
from indexing.releases.transitions import Decision, change_rollout, in_words, moment_in_words, require_room

STANDBY_SECONDS = 24 * 3600.0
"""How long the recipe that was in service stays open after a promotion, unless told otherwise. Source: issue 11."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a roll-back did.

    ``release`` is in service now; ``rollout`` is the one that was rolled back, if any; ``from_recipe`` gets nothing
    from now on; ``documents_behind`` counts the documents that ``release`` lacks until it is built again.
    """

    release: Release
    rollout: Rollout | None
    from_recipe: int
    documents_behind: int


def promote(
    catalogue: Database,
    recipe: int,
    by: Decision,
    *,
    max_recipes: int,
    standby_seconds: float = STANDBY_SECONDS,
    seen: Rollout | None = None,
    anyway: bool = False,
    override: str | None = None,
) -> Release:
    """Put a recipe in service for everyone; the one before stays open, and takes writes, for ``standby_seconds``.

    If the recipe is the candidate of an open or proposed rollout, that rollout is live from now on. A recipe that is in
    service already stays so, and nothing is written.

    Args:
        catalogue: Where it is recorded.
        recipe: The recipe.
        by: Who does it and why.
        max_recipes: How many recipes may be open.
        standby_seconds: How long the recipe before stays open; 0 for not at all.
        seen: The recipe's rollout as the caller read it: if it was changed since, nothing is promoted.
        anyway: Also a recipe that was just taken back, or that lacks documents which the one in service has.
        override: Why it goes in service without the verdict that it needs; kept for ever.

    Returns:
        The recipe's newest release, which answers from now on.

    Raises:
        NotFound: the recipe has no release.
        RolloutConflict: a rollout of another recipe is open; the recipe was just taken back, and not ``anyway``.
        ReleaseBehind: the recipe lacks documents that the one in service answers with, and not ``anyway``.
        ReleaseNotGated: the recipe has no verdict PROMOTE against the one in service, and there is no ``override``.
        TooManyRecipes: with the one before on standby, more recipes than ``max_recipes`` would be open.
    """
    with catalogue.write():
        newest = require_newest_release(catalogue, recipe)
        previous = stable_recipe(catalogue)
        if previous == recipe:
            return newest
        rollout = _rollout_of(catalogue, recipe)
        if seen is not None:
            rollout = seen  # as the caller read it, so that its version counts
        if rollout is None and not anyway:
            _require_not_taken_back(catalogue, recipe)
        require_caught_up(catalogue, recipe, anyway=anyway)
        admission = require_admitted(catalogue, recipe, override=override)
        by = replace(by, evidence={**by.evidence, **admission.evidence})
        _end_live(catalogue, by, f"recipe {recipe} was promoted")
        rollout_id = None if rollout is None else rollout.id
        insert_deployment(
            catalogue,
            recipe,
            reason=by.reason,
            actor=by.actor,
            at=by.at,
            rollout=rollout_id,
            verdict=admission.verdict,
            override=admission.override,
        )
        if rollout is not None:
            change_rollout(catalogue, rollout, "live", by, {"share": 1.0})
        clear_standby(catalogue)
        if previous is not None and standby_seconds > 0:
            until_at = moment_text(datetime.fromisoformat(by.at) + timedelta(seconds=standby_seconds))
            keep_on_standby(catalogue, previous, until_at=until_at, since_at=by.at)
        require_room(catalogue, by.at, max_recipes)
    return newest


def roll_back(
    catalogue: Database, by: Decision, *, rollout: Rollout | None = None, to: int | None = None, anyway: bool = False
) -> RolledBack:
    """Take back what was done last: an open canary gets nothing more; else the recipe before is in service again.

    Args:
        catalogue: Where it stands.
        by: Who does it and why.
        rollout: Take back this rollout, open or live, as the caller read it, and nothing else.
        to: Put this recipe in service, however long ago it was; an open canary ends as well.
        anyway: Also where the recipe lacks documents that the one in service answers with.

    Raises:
        NotFound: there is no recipe to go back to, or its releases were freed.
        NotReady: nothing is in service yet.
        ReleaseBehind: the recipe lacks documents, and not ``anyway``.
        ReleaseNotGated: ``to`` was never in service, so that this is no roll-back, and it has no verdict PROMOTE.
        RolloutConflict: the last change was a roll-back already, or the rollout is over or was changed meanwhile.
    """
    with catalogue.write():
        live = stable_recipe(catalogue)
        if live is None:
            raise NotReady("Nothing is in service yet, so there is nothing to roll back.")
        trial = rollout if rollout is not None and rollout.state != "live" else None
        if rollout is None:
            trial = _open_canary(catalogue)
        rolled = None if trial is None else change_rollout(catalogue, trial, "rolled_back", by, {"share": 0.0})
        if rolled is not None and to in (None, live):
            return RolledBack(require_newest_release(catalogue, live), rolled, rolled.candidate, 0)
        return _back_to(catalogue, by, live, rollout if rolled is None else rolled, to, anyway=anyway)


def _back_to(
    catalogue: Database, by: Decision, live: int, rollout: Rollout | None, to: int | None, *, anyway: bool
) -> RolledBack:
    """Put an earlier recipe in service."""
    if to is None:
        to = _previous(catalogue, live)
    target = require_newest_release(catalogue, to)
    if to == live:
        raise RolloutConflict(f"Recipe {to} is in service already: there is nothing to roll back.")
    behind = require_caught_up(catalogue, to, anyway=anyway)
    if to not in deployed_recipes(catalogue):
        require_admitted(catalogue, to)
    shadow = open_rollout(catalogue)
    if shadow is not None:
        ended = Decision(by.actor, f"recipe {to} was put back in service", by.at)
        change_rollout(catalogue, shadow, "ended", ended, {"share": 0.0})
    was_live = rollout_in(catalogue, ("live",))
    if rollout is not None and rollout.state == "live":
        was_live = rollout  # as the caller read it, so that its version counts
    if was_live is not None:
        rollout = change_rollout(catalogue, was_live, "rolled_back", by, {"share": 0.0})
    insert_deployment(
        catalogue,
        to,
        reason=by.reason,
        actor=by.actor,
        at=by.at,
        rollout=None if rollout is None else rollout.id,
        is_rollback=True,
    )
    clear_standby(catalogue)
    return RolledBack(target, rollout, live, behind)


def _previous(catalogue: Database, live: int) -> int:
    """The recipe that was in service before, unless going back to it would be a second roll-back."""
    previous = previous_recipe(catalogue)
    if previous is None:
        raise NotFound(f"Recipe {live} is the only one that was ever in service: there is nothing to go back to.")
    taken_back = _taken_back(catalogue)
    if taken_back is not None:
        raise RolloutConflict(
            f"The last change was a roll-back already: {taken_back[1]}. Recipe {live} is in service. To go back"
            " further, say where to: 'groundwork releases rollback --to RELEASE' (see 'groundwork releases list')."
        )
    return previous


def _require_not_taken_back(catalogue: Database, recipe: int) -> None:
    taken_back = _taken_back(catalogue)
    if taken_back is not None and taken_back[0] == recipe:
        raise RolloutConflict(
            f"Recipe {recipe} was just taken back: {taken_back[1]}. Propose it again, or promote it --anyway."
        )


def _taken_back(catalogue: Database) -> tuple[int, str] | None:
    """Which recipe the last change took back, and who did it, when and why; ``None`` if it was no roll-back."""
    row = rollback_since_deployment(catalogue)
    if row is not None:
        rollout = find_rollout(catalogue, row["rollout"])
        said = f"{row['actor']} rolled back rollout {rollout.id} at {moment_in_words(row['at'])} ({row['reason']})"
        return rollout.candidate, said
    last, before = last_deployment_row(catalogue), previous_recipe(catalogue)
    if last is None or before is None or not last["is_rollback"]:
        return None
    moment, reason = moment_in_words(last["created_at"]), last["reason"]
    return before, f"{last['actor']} put recipe {last['recipe']} back in service at {moment} ({reason})"


def _rollout_of(catalogue: Database, recipe: int) -> Rollout | None:
    """The rollout that promoting a recipe concludes: the open one, else one that proposes it."""
    found = open_rollout(catalogue)
    if found is None:
        proposed = rollout_in(catalogue, ("proposed",), candidate=recipe)
        return proposed
    if found.candidate != recipe:
        raise RolloutConflict(
            f"Rollout {found.id} of recipe {found.candidate} is open ({in_words(found.state)}): end it before recipe"
            f" {recipe} is promoted, with 'groundwork rollouts end {found.id}', 'reject' or 'rollback'."
        )
    return found


def _end_live(catalogue: Database, by: Decision, reason: str) -> None:
    """The rollout that brought what is in service until now is over."""
    found = rollout_in(catalogue, ("live",))
    if found is not None:
        change_rollout(catalogue, found, "ended", Decision(by.actor, reason, by.at))


def _open_canary(catalogue: Database) -> Rollout | None:
    found = open_rollout(catalogue)
    return None if found is None or found.mode == "shadow" else found
