"""Which tenants are outside shares and tests: pinned to a recipe, held back, or chosen to be first."""

from dataclasses import dataclass

from indexing.catalogue.database import Database
from indexing.catalogue.pins import delete_pin, pin_rows, put_pin
from indexing.catalogue.tenants import has_tenant
from indexing.errors import NotFound
from indexing.releases.release import newest_release
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


def pin(catalogue: Database, tenant: str, recipe: int, by: Decision, *, max_recipes: int) -> None:
    """Let a tenant be answered by one recipe, whatever is in service; it stays open for that.

    Raises:
        NotFound: the tenant does not exist, or the recipe has no release.
        TooManyRecipes: more than ``max_recipes`` would have to be open.
    """
    with catalogue.write():
        if newest_release(catalogue, recipe) is None:
            raise NotFound(f"Recipe {recipe} has no release: build it first, or see 'groundwork releases list'.")
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


def unpin(catalogue: Database, tenant: str) -> None:
    """Let shares and tests decide about a tenant again.

    Raises:
        NotFound: it has no pin.
    """
    if not delete_pin(catalogue, tenant):
        raise NotFound(f"Tenant {tenant!r} is not pinned, held back or chosen first. See 'groundwork releases pins'.")


def list_pins(catalogue: Database) -> list[PinRecord]:
    """All pins by tenant."""
    return [PinRecord(**row) for row in pin_rows(catalogue)]


def _put(catalogue: Database, tenant: str, kind: PinKind, recipe: int | None, by: Decision) -> None:
    with catalogue.write():
        if not has_tenant(catalogue, tenant):
            raise NotFound(f"No tenant {tenant!r}. See 'groundwork tenants list'.")
        put_pin(catalogue, tenant, kind, recipe, actor=by.actor, reason=by.reason, at=by.at)
