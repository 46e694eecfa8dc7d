"""How many uploads may arrive at once: in all, and of one tenant, so that none takes the places of the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from indexing.errors import Overloaded

MOST_UPLOADS = 16
"""Uploads that arrive at once in a process; each may take as much room for its bytes as a file may. Our choice."""
MOST_OF_TENANT = 8
"""Of these, those of one tenant: half, so that another always finds a place. Our choice."""


@dataclass(slots=True)
class UploadLimit:
    """Lets so many in at a time and refuses every other at once. For the event loop only."""

    most: int = MOST_UPLOADS
    most_of_tenant: int = MOST_OF_TENANT
    _taken: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def take(self, tenant: str) -> Iterator[None]:
        """Be inside while the block lasts.

        Raises:
            Overloaded: too many are inside already, of all tenants or of this one.
        """
        mine = self._taken.get(tenant, 0)
        if mine >= self.most_of_tenant:
            raise Overloaded(f"{mine} uploads of this tenant arrive here already: try again when one is done.")
        if sum(self._taken.values()) >= self.most:
            raise Overloaded(f"{self.most} uploads arrive here already: try again in a second.")
        self._taken[tenant] = mine + 1
        try:
            yield
        finally:
            left = self._taken[tenant] - 1
            if left:
                self._taken[tenant] = left
            else:
                del self._taken[tenant]
