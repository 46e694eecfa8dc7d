"""Which tenant a caller may look after: its own, for an operator any that there is."""

from app.access.authentication import Caller
from indexing.catalogue.database import Database
from indexing.catalogue.tenants import read_tenant
from indexing.errors import NotFound


def administered_tenant(catalogue: Database, caller: Caller, tenant: str | None) -> str:
    """The name of the tenant that is meant, by default the caller's own.

    Raises:
        NotFound: there is no such tenant, or it is another's, which the caller cannot tell apart.
    """
    if tenant is None or tenant == caller.tenant:
        return caller.tenant
    if not caller.is_operator:
        raise NotFound(f"No tenant {tenant!r}: leave it out, or check the name.")
    return read_tenant(catalogue, tenant).name
