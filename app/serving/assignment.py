"""Assignment: which open recipe answers a request, and why."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from indexing.releases.rollouts import Rollout, ServingPlan

Arm = Literal["live", "candidate", "standby", "pinned", "interleaved"]
"""What answered: the recipe in service, the one under trial, one on standby, or the one that a tenant is pinned to; or
the recipe in service with hits of the one under trial between its own."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which recipe answers a request.

    ``reason`` says why, for people. ``rollout`` is the one whose test the request is part of, and ``unit`` what its
    share was taken by, in clear (the ledger hashes it), ``None`` outside a share. ``is_shadowed`` says that the
    rollout's candidate shall answer as well, afterwards and to no one; ``is_interleaved`` that it shall answer at once,
    and that the hits of both become one list.
    """

    recipe: int
    arm: Arm
    reason: str
    rollout: int | None = None
    unit: str | None = None
    is_shadowed: bool = False
    is_interleaved: bool = False


def assign(plan: ServingPlan, *, tenant: str, user: str | None, request_id: str) -> Assignment:
    """Which recipe answers a request: the same for the same plan, tenant, user and request id, in every process.

    A pin comes first, then whom the rollout concerns, then its share. Without ``user``, a rollout by user takes the
    tenant as the unit.
    """
    pin, rollout = plan.pins.get(tenant), plan.rollout
    if pin is not None and pin.kind == "pinned" and pin.recipe is not None:
        return Assignment(pin.recipe, "pinned", "pinned")
    if pin is not None and pin.kind == "held_back":
        return Assignment(plan.live, "live", "held back")
    if rollout is None or not _concerns(rollout, tenant):
        return Assignment(plan.live, "live", "live")
    if rollout.state == "paused" or not plan.is_watched:
        why = "" if rollout.state == "paused" else ": no watcher renews its lease"
        return Assignment(plan.live, "live", f"rollout {rollout.id} is paused{why}")
    is_first = tenant in rollout.first or (pin is not None and pin.kind == "first")
    unit = None if is_first else unit_of(rollout, tenant=tenant, user=user, request_id=request_id)
    is_chosen = unit is None or fraction(rollout.seed, unit) < rollout.share
    if rollout.state == "shadow":
        return Assignment(plan.live, "live", "live", rollout.id, unit, is_shadowed=is_chosen)
    reason = "chosen first" if unit is None else f"share {rollout.share:g} by {rollout.unit}"
    if is_chosen and rollout.mode == "interleaving":
        return Assignment(plan.live, "interleaved", reason, rollout.id, unit, is_interleaved=True)
    if is_chosen:
        return Assignment(rollout.candidate, "candidate", reason, rollout.id, unit)
    return Assignment(plan.live, "live", reason, rollout.id, unit)


def unit_of(rollout: Rollout, *, tenant: str, user: str | None, request_id: str) -> str:
    """What a rollout's share is taken by: all that have the same one get the same recipe.

    Users of two tenants are two units, also under one name; a tenant's name holds no ``/``.
    """
    if rollout.unit == "request":
        return request_id
    return f"{tenant}/{user}" if rollout.unit == "user" and user is not None else tenant


def fraction(seed: str, unit: str) -> float:
    """Where a unit stands in [0, 1): evenly spread, and independent between seeds."""
    digest = blake2b(f"{seed}|{unit}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2.0**53  # as many bits as a float holds: the largest is below 1


def lacks_user(plan: ServingPlan, assignment: Assignment, user: str | None) -> bool:
    """Whether the tenant was the unit only because the request names no user."""
    rollout = plan.rollout
    return rollout is not None and rollout.unit == "user" and user is None and assignment.unit is not None


def may_answer(plan: ServingPlan, tenant: str) -> tuple[int, ...]:
    """Every recipe that may answer some request of a tenant under this plan, the live one first unless it is pinned."""
    pin, rollout = plan.pins.get(tenant), plan.rollout
    if pin is not None and pin.kind == "pinned" and pin.recipe is not None:
        return (pin.recipe,)
    if (pin is not None and pin.kind == "held_back") or rollout is None or not _concerns(rollout, tenant):
        return (plan.live,)
    return (plan.live, rollout.candidate) if rollout.state == "canary" else (plan.live,)


def _concerns(rollout: Rollout, tenant: str) -> bool:
    return rollout.tenants is None or tenant in rollout.tenants or tenant in rollout.first
