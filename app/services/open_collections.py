"""The collections of a tenant that a caller's key opens."""

from app.access.authentication import Caller
from app.services.state import Services
from indexing.catalogue.collections import list_collections


def open_collections(services: Services, caller: Caller, *, after: str = "", limit: int) -> list[tuple[str, int]]:
    """The next of them by name, with how many documents each has, from the first behind ``after``."""
    catalogue = services.home.catalogue
    return list_collections(catalogue, caller.tenant, after=after, limit=limit, among=caller.collections)
