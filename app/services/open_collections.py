"""The collections of a tenant that a caller's key opens."""

from app.access.authentication import Caller
from app.services.state import Services
from indexing.catalogue.collections import collection_sizes, list_collections


def open_collections(services: Services, caller: Caller, *, after: str = "", limit: int) -> list[tuple[str, int]]:
    """The next of them by name, with how many documents each has, from the first behind ``after``."""
    catalogue = services.home.catalogue
    if caller.collections is None:
        return list_collections(catalogue, caller.tenant, after=after, limit=limit)
    sizes = collection_sizes(catalogue, caller.tenant)
    return [(name, size) for name, size in sizes.items() if name in caller.collections and name > after][:limit]
