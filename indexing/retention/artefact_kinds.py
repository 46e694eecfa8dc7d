"""Every kind of artefact that a home holds, each declared beside what owns it."""

from indexing.builds.task_kinds import WORK
from indexing.features.embedding_store import FEATURES
from indexing.models.registry import KIND as MODELS
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.shard import KIND as SHARDS

ARTEFACT_KINDS = (SNAPSHOTS, SHARDS, MODELS, FEATURES, WORK)
"""All of them, what refers to others first."""
