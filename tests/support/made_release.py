"""A release over passages that are given as they are, with the hashing embedder: for tests of what is ranked."""

from app.serving.release import ServingRelease
from indexing.features.views import DEFAULT_PASSAGES, EMBEDDING_VIEWS, FeatureViews, ModelFiles, lexical_view
from indexing.indexes.analyser import Analyser
from indexing.indexes.bm25 import Bm25
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Partition, Passage
from indexing.releases.recipes import Recipe, RetrievalConfig
from indexing.releases.release import Release
from indexing.snapshots.manifest import describe_snapshot, publish_snapshot
from indexing.snapshots.shard import KIND
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_writer import write_shard
from indexing.snapshots.snapshot import Snapshot
from indexing.storage.factory import open_storage

EMBEDDER = HashingEmbedder(16)
ANALYSER = Analyser("none")
VIEWS = FeatureViews(
    DEFAULT_PASSAGES,
    EMBEDDING_VIEWS["int8"],
    lexical_view("none"),
    ModelFiles("t", {"int8": "x", "fp32": "y"}, 256, ""),
)
RECIPE = Recipe("fake@1", VIEWS.passage, VIEWS.embedding, VIEWS.lexical, RetrievalConfig(candidates=4), number=1)
HERE, THERE = Partition("here", "c"), Partition("there", "c")


def serve(root, shards):
    """A release over shards given as lists of (partition, document id, passage texts)."""
    storage = open_storage(root)
    artefacts = []
    for number, documents in enumerate(shards):
        inputs = [
            ShardInput(
                partition,
                Document(name, name, " ".join(texts)),
                [Passage(name, i, 0, len(text), text, (), text) for i, text in enumerate(texts)],
            )
            for partition, name, texts in documents
        ]
        vectors = EMBEDDER.encode_passages([p.encoder_input for item in inputs for p in item.passages])
        with storage.publish(KIND, f"shard{number}") as draft:
            write_shard(draft, inputs, lambda vectors=vectors: vectors, ANALYSER)
        artefacts.append(storage.open(KIND, f"shard{number}"))
    manifest = describe_snapshot(VIEWS, "fake@1", artefacts)
    publish_snapshot(storage, manifest)
    release = Release(1, 1, manifest.id, 0, "now", "test")
    config = RECIPE.retrieval
    return ServingRelease(
        release, RECIPE, Snapshot(storage, manifest.id), EMBEDDER, ANALYSER, Bm25(config.bm25_k1, config.bm25_b)
    )
