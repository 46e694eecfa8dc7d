"""Which tenants are outside shares and tests: pinned to a recipe, held back, or chosen to be first."""

from dataclasses import dataclass, replace

from indexing.catalogue.database import Database
from indexing.catalogue.pins import delete_pin, pin_change_rows, pin_rows, put_pin
from indexing.catalogue.tenants import has_tenant
from indexing.errors import NotFound
from indexing.releases.behind import require_caught_up
from indexing.releases.gate import require_admitted_to_all
from indexing.releases.release import require_newest_release
from indexing.releases.rollouts import PinKind
from indexing.releases.transitions import Decision, require_room


@dataclass(frozen=True, slots=True)
class PinRecord:
    """A tenant's pin, with who made it, why and when. ``recipe`` is ``None`` unless it is ``pinned``."""

    tenant: str
    kind: PinKind
    recipe: int | None
    actor: str
    reason: str
    created_at: str


@dataclass(frozen=True, slots=True)
class PinChange:
    """A pin that was made, or taken away (``unpinned``), with who did it, why and when (UTC, ISO 8601)."""

    tenant: str
    kind: str
    recipe: int | None
    actor: str
    reason: str
    at: str


def pin(
    catalogue: Database,
    tenant: str,
    recipe: int,
    by: Decision,
    *,
    max_recipes: int,
    anyway: bool = False,
    override: str | None = None,
) -> None:
    """Let a tenant be answered by one recipe, whatever is in service; it stays open for that.

    An ``override``, where the recipe needed one, is kept for ever as part of the reason.

    Raises:
        NotFound: the tenant does not exist, or the recipe has no release.
        ReleaseNotGated: the recipe was never in service, has no verdict PROMOTE, and no ``override`` says why.
        ReleaseBehind: the recipe lacks documents that the one in service answers with, and not ``anyway``.
        TooManyRecipes: more than ``max_recipes`` would have to be open.
    """
    with catalogue.write():
        require_newest_release(catalogue, recipe)
        require_caught_up(catalogue, recipe, anyway=anyway)
        _require_tenant(catalogue, tenant)
        admission = require_admitted_to_all(catalogue, recipe, override=override)
        if admission.override is not None:
            by = replace(by, reason=f"{by.reason} (override: {admission.override})")
        _put(catalogue, tenant, "pinned", recipe, by)
        require_room(catalogue, by.at, max_recipes)


def hold_back(catalogue: Database, tenant: str, by: Decision) -> None:
    """Let a tenant always be answered by the recipe in service, never by a candidate.

    Raises:
        NotFound: the tenant does not exist.
    """
    _put(catalogue, tenant, "held_back", None, by)


def choose_first(catalogue: Database, tenant: str, by: Decision) -> None:
    """Let a tenant get each canary's candidate whatever the share.

    Raises:
        NotFound: the tenant does not exist.
    """
    _put(catalogue, tenant, "first", None, by)


def unpin(catalogue: Database, tenant: str, by: Decision) -> None:
    """Let shares and tests decide about a tenant again.

    Raises:
        NotFound: it has no pin.
    """
    if not delete_pin(catalogue, tenant, actor=by.actor, reason=by.reason, at=by.at):
        raise NotFound(f"Tenant {tenant!r} is not pinned, held back or chosen first. See 'groundwork releases pins'.")


def list_pins(catalogue: Database) -> list[PinRecord]:
    """All pins by tenant."""
    return [PinRecord(**row) for row in pin_rows(catalogue)]


def pin_history(catalogue: Database) -> list[PinChange]:
    """Every pin that was made or taken away, oldest first."""
    return [PinChange(**row) for row in pin_change_rows(catalogue)]


def _put(catalogue: Database, tenant: str, kind: PinKind, recipe: int | None, by: Decision) -> None:
    with catalogue.write():
        _require_tenant(catalogue, tenant)
        put_pin(catalogue, tenant, kind, recipe, actor=by.actor, reason=by.reason, at=by.at)


def _require_tenant(catalogue: Database, tenant: str) -> None:
    if not has_tenant(catalogue, tenant):
        raise NotFound(f"No tenant {tenant!r}. See 'groundwork tenants list'.")
