"""The gate before a recipe goes in service: a verdict PROMOTE against what is in service, or an operator's override."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexing.catalogue.database import Database, Row
from indexing.catalogue.releases import deployed_recipes, stable_recipe
from indexing.catalogue.verdicts import has_passed_canary, needs_no_verdict, newest_gate_row, verdict_rows
from indexing.errors import InvalidInput, ReleaseNotGated
from indexing.records import Json

PROMOTE, HOLD, REJECT = "PROMOTE", "HOLD", "REJECT"
"""What a gate says; only the first lets a recipe go in service."""
POLICY_FILE = "gate.yaml"
"""The file of a home that holds what its gates demand, if it has one; ``eval/gates/policy.py`` reads it."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Why a recipe may go in service: by a verdict's id, by an override's reason, or since it needs neither."""

    verdict: int | None = None
    override: str | None = None

    @property
    def evidence(self) -> Mapping[str, Json]:
        """It as it is kept for ever with the transition."""
        kept = {"verdict": self.verdict, "override": self.override}
        return {name: value for name, value in kept.items() if value is not None}


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """A verdict about a recipe, of a gate (``offline``) or of a judge of its trial, with what it rests on."""

    id: int
    recipe: int
    kind: str
    verdict: str
    reasons: Sequence[str]
    at: str
    baseline: int | None
    release: str | None
    policy: str | None
    level: float | None
    is_synthetic: bool
    rollout: int | None
    evidence: Mapping[str, Json]


def list_verdicts(catalogue: Database, recipe: int, *, rollout: int | None = None) -> list[GivenVerdict]:
    """Every verdict about a recipe, oldest first; with ``rollout`` without those of judges of its other trials."""
    found = []
    for row in verdict_rows(catalogue, recipe):
        if rollout is not None and row["rollout"] not in (None, rollout):
            continue
        parsed = {"reasons": json.loads(row["reasons"]), "evidence": json.loads(row["evidence"])}
        found.append(GivenVerdict(**{**row, **parsed, "is_synthetic": bool(row["is_synthetic"])}))
    return found


def require_admitted(catalogue: Database, recipe: int, *, override: str | None = None) -> Admission:
    """Let a recipe go in service that a gate found good enough, or that needs no verdict.

    A verdict counts against the recipe that is in service now, if it is by the home's own policy. A home's first recipe
    and those that were in service before verdicts were needed need none. A verdict on synthetic queries counts once a
    canary passed all its steps.

    Args:
        catalogue: Where verdicts stand.
        recipe: The recipe.
        override: Why it goes in service without a verdict; it is kept for ever.

    Raises:
        InvalidInput: an override without a reason.
        ReleaseNotGated: there is no verdict PROMOTE against the recipe in service, and no override.
    """
    if override is not None and not override.strip():
        raise InvalidInput("An override needs a reason, such as --override 'the judgments are of another corpus'.")
    admission, refusal = _standing(catalogue, recipe)
    if admission is not None:
        return admission
    if override is not None:
        return Admission(override=override.strip())
    raise ReleaseNotGated(
        f"{refusal} Run 'groundwork eval gate {recipe}', or go on with an override (--override REASON, over HTTP"
        ' "override"), which is kept for ever.'
    )


def require_admitted_to_all(catalogue: Database, recipe: int, *, override: str | None = None) -> Admission:
    """Let a recipe answer everyone, or a whole tenant, without being in service: as ``require_admitted``.

    One that was ever in service needs no verdict, as going back to it needs none.

    Raises:
        InvalidInput, ReleaseNotGated: as ``require_admitted``.
    """
    if recipe in deployed_recipes(catalogue):
        return Admission()
    return require_admitted(catalogue, recipe, override=override)


def kept_back(catalogue: Database, recipe: int) -> str | None:
    """Why a gate keeps a recipe from going in service; ``None`` where it does not."""
    return _standing(catalogue, recipe)[1]


def _standing(catalogue: Database, recipe: int) -> tuple[Admission | None, str | None]:
    """Why a recipe may go in service, or why not; one of both."""
    live = stable_recipe(catalogue)
    if live is None or live == recipe or needs_no_verdict(catalogue, recipe):
        return Admission(), None
    row = newest_gate_row(catalogue, recipe, live)
    refusal = _refusal(catalogue, recipe, live, row)
    if refusal is None and row is not None:
        return Admission(verdict=int(row["id"])), None
    return None, refusal


def _refusal(catalogue: Database, recipe: int, live: int, row: Row | None) -> str | None:
    """Why a recipe may not go in service, or ``None``."""
    if row is None:
        said = _said_elsewhere(catalogue, recipe, live)
        return f"Recipe {recipe} has no verdict against recipe {live}, which is in service: {said}."
    if row["verdict"] != PROMOTE:
        reasons = "; ".join(json.loads(row["reasons"])) or "no reason was given"
        return f"The last verdict about recipe {recipe} against recipe {live} is {row['verdict']}: {reasons}."
    if row["is_synthetic"] and not has_passed_canary(catalogue, recipe, live):
        return (
            f"The verdict about recipe {recipe} rests on synthetic queries alone, so it also needs a canary against"
            f" recipe {live} that passed all its steps."
        )
    return None


def _said_elsewhere(catalogue: Database, recipe: int, live: int) -> str:
    """What was said of a recipe that does not count: by another policy, or against another recipe."""
    of_other_policy = newest_gate_row(catalogue, recipe, live, of_any_policy=True)
    if of_other_policy is not None:
        return (
            f"its last one, {of_other_policy['verdict']}, is by policy {of_other_policy['policy']} of a --policy file,"
            " which is not this home's own (HOME/gate.yaml, else the default)"
        )
    other = newest_gate_row(catalogue, recipe, of_any_policy=True)
    return "no gate has judged it" if other is None else f"its last verdict is against recipe {other['baseline']}"
