"""What judges of quality keep in the catalogue of documents, users and tenants, for the erasure of each."""

from collections.abc import Collection

from indexing.catalogue import query_set_erasure as query_sets
from indexing.catalogue.database import Database
from indexing.catalogue.document_features import forget_view_features_of_tenant
from indexing.features.views import DOCUMENT_ENGAGEMENT
from indexing.home import Home
from indexing.records import Partition
from indexing.retention.tenant_erasure import user_scope


def count_quality_of_documents(database: Database, partition: Partition, ids: Collection[str] | None) -> int:
    """How many rows name some documents of a partition, with ``None`` any of them; changes nothing."""
    return query_sets.count_of_documents(database, partition, ids)


def erase_quality_of_documents(database: Database, partition: Partition, ids: Collection[str] | None) -> None:
    """Delete the rows that name some documents of a partition, with ``None`` any of them. Twice changes nothing."""
    query_sets.erase_of_documents(database, partition, ids)


def count_quality_of_user(home: Home, tenant: str, user: str) -> int:
    """How many rows come from a user of a tenant, or name the user; changes nothing."""
    return query_sets.count_of_user(home.catalogue, tenant, user_scope(home, tenant, user).user_hash, user)


def erase_quality_of_user(home: Home, tenant: str, user: str) -> None:
    """Delete what comes from a user of a tenant, and the user's name elsewhere; the catalogue is compacted after.

    Counts of engagement hold what the user clicked, so those of all documents of the tenant go: the next
    ``groundwork features materialise document_engagement`` counts anew what the ledger still has.
    """
    forget_view_features_of_tenant(home.catalogue, DOCUMENT_ENGAGEMENT.fingerprint, tenant)
    query_sets.erase_of_user(home.catalogue, tenant, user_scope(home, tenant, user).user_hash, user)


def count_quality_of_tenant(home: Home, tenant: str) -> int:
    """How many query sets and other things of quality a tenant has; changes nothing."""
    return query_sets.count_of_tenant(home.catalogue, tenant)


def erase_quality_of_tenant(home: Home, tenant: str) -> None:
    """Delete all that is kept of a tenant's quality; the catalogue is compacted after."""
    query_sets.erase_of_tenant(home.catalogue, tenant)
