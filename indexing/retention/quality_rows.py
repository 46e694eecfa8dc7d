"""What judges of quality keep of documents, users and tenants, for the erasure of each."""

from collections.abc import Collection

from indexing.catalogue import query_set_erasure as query_sets
from indexing.catalogue.alerts import count_alerts, forget_alerts
from indexing.catalogue.database import Database
from indexing.catalogue.document_features import forget_view_features_of_tenant
from indexing.catalogue.evaluations import collections_in_evaluations, count_evaluations, forget_evaluations
from indexing.catalogue.judge_replies import (
    count_replies_about,
    count_replies_of_tenant,
    count_replies_of_user,
    forget_replies_about,
    forget_replies_of_tenant,
    forget_replies_of_user,
)
from indexing.catalogue.schedule import forget_what_runs_said
from indexing.catalogue.verdicts import count_verdicts_on, forget_grounds_of
from indexing.features.views import DOCUMENT_ENGAGEMENT
from indexing.home import Home
from indexing.records import Partition
from indexing.retention.judgement_files import about_tenant, about_user, count_judged, erase_judged
from indexing.retention.ranking_files import erase_from_rankings
from indexing.retention.tenant_erasure import user_scope


def count_quality_of_documents(database: Database, partition: Partition, ids: Collection[str] | None) -> int:
    """How many rows name some documents of a partition, with ``None`` any of them; changes nothing."""
    return query_sets.count_of_documents(database, partition, ids) + count_replies_about(database, partition, ids)


def erase_quality_of_documents(database: Database, partition: Partition, ids: Collection[str] | None) -> None:
    """Delete the rows that name some documents of a partition, with ``None`` any of them. Twice changes nothing."""
    query_sets.erase_of_documents(database, partition, ids)
    forget_replies_about(database, partition, ids)
    if ids is None:
        forget_evaluations(database, partition)


def count_quality_of_user(home: Home, tenant: str, user: str) -> int:
    """How many rows and judged samples come from a user of a tenant, or name the user; changes nothing."""
    user_hash = user_scope(home, tenant, user).user_hash
    in_sets = query_sets.count_of_user(home.catalogue, tenant, user_hash, user)
    judged = count_judged(home.path, about_user(tenant, user_hash))
    return in_sets + count_replies_of_user(home.catalogue, tenant, user_hash) + judged


def erase_quality_of_user(home: Home, tenant: str, user: str) -> None:
    """Delete what comes from a user of a tenant, and the user's name elsewhere; the catalogue is compacted after.

    Counts of engagement hold what the user clicked, so those of all documents of the tenant go: the next
    ``groundwork features materialise document_engagement`` counts anew what the ledger still has.
    """
    forget_view_features_of_tenant(home.catalogue, DOCUMENT_ENGAGEMENT.fingerprint, tenant)
    user_hash = user_scope(home, tenant, user).user_hash
    query_sets.erase_of_user(home.catalogue, tenant, user_hash, user)
    forget_replies_of_user(home.catalogue, tenant, user_hash)
    erase_judged(home.path, about_user(tenant, user_hash))


def count_quality_of_tenant(home: Home, tenant: str) -> int:
    """How many query sets and other things of quality a tenant has; changes nothing."""
    in_sets, judged = query_sets.count_of_tenant(home.catalogue, tenant), count_judged(home.path, about_tenant(tenant))
    evaluated = count_evaluations(home.catalogue, tenant)
    noted = count_verdicts_on(home.catalogue, tenant) + count_alerts(home.catalogue, tenant)
    return in_sets + evaluated + noted + count_replies_of_tenant(home.catalogue, tenant) + judged


def erase_quality_of_tenant(home: Home, tenant: str) -> None:
    """Delete all that is kept of a tenant's quality; the catalogue is compacted after."""
    query_sets.erase_of_tenant(home.catalogue, tenant)
    forget_grounds_of(home.catalogue, tenant)
    forget_replies_of_tenant(home.catalogue, tenant)
    erase_judged(home.path, about_tenant(tenant))
    for partition in collections_in_evaluations(home.catalogue, tenant):
        erase_from_rankings(home.path, partition, None)
        forget_evaluations(home.catalogue, partition)
    forget_alerts(home.catalogue, tenant)
    forget_what_runs_said(home.catalogue)
