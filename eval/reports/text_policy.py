"""Whose texts a report may show: the team's own always, a tenant's only where the home and the tenant allow it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eval.datasets.query_sets import QuerySet
from indexing.catalogue.query_sets import query_rows
from indexing.catalogue.tenants import read_tenant
from indexing.errors import NotFound
from indexing.home import Home

OWN_ORIGINS = frozenset({"imported", "curated"})
"""Where a query of a set came from when the team wrote it: not from a user's request, nor from a document's text."""


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """What ``GROUNDWORK_LOG_QUERIES`` and each tenant's own limit allow."""

    home: Home
    _known: dict[str, bool] = field(default_factory=dict)

    def allows(self, tenant: str) -> bool:
        """Whether queries and comments of a tenant's users may be shown."""
        if tenant not in self._known:
            self._known[tenant] = self.home.settings.log_queries and self._agrees(tenant)
        return self._known[tenant]

    def shown_queries(self, query_set: QuerySet) -> Mapping[str, str]:
        """The texts of a stored set that may be shown, by query id."""
        if query_set.partition is None or query_set.version is None:
            return dict(query_set.queries)
        if self.allows(query_set.partition.tenant):
            return dict(query_set.queries)
        rows = query_rows(self.home.catalogue, query_set.name, query_set.version)
        own = {row["id"] for row in rows if row["origin"] in OWN_ORIGINS}
        return {name: text for name, text in query_set.queries.items() if name in own}

    def _agrees(self, tenant: str) -> bool:
        try:
            return read_tenant(self.home.catalogue, tenant).limits.log_queries
        except NotFound:
            return False
