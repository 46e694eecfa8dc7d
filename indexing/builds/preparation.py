"""Preparing a change: what another recipe costs, and its build, which ends as a proposed rollout or as nothing."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from indexing.builds.build import BuildReport, build
from indexing.builds.context import BuildContext
from indexing.builds.dry_run import DryRun, dry_run
from indexing.catalogue.database import utc_now
from indexing.home import Home
from indexing.records import Json
from indexing.releases.deployments import stable_release
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release
from indexing.releases.rollouts import Rollout
from indexing.releases.transitions import Decision
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

    ``vector_bytes`` are those of keys and vectors in the embedding store; ``shard_bytes`` are estimated from what a
    passage takes in the snapshot in service.
    """

    work: DryRun
    vector_bytes: int
    shard_bytes: int

    def to_json(self) -> dict[str, Json]:
        """It as plain JSON."""
        return {**asdict(self.work), "vector_bytes": self.vector_bytes, "shard_bytes": self.shard_bytes}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe that was built and proposed."""

    report: BuildReport
    rollout: Rollout


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


def prepare(
    context: BuildContext,
    *,
    reason: str,
    tenants: Collection[str] = (),
    actor: str | None = None,
    conclude: Callable[[Release, Rollout], None] = lambda release, rollout: None,
) -> Prepared:
    """Build a recipe beside what serves, and propose it; the release and its rollout come to be together or not at all.

    Whatever stops it, the vectors and shards that were stored stay for the next build until they are collected.

    Args:
        context: The recipe and where it is built.
        reason: Why; kept with the rollout.
        tenants: Whom the rollout concerns; empty for all.
        actor: Who proposes it; the user of this process unless told otherwise.
        conclude: Told both inside the transaction that records them; where it raises an error there is neither.

    Raises:
        GroundworkError: as ``build`` and ``propose``.
    """
    proposed: list[Rollout] = []

    def propose_it(release: Release) -> None:
        by = Decision(actor or current_user(), reason, utc_now())
        proposed.append(propose(context.catalogue, release.recipe, by, tenants=sorted(tenants) or None))
        conclude(release, proposed[0])

    report = build(context, conclude=propose_it, actor=actor)
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
