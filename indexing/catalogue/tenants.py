"""Tenants: who they are, what they may hold and ask, and whether they are let in at all."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from indexing.catalogue.database import Database, Row, utc_now
from indexing.catalogue.names import is_stored_name, require_new_name
from indexing.errors import AlreadyExists, InvalidInput, NotFound
from indexing.records import Json, Partition

PAGE = 100
"""Tenants or keys in a page, unless told otherwise. Our choice."""
MOST = 1_000_000_000
"""The largest limit; a tenant that needs more gets none. Our choice."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tenant may hold and ask; ``None`` is unlimited. ``log_queries``: its queries may stand in the log."""

    max_documents: int | None = None
    max_passages: int | None = None
    requests_per_minute: int | None = None
    log_queries: bool = False

    def __post_init__(self) -> None:
        for name, least in (("max_documents", 0), ("max_passages", 0), ("requests_per_minute", 1)):
            value = getattr(self, name)
            if value is not None and not least <= value <= MOST:
                raise InvalidInput(f"{name} cannot be {value}: expected {least} to {MOST:,}, or no limit.")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with its limits and what it holds. ``passages`` are those of the newest build."""

    name: str
    created_at: str
    revoked_at: str | None
    limits: Limits
    collections: int
    documents: int
    passages: int


_SELECT = (
    "SELECT t.*, count(c.name) AS collections, coalesce(sum(c.documents), 0) AS documents,"
    " coalesce(sum(c.passages), 0) AS passages FROM (SELECT * FROM tenants WHERE {} ORDER BY id LIMIT ?) t"
    " LEFT JOIN collections c ON c.tenant = t.id GROUP BY t.id ORDER BY t.id"
)


def _tenant(row: Row) -> Tenant:
    limits = Limits(row["max_documents"], row["max_passages"], row["requests_per_minute"], bool(row["log_queries"]))
    counts = (row["collections"], row["documents"], row["passages"])
    return Tenant(row["id"], row["created_at"], row["revoked_at"], limits, *counts)


def create_tenant(database: Database, name: str, limits: Limits = Limits()) -> Tenant:
    """Make a tenant; it has no key yet.

    Raises:
        InvalidInput: ``name`` is invalid for a new tenant.
        AlreadyExists: there is such a tenant, or it was revoked.
    """
    with database.write() as db:
        if has_tenant(database, name):
            raise AlreadyExists(
                f"There is a tenant {name!r} already (see 'groundwork tenants list'): choose another name."
            )
        require_new_name("tenant", name)
        db.conn.execute("INSERT INTO tenants (id, created_at) VALUES (?, ?)", (name, utc_now()))
        return change_limits(database, name, asdict(limits))


def read_tenant(database: Database, name: str) -> Tenant:
    """One tenant.

    Raises:
        NotFound: there is none of this name.
    """
    row = database.row(_SELECT.format("id = ?"), (name, 1))
    if row is None:
        raise NotFound(f"No tenant {name!r}: see 'groundwork tenants list', or create it.")
    return _tenant(row)


def require_open(database: Database, name: str) -> None:
    """Refuse to give anything more to a tenant that is not there or not let in.

    Raises:
        NotFound: there is none of this name.
        InvalidInput: it was revoked.
    """
    if read_tenant(database, name).revoked_at is not None:
        raise InvalidInput(f"Tenant {name!r} was revoked: let it in again with 'groundwork tenants restore'.")


def list_tenants(database: Database, *, after: str = "", limit: int = PAGE) -> list[Tenant]:
    """The next tenants by name, revoked ones included: at most ``limit``, from the first behind ``after``."""
    return [_tenant(row) for row in database.rows(_SELECT.format("id > ?"), (after, limit))]


def change_limits(database: Database, name: str, changes: Mapping[str, int | None]) -> Tenant:
    """Set some limits of a tenant by name, and leave the others; what it holds already stays.

    Raises:
        NotFound: there is no such tenant.
        InvalidInput: a limit is out of its range.
    """
    with database.write() as db:
        limits = Limits(**{**asdict(read_tenant(database, name).limits), **changes})
        db.conn.execute(
            "UPDATE tenants SET max_documents = ?, max_passages = ?, requests_per_minute = ?, log_queries = ?"
            " WHERE id = ?",
            (limits.max_documents, limits.max_passages, limits.requests_per_minute, limits.log_queries, name),
        )
        return read_tenant(database, name)


def revoke_tenant(database: Database, name: str) -> Tenant:
    """Let none of a tenant's keys in from now on. Its documents stay, and so do its keys, for ``restore_tenant``.

    Raises:
        NotFound: there is no such tenant.
    """
    return _mark(database, name, utc_now())


def restore_tenant(database: Database, name: str) -> Tenant:
    """Let a revoked tenant in again, with the keys that were not revoked one by one.

    Raises:
        NotFound: there is no such tenant.
    """
    return _mark(database, name, None)


def _mark(database: Database, name: str, revoked_at: str | None) -> Tenant:
    with database.write() as db:
        was = read_tenant(database, name).revoked_at
        value = revoked_at and (was or revoked_at)  # revoking twice keeps the first moment
        db.conn.execute("UPDATE tenants SET revoked_at = ? WHERE id = ?", (value, name))
        return read_tenant(database, name)


def record_passages(database: Database, counted: Iterable[tuple[Partition, int]]) -> None:
    """Write down how many passages each collection has in a build, for ``max_passages``.

    Args:
        database: Where to.
        counted: Passages by document or any other piece; those of one collection add up, a missing one has none.
    """
    totals: dict[tuple[str, str], int] = {}
    for partition, passages in counted:
        key = (partition.tenant, partition.collection)
        totals[key] = totals.get(key, 0) + passages
    with database.write() as db:
        known: dict[tuple[str, str], Json] = {
            (row["tenant"], row["name"]): row["passages"]
            for row in database.rows("SELECT tenant, name, passages FROM collections")
        }
        changed = [(totals.get(key, 0), *key) for key, passages in known.items() if totals.get(key, 0) != passages]
        db.conn.executemany("UPDATE collections SET passages = ? WHERE tenant = ? AND name = ?", changed)


DEFAULT_TENANT = "default"


def ensure_tenant(database: Database, tenant: str) -> None:
    """Create ``tenant``, without limits, unless it exists.

    Raises:
        InvalidInput: there is none, and the name is invalid for a new one.
    """
    with database.write() as db:
        if not has_tenant(database, tenant):
            require_new_name("tenant", tenant)
            db.conn.execute("INSERT INTO tenants (id, created_at) VALUES (?, ?)", (tenant, utc_now()))


def has_tenant(database: Database, tenant: str) -> bool:
    """Whether there is a tenant of this name."""
    return is_stored_name(tenant) and database.row("SELECT 1 FROM tenants WHERE id = ?", (tenant,)) is not None
