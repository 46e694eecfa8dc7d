"""What belongs to a whole tenant, or to one user of it, when either is to be erased."""

from indexing.catalogue.collections import collection_sizes
from indexing.catalogue.document_features import collections_in_features
from indexing.catalogue.document_versions import collections_in_versions
from indexing.catalogue.documents import collections_in_deletions
from indexing.catalogue.evaluations import collections_in_evaluations
from indexing.catalogue.home_secrets import home_secret
from indexing.catalogue.query_set_erasure import collections_in_query_sets
from indexing.errors import GroundworkError
from indexing.home import Home
from indexing.ledger.erasure import OfUser
from indexing.ledger.hashes import LEDGER_SECRET, USER, keyed_hash
from indexing.records import Partition
from indexing.retention.document_locations import look
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard_manifest import read_shard_manifest


def partitions_of(home: Home, tenant: str) -> list[Partition]:
    """The collections of a tenant that hold documents, also removed ones of which anything is kept in whatever form."""
    found = {Partition(tenant, name) for name in collection_sizes(home.catalogue, tenant)}
    for kept in (
        collections_in_features,
        collections_in_versions,
        collections_in_deletions,
        collections_in_query_sets,
        collections_in_evaluations,
    ):
        found |= set(kept(home.catalogue, tenant))
    for name in home.storage.list(SHARDS):
        try:
            parts = read_shard_manifest(home.storage.describe(SHARDS, name)).facts.partitions
        except GroundworkError:
            continue  # ``look`` says so where a release needs it
        found |= {part.partition for part in parts if part.partition.tenant == tenant}
    return [one for one in sorted(found) if look(home, one, None).ids]


def user_scope(home: Home, tenant: str, user: str) -> OfUser:
    """The rows of the ledger that a user of a tenant left; the ledger knows users by a keyed hash alone."""
    secret = home_secret(home.catalogue, LEDGER_SECRET)
    return OfUser(tenant, keyed_hash(secret, USER, user.encode("utf-8", "surrogatepass")))
