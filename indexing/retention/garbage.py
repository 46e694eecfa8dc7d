"""Retention: which releases are kept, what they reach, what can be freed, and how much disk each release takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from indexing.builds.task_kinds import WORK
from indexing.catalogue.changes import forget_changes
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.document_features import forget_features_of_deleted
from indexing.catalogue.document_versions import forget_versions
from indexing.catalogue.passages import forget_unused_passages
from indexing.catalogue.pins import pinned_recipes
from indexing.catalogue.releases import deployed_recipes, retire_releases
from indexing.catalogue.rollouts import recipes_in_rollouts, standby_rows
from indexing.errors import GroundworkError
from indexing.features.embedding_store import FEATURES, block_keys, feature_kind
from indexing.features.views import FeatureViews
from indexing.models.registry import KIND as MODELS
from indexing.releases.recipes import Recipe
from indexing.releases.release import Release, list_releases
from indexing.retention.artefact_kinds import ARTEFACT_KINDS
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import read_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.storage.store import Storage

NeededKeys = Callable[[Recipe], set[bytes]]
"""The feature-store keys of all documents there are now, under a recipe."""


@dataclass(frozen=True, slots=True)
class Retained:
    """A recipe that is kept, bound to its model."""

    recipe: Recipe
    views: FeatureViews


@dataclass(frozen=True, slots=True)
class Garbage:
    """An artefact that no retained release reaches."""

    kind: str
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Disk:
    """What a release takes: all its shards, and those that no other release shares."""

    release: str
    size_bytes: int
    own_bytes: int


def retained_releases(catalogue: Database, *, keep: int, days: float = 0.0, now: str | None = None) -> list[Release]:
    """The newest ``keep`` builds of each recipe that may still be wanted, and every build of the last ``days``.

    Wanted are the last ``keep`` different recipes that were deployed (so that rolling back is possible), every recipe
    that is newer than the one in service (so that a candidate survives), and those that are pinned, on standby or in a
    rollout at the moment ``now`` (UTC, ISO 8601; by default this one).
    """
    now = now or utc_now()
    releases = list_releases(catalogue)
    deployed = deployed_recipes(catalogue)
    wanted = set(deployed[:keep]) | {
        release.recipe for release in releases if release.recipe > max(deployed, default=0)
    }
    wanted |= recipes_in_rollouts(catalogue) | pinned_recipes(catalogue)
    wanted |= {int(row["recipe"]) for row in standby_rows(catalogue, now)}
    oldest = datetime.fromisoformat(now) - timedelta(days=days)
    kept = []
    for recipe in sorted({release.recipe for release in releases}):
        builds = sorted((one for one in releases if one.recipe == recipe), key=lambda one: one.build)
        last = builds[-keep:] if recipe in wanted else []
        kept += [one for one in builds if one in last or datetime.fromisoformat(one.created_at) > oldest]
    return kept


def oldest_seq(kept: Sequence[Release], catalogue: Database) -> int:
    """The last write that every one of some releases holds; of none, the last write there is."""
    return min((release.seq for release in kept), default=catalogue.sequence())


def find_garbage(
    storage: Storage, kept: Sequence[Release], recipes: Sequence[Retained], newest_models: set[str], needed: NeededKeys
) -> Iterator[Garbage]:
    """Every artefact that nothing kept reaches, snapshots first.

    Args:
        storage: Where they are.
        kept: The releases that are retained.
        recipes: Their recipes.
        newest_models: Models that are kept though no release uses them yet.
        needed: Which vectors the documents of now need.

    Raises:
        GroundworkError: a retained snapshot cannot be read; nothing can then be said to be garbage.
    """
    snapshots = {release.snapshot for release in kept}
    shards = {shard.name for name in snapshots for shard in read_snapshot(storage, name).shards}
    models = {name for retained in recipes for name in (retained.recipe.model, retained.recipe.reranker) if name}
    models |= newest_models
    for whole, reached in ((SNAPSHOTS, snapshots), (SHARDS, shards), (MODELS, models)):
        for name in storage.list(whole):
            if name not in reached:
                yield _garbage(storage, whole, name)
    for kind, keys in needed_by_kind(storage, recipes, needed):
        for name in storage.list(kind):
            if not _reaches(storage, kind, name, keys):
                yield _garbage(storage, kind, name)
    for job in storage.kinds(WORK):
        for name in storage.list(job):
            yield _garbage(storage, job, name)


def needed_by_kind(
    storage: Storage, recipes: Sequence[Retained], needed: NeededKeys
) -> Iterator[tuple[str, set[bytes]]]:
    """For each kind of stored feature blocks, the keys of the vectors that the recipes need."""
    for kind in storage.kinds(FEATURES):
        # Recipes with different passage views may share an embedding view.
        users = [one.recipe for one in recipes if feature_kind(one.views.embedding_fingerprint) == kind]
        yield kind, {key for recipe in users for key in needed(recipe)}


def _reaches(storage: Storage, kind: str, name: str, keys: set[bytes]) -> bool:
    if not keys:
        return False
    try:
        return any(key in keys for key in block_keys(storage, kind, name))
    except GroundworkError:
        return False  # a corrupt block is of no use


def _garbage(storage: Storage, kind: str, name: str) -> Garbage:
    try:
        size_bytes = storage.describe(kind, name).size_bytes
    except GroundworkError:
        size_bytes = 0
    return Garbage(kind, name, size_bytes)


def collect(catalogue: Database, storage: Storage, kept: Sequence[Release], garbage: Sequence[Garbage]) -> None:
    """Retire every other release and free what was found. Call it with the locks of builds and registrations held.

    Readers are not disturbed: what they have mapped stays readable, and what serves next is always retained.
    """
    numbers = {(release.recipe, release.build) for release in kept}
    with catalogue.write() as db:
        known = {(release.recipe, release.build) for release in list_releases(catalogue)}
        retire_releases(catalogue, sorted(known - numbers))
        forget_unused_passages(db)
        oldest = oldest_seq(list_releases(catalogue), catalogue)
        forget_features_of_deleted(db, oldest)
        # What no retained snapshot can hold any more need not be hidden.
        forget_changes(db, oldest)
        forget_versions(db, oldest)
    for one in garbage:
        storage.delete(one.kind, one.name)
    storage.sweep(ARTEFACT_KINDS)


def disk_use(storage: Storage, releases: Sequence[Release]) -> list[Disk]:
    """How many bytes of shards each release holds, and how many of them it alone holds."""
    shards: dict[str, Mapping[str, int]] = {}
    for release in releases:
        shards[release.number] = {
            shard.name: shard.size_bytes for shard in read_snapshot(storage, release.snapshot).shards
        }
    users: dict[str, int] = {}
    for held in shards.values():
        for name in held:
            users[name] = users.get(name, 0) + 1
    return [
        Disk(number, sum(held.values()), sum(size for name, size in held.items() if users[name] == 1))
        for number, held in shards.items()
    ]
