"""Lineage: everything that went into a release, and into a model version."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from indexing.catalogue.database import Row
from indexing.catalogue.erasures import list_rewrites
from indexing.catalogue.jobs import Job, job_of_release
from indexing.catalogue.releases import deployment_rows, recipe_row, stable_recipe
from indexing.home import Home
from indexing.models.registry import ModelVersion
from indexing.records import Json, fingerprint
from indexing.releases.gate import kept_back, list_verdicts
from indexing.releases.leg_rule import leg_warnings
from indexing.releases.recipes import Recipe, read_recipe
from indexing.releases.release import Release, find_release, newest_release
from indexing.releases.rollouts import Rollout, list_rollouts
from indexing.releases.transitions import Transition, list_transitions
from indexing.snapshots.manifest import SnapshotManifest, read_snapshot


@dataclass(frozen=True, slots=True)
class ModelLineage:
    """A model version: its files by sha256, what was told of its origin, and the versions it comes from, nearest first.

    A parent that is not registered here ends the line.
    """

    id: str
    kind: str
    dimension: int | None
    max_tokens: int
    registered_at: str
    files: Mapping[str, str]
    lineage: Mapping[str, Json]
    ancestors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ViewUse:
    """A feature view as a recipe uses it. ``fingerprint`` holds the model, too, where values follow from both."""

    kind: str
    id: str
    fingerprint: str
    definition: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ShardUse:
    """A shard of a snapshot."""

    name: str
    passages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SnapshotLineage:
    """What a snapshot is made of, and what its build found out about the legs of each collection."""

    id: str
    model: str
    views: Mapping[str, str]
    passages: int
    documents: int
    size_bytes: int
    shards: tuple[ShardUse, ...]
    legs: tuple[Mapping[str, Json], ...]
    leg_warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RolloutHistory:
    """A rollout that a recipe was the candidate of, with each of its transitions: who, when, why, on what evidence."""

    rollout: Rollout
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class ReleaseLineage:
    """Everything that went into a release, and what was decided about it.

    ``recipe`` is the recipe's manifest without model, views and reranker, which have fields of their own. ``snapshot``
    is ``None`` once the release is retired: its artefacts may be freed then. ``erasures`` are the numbers of those that
    gave it another snapshot.
    """

    release: str
    is_in_service: bool
    created_at: str
    created_by: str
    seq: int
    retired_at: str | None
    job: Job | None
    recipe_number: int
    recipe_fingerprint: str
    recipe: Mapping[str, Json]
    model: ModelLineage
    reranker: ModelLineage | None
    views: tuple[ViewUse, ...]
    analyser: str
    snapshot: SnapshotLineage | None
    deployments: Sequence[Row] = ()
    rollouts: tuple[RolloutHistory, ...] = ()
    verdicts: Sequence[Row] = ()
    kept_back: str | None = None
    erasures: tuple[int, ...] = field(default=())

    def to_json(self) -> dict[str, Json]:
        """This as JSON."""
        return asdict(self)


def release_lineage(home: Home, number: str) -> ReleaseLineage:
    """Everything that went into the release ``12.3`` (``12``: recipe 12's newest build), retired or not.

    Raises:
        InvalidInput, NotFound: there is no such release, or its model is not registered any more.
        GroundworkError: its recipe or snapshot was tampered with, or cannot be read.
    """
    catalogue = home.catalogue
    release = find_release(catalogue, number, is_retired_too=True)
    recipe = read_recipe(catalogue, release.recipe)
    plain = {name: value for name, value in recipe.manifest.items() if name not in ("model", "views", "reranker")}
    newest = newest_release(catalogue, release.recipe)
    return ReleaseLineage(
        release=release.number,
        is_in_service=stable_recipe(catalogue) == release.recipe and newest == release,
        created_at=release.created_at,
        created_by=release.created_by,
        seq=release.seq,
        retired_at=release.retired_at,
        job=job_of_release(catalogue, release.recipe, release.created_at),
        recipe_number=release.recipe,
        recipe_fingerprint=(recipe_row(catalogue, release.recipe) or {})["fingerprint"],
        recipe={name: value for name, value in plain.items() if name not in ("conversation", "document_views")},
        model=model_lineage(home, recipe.model),
        reranker=None if recipe.reranker is None else model_lineage(home, recipe.reranker),
        views=tuple(view_uses(home, recipe)),
        analyser=recipe.lexical.language,
        snapshot=None if release.retired_at else describe_snapshot(read_snapshot(home.storage, release.snapshot)),
        deployments=[row for row in deployment_rows(catalogue) if row["recipe"] == release.recipe],
        rollouts=tuple(rollouts_of(home, release.recipe)),
        verdicts=[asdict(one) for one in list_verdicts(catalogue, release.recipe)],
        kept_back=kept_back(catalogue, release.recipe),
        erasures=tuple(one.erasure for one in list_rewrites(catalogue) if one.release == release.number),
    )


def model_lineage(home: Home, model_id: str) -> ModelLineage:
    """A model version with what is known of its origin.

    Raises:
        NotFound: it is not registered.
    """
    model = home.models.get(model_id)
    return ModelLineage(
        id=model.id,
        kind=model.kind,
        dimension=model.manifest.dimension,
        max_tokens=model.manifest.max_tokens,
        registered_at=model.created_at,
        files={name: file.sha256 for name, file in model.manifest.files.items()},
        lineage=dict(model.manifest.lineage or {}),
        ancestors=_ancestors(model, {one.id: one for one in home.models.list()}),
    )


def parent_of(model: ModelVersion) -> str | None:
    """The model version that one was made from, as far as was told."""
    parent = (model.manifest.lineage or {}).get("parent")
    return parent if isinstance(parent, str) else None


def _ancestors(model: ModelVersion, known: Mapping[str, ModelVersion]) -> tuple[str, ...]:
    found: list[str] = []
    parent = parent_of(model)
    while parent is not None and parent not in (model.id, *found):
        found.append(parent)
        parent = parent_of(known[parent]) if parent in known else None
    return tuple(found)


def view_uses(home: Home, recipe: Recipe) -> list[ViewUse]:
    """The feature views of a recipe, each with its fingerprint.

    Raises:
        NotFound: the recipe's model is not registered.
    """
    bound = recipe.bind(home.models.get(recipe.model))
    fingerprints = {
        "passage": bound.passage_fingerprint,
        "embedding": bound.embedding_fingerprint,
        "lexical": bound.lexical_fingerprint,
    }
    return [
        ViewUse(
            kind=view["kind"],
            id=f"{view['name']}@{view['version']}",
            fingerprint=fingerprints.get(view["kind"]) or fingerprint(view),
            definition={name: value for name, value in view.items() if name not in ("kind", "name", "version")},
        )
        for view in view_definitions(recipe)
    ]


def view_definitions(recipe: Recipe) -> list[dict[str, Json]]:
    """The definitions of a recipe's views, of every kind."""
    manifest = recipe.manifest
    chat = [manifest["conversation"]] if "conversation" in manifest else []
    return [*manifest["views"], *chat, *manifest.get("document_views", ())]


def describe_snapshot(manifest: SnapshotManifest) -> SnapshotLineage:
    """What a snapshot is made of."""
    return SnapshotLineage(
        id=manifest.id,
        model=manifest.model,
        views=asdict(manifest.views),
        passages=manifest.rows,
        documents=sum(part.documents for shard in manifest.shards for part in shard.facts.partitions),
        size_bytes=manifest.size_bytes,
        shards=tuple(ShardUse(shard.name, shard.rows, shard.size_bytes) for shard in manifest.shards),
        legs=tuple(one.to_json() for one in manifest.legs),
        leg_warnings=tuple(leg_warnings(manifest.model, manifest.legs)),
    )


def rollouts_of(home: Home, recipe: int) -> list[RolloutHistory]:
    """The rollouts in which a recipe was the candidate, oldest first."""
    found = [one for one in reversed(list_rollouts(home.catalogue)) if one.candidate == recipe]
    return [RolloutHistory(one, tuple(list_transitions(home.catalogue, one.id))) for one in found]


def said_of(release: Release) -> dict[str, Json]:
    """A release in a list: its number, snapshot, moment and whether it is retired."""
    return {
        "release": release.number,
        "snapshot": release.snapshot,
        "created_at": release.created_at,
        "retired_at": release.retired_at,
    }
