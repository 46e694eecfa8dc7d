"""How much a tenant may hold, asked inside the transaction that writes, so that a batch is stored whole or not."""

from sqlite_utils import Database

from indexing.errors import QuotaExceeded


def require_room(db: Database, tenant: str, *, added: int, changed: int) -> None:
    """Refuse what was just written in this transaction, if ``tenant`` may not hold it; raising undoes the writes.

    Documents are counted as they are now. Passages are counted when a build has cut them, so between two builds a
    tenant can hold more than ``max_passages``; it is refused once a build has counted as many. A change alone is
    still let through at the limit, and refused above it. Deleting is always possible.

    Args:
        db: The catalogue, inside ``write()``.
        tenant: TenantParam documents were written.
        added: How many of them are new.
        changed: How many replaced another version.

    Raises:
        QuotaExceeded: the tenant would hold more documents, or holds more passages, than it may.
    """
    if not added and not changed:
        return
    max_documents, max_passages = db.conn.execute(
        "SELECT max_documents, max_passages FROM tenants WHERE id = ?", (tenant,)
    ).fetchone()
    if max_documents is None and max_passages is None:
        return
    documents, passages = db.conn.execute(
        "SELECT sum(documents), sum(passages) FROM collections WHERE tenant = ?", (tenant,)
    ).fetchone()
    if added and max_documents is not None and documents > max_documents:
        raise QuotaExceeded(
            f"Tenant {tenant!r} may hold {max_documents:,} documents and would hold {documents:,}: nothing of this"
            " batch was stored. Delete some, or have the operator raise the limit."
        )
    if max_passages is not None and passages + bool(added) > max_passages:
        raise QuotaExceeded(
            f"Tenant {tenant!r} may hold {max_passages:,} passages and had {passages:,} at the last build: nothing of"
            " this batch was stored. Delete documents and let a build count again, or have the operator raise the"
            " limit."
        )
