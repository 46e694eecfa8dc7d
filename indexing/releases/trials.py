"""How a trial begins: a recipe is proposed, then shadowed, given a share, compared in an A/B test, or interleaved."""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from indexing.catalogue.database import Database
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.rollouts import insert_rollout
from indexing.catalogue.tenants import has_tenant
from indexing.errors import InvalidInput, NotFound, NotReady, RolloutConflict
from indexing.records import Json
from indexing.releases.behind import require_caught_up
from indexing.releases.gate import require_admitted_to_all
from indexing.releases.release import newest_release
from indexing.releases.rollouts import (
    MEASURES,
    PREFERENCE,
    AbTest,
    Rollout,
    State,
    Step,
    Unit,
    find_rollout,
    list_rollouts,
)
from indexing.releases.transitions import Decision, change_rollout, in_words, record_transition, require_room

_SEED_BYTES = 16
"""Random bytes of a seed. Source: our choice, as of a UUID, so that no two rollouts share one."""


@dataclass(frozen=True, slots=True)
class End:
    """When a trial is over by itself: at a moment (UTC, ISO 8601), after so many queries, or whichever is first."""

    at: str | None = None
    queries: int | None = None

    def require(self, now: str, what: str) -> None:
        """Refuse an end that is none, or lies behind.

        Raises:
            InvalidInput: neither is given, or the moment is not after ``now``.
        """
        if self.at is None and self.queries is None:
            raise InvalidInput(f"{what} needs an end: give a moment or a number of queries.")
        if self.at is not None and datetime.fromisoformat(self.at) <= datetime.fromisoformat(now):
            raise InvalidInput(f"The end {self.at} lies behind; expected a moment after {now}.")
        if self.queries is not None and self.queries < 1:
            raise InvalidInput(f"{self.queries} queries cannot be the end: expected 1 or more.")


def propose(
    catalogue: Database,
    candidate: int,
    by: Decision,
    *,
    tenants: Iterable[str] | None = None,
    first: Iterable[str] = (),
) -> Rollout:
    """Propose a recipe against the one in service; it gets no traffic yet.

    Args:
        catalogue: Where it is recorded.
        candidate: The recipe; it must have been built.
        by: Who proposes it and why.
        tenants: Whom the trial concerns; ``None`` for all.
        first: Tenants that get the candidate whatever the share.

    Raises:
        NotFound: the recipe has no release, or a tenant does not exist.
        NotReady: nothing is in service yet.
        RolloutConflict: the recipe is in service, or has a rollout that is not over.
    """
    named, leading = None if tenants is None else sorted(set(tenants)), sorted(set(first))
    with catalogue.write():
        baseline = _require_candidate(catalogue, candidate)
        for tenant in (*(named or ()), *leading):
            if not has_tenant(catalogue, tenant):
                raise NotFound(f"No tenant {tenant!r}. See 'groundwork tenants list'.")
        for other in list_rollouts(catalogue):
            if other.candidate == candidate and (other.is_open or other.state == "proposed"):
                raise RolloutConflict(f"Recipe {candidate} is in rollout {other.id} already ({in_words(other.state)}).")
        number = insert_rollout(
            catalogue,
            {
                "candidate": candidate,
                "baseline": baseline,
                "mode": "canary",
                "state": "proposed",
                "share": 0.0,
                "unit": "tenant",
                "seed": "",
                "steps": "[]",
                "step": 0,
                "tenants": None if named is None else json.dumps(named),
                "first_tenants": json.dumps(leading),
                "decides": "",
                "version": 1,
                "since_at": by.at,
                "created_at": by.at,
                "created_by": by.actor,
            },
        )
        proposed = find_rollout(catalogue, number)
        record_transition(catalogue, proposed, "proposed", by)
    return proposed


def start_shadow(
    catalogue: Database, seen: Rollout, by: Decision, *, share: float, end: End, decides: str, max_recipes: int
) -> Rollout:
    """Let the candidate answer copies of queries, after the users were answered.

    It may lack documents as yet: builds bring them while it is open.

    Args:
        catalogue: Where it stands.
        seen: The rollout as the caller read it.
        by: Who starts it and why.
        share: The part of the queries that is copied, in (0, 1].
        end: When it is over; a shadow without an end is refused.
        decides: What it is to decide, in words.
        max_recipes: How many recipes may be open.

    Raises:
        InvalidInput: no end, nothing to decide, or a share out of range.
        RolloutConflict, TooManyRecipes: it cannot be started now.
    """
    end.require(by.at, "A shadow")
    if not decides.strip():
        raise InvalidInput("A shadow must say what it is to decide, such as 'whether recipe 13 answers as fast'.")
    changes: dict[str, Json] = {
        "mode": "shadow",
        "share": checked_share(share),
        "unit": "request",
        "ends_at": end.at,
        "max_queries": end.queries,
        "decides": decides.strip(),
    }
    only_from: tuple[State, ...] = ("proposed",)
    return _start(catalogue, seen, "shadow", by, changes, max_recipes, only_from, anyway=True)


def start_canary(
    catalogue: Database,
    seen: Rollout,
    by: Decision,
    *,
    share: float,
    steps: Sequence[Step],
    unit: Unit,
    max_recipes: int,
    anyway: bool = False,
    override: str | None = None,
) -> Rollout:
    """Give the candidate a share of the units, sticky for each; a new seed decides which.

    Args:
        catalogue: Where it stands.
        seen: The rollout as the caller read it: proposed, or a shadow.
        by: Who starts it and why.
        share: The candidate's share, in (0, 1]; with ``steps`` that of the first of them counts.
        steps: What a watcher goes through; empty for a share that only operators change.
        unit: What is assigned as one.
        max_recipes: How many recipes may be open.
        anyway: Also where the candidate lacks documents that the recipe in service answers with.
        override: Why a share of 1, now or in a step, needs no verdict; kept for ever.

    Raises:
        InvalidInput: a share is out of range.
        ReleaseBehind: the candidate lacks documents, and not ``anyway``.
        ReleaseNotGated: a share is 1, the candidate has no verdict PROMOTE, and there is no ``override``.
        RolloutConflict, TooManyRecipes: it cannot be started now.
    """
    changes: dict[str, Json] = {
        "mode": "canary",
        "share": checked_share(steps[0].share if steps else share),
        "unit": unit,
        "steps": json.dumps([asdict(step) for step in steps]),
    }
    only_from = _startable(seen, "proposed", "shadow")
    most = max((one.share for one in steps), default=share)
    with catalogue.write():
        by = admitted_share(catalogue, seen.candidate, most, by, override)
        return _start(catalogue, seen, "canary", by, changes, max_recipes, only_from, anyway=anyway)


def start_ab(
    catalogue: Database,
    seen: Rollout,
    by: Decision,
    *,
    share: float,
    unit: Unit,
    test: AbTest,
    end: End,
    max_recipes: int,
    anyway: bool = False,
) -> Rollout:
    """Compare both recipes by a measure that is stated beforehand, unit by unit, until the end.

    Args:
        catalogue: Where it stands.
        seen: The rollout as the caller read it: proposed, or a shadow.
        by: Who starts it and why.
        share: The candidate's share, in (0, 1).
        unit: What is assigned, and compared, as one.
        test: Measure, margin and level.
        end: When it is over.
        max_recipes: How many recipes may be open.
        anyway: Also where the candidate lacks documents that the recipe in service answers with.

    Raises:
        InvalidInput: no end, a share or the test out of range.
        ReleaseBehind: the candidate lacks documents, and not ``anyway``.
        RolloutConflict, TooManyRecipes: it cannot be started now.
    """
    end.require(by.at, "An A/B test")
    if test.measure not in MEASURES:
        raise InvalidInput(f"Measure {test.measure!r} is unknown: expected {', '.join(MEASURES)}.")
    _require_test(test)
    if checked_share(share) == 1.0:
        raise InvalidInput("A share of 1 leaves nothing to compare with: expected less than 1, such as 0.5.")
    better = "higher" if test.higher_is_better else "lower"
    decides = f"whether {test.measure} differs by {test.margin:g} or more ({better} is better)"
    changes: dict[str, Json] = {"mode": "ab", "share": share, "unit": unit, "decides": decides}
    return _start_test(catalogue, seen, by, changes, test, end, max_recipes, anyway=anyway)


def start_interleaving(
    catalogue: Database,
    seen: Rollout,
    by: Decision,
    *,
    share: float,
    steps: Sequence[Step],
    unit: Unit,
    test: AbTest,
    end: End,
    max_recipes: int,
    anyway: bool = False,
) -> Rollout:
    """Let both recipes answer searches of a share of the units together, until the end: clicks say which one wins.

    Args:
        catalogue: Where it stands.
        seen: The rollout as the caller read it: proposed, or a shadow.
        by: Who starts it and why.
        share: The part of the units whose searches are interleaved, in (0, 1]; with ``steps`` that of the first counts.
        steps: What a watcher goes through, as of a canary; empty for a share that only operators change.
        unit: What is assigned, and votes, as one.
        test: Margin and level; its measure is ``PREFERENCE``, of which more is better.
        end: When it is over, by a moment or by so many interleaved answers.
        max_recipes: How many recipes may be open.
        anyway: Also where the candidate lacks documents that the recipe in service answers with.

    Raises:
        InvalidInput: no end, a share or the test out of range.
        ReleaseBehind: the candidate lacks documents, and not ``anyway``.
        RolloutConflict, TooManyRecipes: it cannot be started now.
    """
    end.require(by.at, "An interleaving")
    if test.measure != PREFERENCE or not test.higher_is_better:
        raise InvalidInput(f"Measure {test.measure!r} does not fit an interleaving: expected {PREFERENCE!r}.")
    _require_test(test)
    if test.margin >= 0.5:
        raise InvalidInput(f"Margin {test.margin:g} is all that a share can differ from one half: expected less.")
    changes: dict[str, Json] = {
        "mode": "interleaving",
        "share": checked_share(steps[0].share if steps else share),
        "unit": unit,
        "steps": json.dumps([asdict(step) for step in steps]),
        "decides": f"whether {unit}s prefer the candidate, by {test.margin:g} more than half of those that choose",
    }
    return _start_test(catalogue, seen, by, changes, test, end, max_recipes, anyway=anyway)


def _require_test(test: AbTest) -> None:
    if not (test.margin > 0 and 0 < test.level < 0.5):
        raise InvalidInput(
            f"Margin {test.margin:g} and level {test.level:g} do not fit: expected a margin above 0, and a level"
            " between 0 and 0.5, such as 0.05."
        )


def _start_test(
    catalogue: Database,
    seen: Rollout,
    by: Decision,
    changes: Mapping[str, Json],
    test: AbTest,
    end: End,
    max_recipes: int,
    *,
    anyway: bool,
) -> Rollout:
    """Start a trial whose end, and what it is to show by then, are stated beforehand."""
    stated = {"ends_at": end.at, "max_queries": end.queries, "ab_test": json.dumps(asdict(test))}
    only_from = _startable(seen, "proposed", "shadow")
    return _start(catalogue, seen, "canary", by, {**changes, **stated}, max_recipes, only_from, anyway=anyway)


def _start(
    catalogue: Database,
    seen: Rollout,
    to: State,
    by: Decision,
    changes: Mapping[str, Json],
    max_recipes: int,
    only_from: tuple[State, ...],
    *,
    anyway: bool,
) -> Rollout:
    """Change it into a state in which the candidate is open, against what is in service now, with a new seed."""
    with catalogue.write():
        baseline = _require_candidate(catalogue, seen.candidate)
        columns = {
            **{
                "steps": "[]",
                "step": 0,
                "ends_at": None,
                "max_queries": None,
                "decides": "",
                "ab_test": None,
                **changes,
            },
            **{"baseline": baseline, "seed": secrets.token_hex(_SEED_BYTES)},
        }
        started = change_rollout(catalogue, seen, to, by, columns, only_from=only_from)
        require_caught_up(catalogue, seen.candidate, anyway=anyway)
        require_room(catalogue, by.at, max_recipes)
    return started


def _require_candidate(catalogue: Database, candidate: int) -> int:
    """The recipe in service, which a candidate is compared with."""
    if newest_release(catalogue, candidate) is None:
        raise NotFound(f"Recipe {candidate} has no release yet: build it first.")
    live = stable_recipe(catalogue)
    if live is None:
        raise NotReady("Nothing is in service to compare with: 'groundwork build' releases the first recipe.")
    if live == candidate:
        raise RolloutConflict(f"Recipe {candidate} is in service already: there is nothing to try.")
    return live


def _startable(seen: Rollout, *states: State) -> tuple[State, ...]:
    """The states from which a trial may begin: a shadow that is paused may become something else."""
    paused: tuple[State, ...] = ("paused",) if seen.mode == "shadow" else ()
    return (*states, *paused)


def admitted_share(catalogue: Database, candidate: int, share: float, by: Decision, override: str | None) -> Decision:
    """The decision to give a candidate a share, with what admits it where the share is 1: everyone would get it.

    Raises:
        InvalidInput, ReleaseNotGated: as ``require_admitted``.
    """
    if share < 1.0:
        return by
    admission = require_admitted_to_all(catalogue, candidate, override=override)
    return replace(by, evidence={**by.evidence, **admission.evidence})


def checked_share(share: float) -> float:
    """A share as it was given, if it is one.

    Raises:
        InvalidInput: it is not in (0, 1].
    """
    if not 0.0 < share <= 1.0:
        raise InvalidInput(f"Share {share:g} is out of range: expected more than 0 and at most 1, such as 0.05.")
    return share
