"""Homes whose ledger may keep texts, so that requests can be replayed, for tests of that."""

from indexing.catalogue.tenants import change_limits, ensure_tenant


def allow_replays(home, *tenants):
    """Keep versions from now on as if the settings allowed the text of queries, and some tenants as well."""
    home.catalogue.keeps_versions = True
    for tenant in tenants:
        ensure_tenant(home.catalogue, tenant)
        change_limits(home.catalogue, tenant, {"log_queries": True})
