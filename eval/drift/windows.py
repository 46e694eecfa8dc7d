"""Windows over the ledger: a bounded sample of the answers of a period, with sketches of their queries."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from eval.drift.observations import Observation, observe
from eval.drift.stored_features import with_stored_features
from indexing.catalogue.alerts import open_alerts
from indexing.catalogue.releases import deployment_rows
from indexing.errors import InvalidInput, NotReady
from indexing.home import Home
from indexing.ledger.day_sources import DayFault, OnFault, Period
from indexing.ledger.query_sketches import Sketches, read_sketches, unpacked
from indexing.ledger.records import RequestRow
from indexing.ledger.sampled_readers import sampled_answers
from indexing.releases.deployments import stable_release
from indexing.releases.recipes import read_recipe
from indexing.releases.release import find_release

LEAST = 100
"""Requests of a window that a signal needs in it; below, nothing is guessed. Source: issue 12."""
MOST_ROWS = 2000
"""Requests that are looked at of a period: a rate of 5 % is known to half a point then. Source: our choice."""
MOST_SKETCHES = 500
"""Sketches that are looked at of a period. Source: issue 12."""
TRIAL_ARMS = ("candidate",)
"""What answers beside what is in service; interleaved answers are in no sample at all."""
WEEK = timedelta(days=7)
ReferenceKind = Literal["launch", "last-good", "last-week", "release"]
REFERENCES: tuple[ReferenceKind, ...] = ("launch", "last-good", "last-week", "release")
"""What a window may be compared with, beside a period of choice."""
SOURCE = "drift"
"""What says alerts of drift."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the traffic is looked at; ``None`` for all, or of ``recipe`` for what was in service then."""

    tenant: str | None = None
    collection: str | None = None
    recipe: int | None = None

    @property
    def key(self) -> str:
        """Its name: ``TENANT/COLLECTION``, with ``*`` for all."""
        return f"{self.tenant or '*'}/{self.collection or '*'}" + (f"@{self.recipe}" if self.recipe else "")


@dataclass(frozen=True, slots=True)
class Sample:
    """A period as drift sees it: ``total`` answers, of which ``rows`` are looked at, and sketches of a model."""

    period: Period
    total: int
    rows: Sequence[RequestRow]
    observations: Sequence[Observation]
    sketches: Sketches
    faults: tuple[DayFault, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """What a window is compared with: a period, perhaps of other releases than the window's."""

    name: str
    period: Period
    recipe: int | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)


def read_sample(home: Home, scope: Scope, period: Period, *, model: str, seed: int = 0) -> Sample:
    """The sample of a period: of what was in service alone, unless the scope names a recipe.

    What a candidate answers differs as its recipe does, and is for the rollout's judges: it is no drift.

    Args:
        home: Whose ledger.
        scope: Which part of the traffic.
        period: From when until when.
        model: Whose sketches, as they compare with no other's.
        seed: Which are taken where there are more than enough.
    """
    faults: list[DayFault] = []
    on_fault: OnFault = faults.append
    of = {"tenant": scope.tenant, "collection": scope.collection}
    total, rows = sampled_answers(
        home.ledger,
        period,
        most=MOST_ROWS,
        **of,
        recipe=scope.recipe,
        without_arms=() if scope.recipe else TRIAL_ARMS,
        seed=seed,
        on_fault=on_fault,
    )
    recipes = {int(row.release.partition(".")[0]) for row in rows}
    found = read_sketches(
        home.ledger, period, model, most=MOST_SKETCHES, **of, recipes=recipes, seed=seed, on_fault=on_fault
    )
    missing = tuple(one for one in faults if not one.is_missing)
    observations = with_stored_features(home, [observe(row) for row in rows], period)
    return Sample(period, total, rows, observations, unpacked([one for _, one in found]), missing)


def model_in_service(home: Home) -> str:
    """The model whose vectors the recipe in service uses.

    Raises:
        NotReady: nothing is released yet.
    """
    return read_recipe(home.catalogue, stable_release(home.catalogue).recipe).model


def find_reference(home: Home, scope: Scope, window: Period, kind: str) -> Reference:
    """What a window is compared with.

    Args:
        home: Whose releases and alerts.
        scope: What is looked at.
        window: The window; its beginning and end must be set.
        kind: ``launch``, the week after the recipe in service was deployed, or what of it was before the window;
            ``last-good``, the week before the oldest open alert of drift of this scope, else before the window;
            ``last-week``, the same hours a week before; ``release:NUMBER``, another release inside the window.

    Raises:
        InvalidInput: there is no such kind.
        NotFound: there is no such release.
        NotReady: nothing is released yet.
    """
    since, until = _bounds(window)
    name, _, number = kind.partition(":")
    if name == "launch" and not number:
        launched = launched_at(home)
        return Reference(kind, Period(launched, max(launched, min(launched + WEEK, since))))
    if name == "last-good" and not number:
        bad = [one.first_at for one in open_alerts(home.catalogue) if one.key == alert_key(scope)]
        end = min([since, *map(datetime.fromisoformat, bad)])
        return Reference(kind, Period(end - WEEK, end))
    if name == "last-week" and not number:
        return Reference(kind, Period(since - WEEK, until - WEEK))
    if name == "release" and number:
        return Reference(kind, window, find_release(home.catalogue, number, is_retired_too=True).recipe)
    raise InvalidInput(
        f"The reference {kind[:60]!r} is unknown: expected launch, last-good, last-week or release:NUMBER."
    )


def alert_key(scope: Scope) -> str:
    """Under which key the alert of a scope is said: one, however many signals moved."""
    return f"{SOURCE}:{scope.key}"


def launched_at(home: Home) -> datetime:
    """When the recipe in service was deployed: since then no other one was.

    Raises:
        NotReady: nothing is released yet.
    """
    rows = deployment_rows(home.catalogue)
    if not rows:
        raise NotReady("Nothing is released yet: run 'groundwork ingest' and 'groundwork build' first.")
    launched = rows[0]["created_at"]
    for row in rows:
        if row["recipe"] != rows[0]["recipe"]:
            break
        launched = row["created_at"]
    return datetime.fromisoformat(launched)


def _bounds(window: Period) -> tuple[datetime, datetime]:
    if window.since is None or window.until is None:
        raise InvalidInput("A window of drift needs a beginning and an end.")
    return window.since, window.until
