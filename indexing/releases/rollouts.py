"""Rollouts as records: a recipe under trial beside the one in service, and what API processes must serve for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from indexing.catalogue.database import Database, Row
from indexing.catalogue.rollouts import rollout_row, rollout_row_in, rollout_rows, serving_row
from indexing.errors import NotFound, NotReady

Mode = Literal["shadow", "canary", "ab", "interleaving"]
State = Literal["proposed", "shadow", "canary", "paused", "live", "rolled_back", "rejected", "ended"]
Unit = Literal["tenant", "user", "request"]
PinKind = Literal["pinned", "held_back", "first"]
OPEN_STATES: tuple[State, ...] = ("shadow", "canary", "paused")
"""In these a rollout takes traffic, or did and may again: at most one rollout of a home is in one of them."""
UNWATCHED_SECONDS = 60.0
"""How long a canary or an A/B test goes on without a renewed lease of a watcher. Source: issue 11."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a canary: the candidate's share in [0, 1], and what it must see before the next step."""

    share: float
    min_requests: int
    min_seconds: float


MEASURES = ("latency_ms", "error_rate", "empty_rate", "warning_rate")
"""What an A/B test may compare: a mean over the requests of each unit, as the ledger has them."""
PREFERENCE = "preference"
"""What an interleaving compares: the part of the units that prefer the candidate by their clicks, of those that prefer
one of both, minus one half."""


@dataclass(frozen=True, slots=True)
class AbTest:
    """What an A/B test, or an interleaving, states beforehand.

    ``measure`` is what is compared, unit by unit; ``margin`` > 0, in the measure's own unit, is the difference that
    does not matter; ``level`` is the chance, in (0, 1), of calling a difference where there is none.
    """

    measure: str
    margin: float
    level: float = 0.05
    higher_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """A recipe under trial.

    ``candidate`` and ``baseline`` are recipe numbers; ``share`` in [0, 1] is the part of the units that the candidate
    gets (in shadow: the part of the queries that is copied; interleaved: the part of the units that get hits of both);
    ``seed`` is new whenever traffic begins; ``tenants`` is whom it concerns, ``None`` for all; ``first`` get the
    candidate whatever the share; ``version`` counts its changes; ``since_at`` is since when it has its state, share and
    step.
    """

    id: int
    candidate: int
    baseline: int
    mode: Mode
    state: State
    share: float
    unit: Unit
    seed: str
    steps: tuple[Step, ...]
    step: int
    tenants: tuple[str, ...] | None
    first: tuple[str, ...]
    ends_at: str | None
    max_queries: int | None
    decides: str
    version: int
    created_at: str
    created_by: str
    since_at: str = ""
    ab_test: AbTest | None = None

    @property
    def is_open(self) -> bool:
        """Whether its candidate takes traffic, or did and may again."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Pin:
    """What a tenant gets whatever the shares: ``pinned`` a recipe, ``held_back`` the live one, ``first`` candidates."""

    tenant: str
    recipe: int | None
    kind: PinKind


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """What every API process must serve, as of one moment.

    ``live`` is the recipe in service; ``standby`` are others that stay open and take writes; ``rollout`` is the open
    one; ``pins`` are by tenant. While not ``is_watched``, a candidate gets no traffic. A shadow needs no watcher for
    that: what it answers reaches no user.
    """

    live: int
    standby: tuple[int, ...]
    rollout: Rollout | None
    pins: Mapping[str, Pin]
    is_watched: bool

    @property
    def open_recipes(self) -> tuple[int, ...]:
        """Every recipe that must be open: the live one first, then the candidate, then those on standby; each once."""
        candidate = () if self.rollout is None else (self.rollout.candidate,)
        return tuple(dict.fromkeys((self.live, *candidate, *self.standby)))


def read_serving_plan(catalogue: Database, now: str) -> ServingPlan:
    """What must be served at the moment ``now`` (UTC, ISO 8601).

    Raises:
        NotReady: nothing has been deployed yet.
    """
    row = serving_row(catalogue, now)
    live = row.pop("live")
    if live is None:
        raise NotReady("Nothing is released yet: run 'groundwork ingest' and 'groundwork build' first.")
    pins = {pin[0]: Pin(*pin) for pin in json.loads(row.pop("pin_rows"))}
    needed = [pin.recipe for pin in pins.values() if pin.recipe is not None]
    standby = [int(recipe) for recipe in (*json.loads(row.pop("standby_recipes")), *needed) if recipe != live]
    renewed_at = row.pop("renewed_at")
    rollout = None if row["id"] is None else rollout_from(row)
    is_watched = rollout is None or rollout.mode == "shadow" or is_fresh(renewed_at, now)
    return ServingPlan(int(live), tuple(dict.fromkeys(standby)), rollout, pins, is_watched)


def is_fresh(renewed_at: str | None, now: str) -> bool:
    """Whether a watcher's lease that was renewed at one moment still counts at another (both UTC, ISO 8601).

    One that lies ahead as far is not fresh either: it is of a clock that is wrong, and may be of a watcher long gone.
    """
    if renewed_at is None:
        return False
    apart = datetime.fromisoformat(now) - datetime.fromisoformat(renewed_at)
    return abs(apart.total_seconds()) <= UNWATCHED_SECONDS


def find_rollout(catalogue: Database, number: int) -> Rollout:
    """The rollout with this number.

    Raises:
        NotFound: there is none.
    """
    row = rollout_row(catalogue, number)
    if row is None:
        raise NotFound(f"No rollout {number}. See 'groundwork rollouts list'.")
    return rollout_from(row)


def list_rollouts(catalogue: Database) -> list[Rollout]:
    """All rollouts, the newest first."""
    return [rollout_from(row) for row in rollout_rows(catalogue)]


def open_rollout(catalogue: Database) -> Rollout | None:
    """The one rollout that is open, or ``None``."""
    return rollout_in(catalogue, OPEN_STATES)


def rollout_in(catalogue: Database, states: Sequence[State], *, candidate: int | None = None) -> Rollout | None:
    """The newest rollout in one of these states, of one candidate or of any, or ``None``."""
    row = rollout_row_in(catalogue, states, candidate)
    return None if row is None else rollout_from(row)


def rollout_from(row: Row) -> Rollout:
    """The record of a row of the table ``rollouts``."""
    values = dict(row)
    tenants, test = values.pop("tenants"), values.pop("ab_test")
    return Rollout(
        steps=tuple(Step(**step) for step in json.loads(values.pop("steps"))),
        tenants=None if tenants is None else tuple(json.loads(tenants)),
        first=tuple(json.loads(values.pop("first_tenants"))),
        ab_test=None if test is None else AbTest(**json.loads(test)),
        **values,
    )
