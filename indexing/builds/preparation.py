"""Preparing a change: what another recipe costs, and its build, which ends as a proposed rollout or as nothing."""

from collections.abc import Collection
from dataclasses import dataclass

from indexing.builds.build import BuildReport, DryRun, build, dry_run
from indexing.builds.context import BuildContext
from indexing.catalogue.database import Database, utc_now
from indexing.catalogue.releases import recipe_with, stable_recipe
from indexing.catalogue.tenants import read_tenant
from indexing.errors import NotReady, RolloutConflict
from indexing.home import Home
from indexing.releases.deployments import stable_release
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release
from indexing.releases.rollouts import OPEN_STATES, Rollout, rollout_in
from indexing.releases.transitions import Decision, in_words
from indexing.releases.trials import propose
from indexing.settings import current_user
from indexing.snapshots.manifest import read_snapshot

_FLOAT_BYTES = 4
"""Of one component of a vector, float32."""
_KEY_BYTES = 32
"""Of a vector in the embedding store: the sha256 of what it was computed from."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What preparing a recipe costs.

    ``vector_bytes`` go to the embedding store, exactly; ``shard_bytes`` are estimated from what a passage takes in the
    snapshot in service.
    """

    work: DryRun
    vector_bytes: int
    shard_bytes: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe that was built and proposed."""

    report: BuildReport
    rollout: Rollout


def require_preparable(catalogue: Database, recipe: Recipe, tenants: Collection[str] = ()) -> int:
    """Refuse, before anything is computed, what could not be proposed; gives the recipe in service.

    Raises:
        NotReady: nothing is in service.
        NotFound: there is no such tenant.
        RolloutConflict: the recipe is in service, or has a rollout that is not over.
    """
    live = stable_recipe(catalogue)
    if live is None:
        raise NotReady("Nothing is in service that a change could be compared with: run 'groundwork build' first.")
    for tenant in tenants:
        read_tenant(catalogue, tenant)
    number = recipe_with(catalogue, recipe.fingerprint)
    if number == live:
        raise RolloutConflict(
            f"Recipe {number} is in service already, and these choices change nothing of it: name a change, such as"
            " --model or --view ('groundwork releases prepare --help')."
        )
    found = None if number is None else rollout_in(catalogue, ("proposed", *OPEN_STATES), candidate=number)
    if found is not None:
        raise RolloutConflict(
            f"Recipe {number} is in rollout {found.id} already ({in_words(found.state)}): go on with that, or reject it"
            f" first with 'groundwork rollouts reject {found.id}'."
        )
    return live


def estimate(home: Home, context: BuildContext) -> Cost:
    """Say what preparing would compute and write, without storing a vector, a shard or a release.

    Raises:
        NotReady: nothing is in service.
    """
    work = dry_run(context)
    dimension = _dimension(home, context.recipe)
    return Cost(
        work,
        vector_bytes=work.embeddings * (dimension * _FLOAT_BYTES + _KEY_BYTES),
        shard_bytes=round(work.passages_written * (_other_bytes(home) + dimension * _FLOAT_BYTES)),
    )


def prepare(context: BuildContext, *, reason: str, tenants: Collection[str] = ()) -> Prepared:
    """Build a recipe beside what serves, and propose it; the release and its rollout come to be together or not at all.

    Whatever stops it, the vectors and shards that were stored stay for the next build until they are collected.

    Args:
        context: The recipe and where it is built.
        reason: Why; kept with the rollout.
        tenants: Whom the rollout concerns; empty for all.

    Raises:
        GroundworkError: as ``build`` and ``propose``.
    """
    proposed: list[Rollout] = []

    def conclude(release: Release) -> None:
        by = Decision(current_user(), reason, utc_now())
        proposed.append(propose(context.catalogue, release.recipe, by, tenants=sorted(tenants) or None))

    report = build(context, conclude=conclude)
    return Prepared(report, proposed[0])


def _dimension(home: Home, recipe: Recipe) -> int:
    """Of the vectors that a recipe's model makes."""
    return home.models.get(recipe.model).manifest.dimension or 0


def _other_bytes(home: Home) -> float:
    """What a passage takes in the snapshot in service beside its vector: text, terms, attributes, codes."""
    release = stable_release(home.catalogue)
    snapshot = read_snapshot(home.storage, release.snapshot)
    if not snapshot.rows:
        return 0.0
    dimension = _dimension(home, read_recipe(home.catalogue, release.recipe))
    return max(0.0, snapshot.size_bytes / snapshot.rows - dimension * _FLOAT_BYTES)
