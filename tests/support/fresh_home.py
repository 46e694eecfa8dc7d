"""A home whose model is but a name: builds and processes encode with the hashing embedder, for tests of writes."""

import hashlib
import threading
from dataclasses import replace

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from app.live.layer import LiveLayer
from app.retrieval.filters import matching
from app.retrieval.retriever import Retriever
from app.serving.release_opening import ReleaseOpener
from app.serving.release_pool import ReleasePool
from indexing.builds.build import build
from indexing.builds.context import BuildContext
from indexing.builds.tasks import LocalExecutor, TaskRunner
from indexing.catalogue.document_writes import remove_documents, write_documents
from indexing.catalogue.rollouts import clear_standby, keep_on_standby
from indexing.features.views import EMBEDDING_VIEWS, FeatureViews, ModelFiles, PassageView, lexical_view
from indexing.home import open_home
from indexing.models.embedder import HashingEmbedder
from indexing.models.registry import KIND as MODELS
from indexing.passages.chunker import Chunker
from indexing.records import Document, Partition
from indexing.releases.deployments import deploy
from indexing.releases.recipes import Recipe, RetrievalConfig, record_recipe
from indexing.settings import Settings
from indexing.snapshots.manifest import describe_snapshot, publish_snapshot
from tests.support.migrated_catalogue import place_home

OURS, THEIRS = Partition("a", "articles"), Partition("b", "articles")
RECIPE = Recipe(
    "m@1",
    PassageView("lines", 1, "headings", 16, overlap_tokens=0, context_tokens=0),
    EMBEDDING_VIEWS["int8"],
    lexical_view("english"),
    RetrievalConfig(),
    shard_rows=8,
)
OTHER_LANGUAGE = replace(RECIPE, lexical=lexical_view("none"))
OTHER_MODEL = replace(RECIPE, model="m@2")
OTHER_VECTORS = replace(RECIPE, embedding=EMBEDDING_VIEWS["fp32"])
MODEL_FILES = {"tokenizer.json": b"words", "int8.onnx": b"int8", "fp32.onnx": b"fp32"}
"""Never read: the hashing embedder takes the model's place."""
DIMENSION = 16


def register_words(home, recipe=RECIPE):
    """Register the model of a recipe, unless it is."""
    if recipe.model in [f"{one.name}@{one.version}" for one in home.models.list()]:
        return home.models.get(recipe.model)
    with home.storage.publish(MODELS, recipe.model) as draft:
        for name, content in MODEL_FILES.items():
            (draft.path / name).write_bytes(content)
        draft.info.update(dimension=DIMENSION, max_tokens=MODEL.max_tokens, canonical={})
    name, _, version = recipe.model.partition("@")
    return home.models.add(name, int(version), home.storage.open(MODELS, recipe.model))


def record_recipes(home, count):
    """Recipes 1 to ``count``, which differ in the size of their shards; gives the id of a snapshot that suits all.

    It holds nothing.
    """
    snapshot = describe_snapshot(RECIPE.bind(register_words(home)), RECIPE.model, [])
    publish_snapshot(home.storage, snapshot)
    for number in range(1, count + 1):
        record_recipe(home.catalogue, replace(RECIPE, shard_rows=7 + number))
    return snapshot.id


def _sha256(name):
    return hashlib.sha256(MODEL_FILES[name]).hexdigest()


MODEL = ModelFiles(_sha256("tokenizer.json"), {"int8": _sha256("int8.onnx"), "fp32": _sha256("fp32.onnx")}, 64, "")


def tokenizer():
    """Every word is one token."""
    made = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = WhitespaceSplit()
    return made


class Embedder(HashingEmbedder):
    """Remembers the passages it encoded, and waits while ``gate`` is not set."""

    def __init__(self):
        super().__init__(DIMENSION)
        self.texts = []
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()

    def encode_passages(self, texts, on_progress=None):
        self.reached.set()
        assert self.gate.wait(20)
        self.texts += texts
        return super().encode_passages(texts, on_progress)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class FreshHome:
    """One home: its documents, its builds, and the processes over it."""

    def __init__(self, path, **settings):
        self.path, self.settings = place_home(path), Settings(home=path, sessions=1, **settings)
        self.home = open_home(self.settings)
        register_words(self.home)
        self.build_embedder = Embedder()
        self.opened = []

    def bind(self, recipe):
        views = FeatureViews(recipe.passage, recipe.embedding, recipe.lexical, MODEL)
        return Chunker(recipe.passage, tokenizer(), MODEL.max_tokens), views

    def put(self, *documents, partition=OURS, live=True):
        return write_documents(self.home.catalogue, partition, documents, live=live)

    def remove(self, *ids, partition=OURS):
        remove_documents(self.home.catalogue, partition, ids)

    def build(self, recipe=RECIPE, on_progress=lambda stage, done, total: None):
        register_words(self.home, recipe)
        chunker, views = self.bind(recipe)
        runner = TaskRunner(self.home.storage, sessions=1, load=lambda model, precision: self.build_embedder)
        return build(
            BuildContext(
                catalogue=self.home.catalogue,
                storage=self.home.storage,
                recipe=recipe,
                views=views,
                chunker=chunker,
                load_embedder=lambda: self.build_embedder,
                executor_for=lambda job: LocalExecutor(runner),
                executor="local",
                block_size=8,
                ledger_days=self.settings.ledger_days,
                on_progress=on_progress,
            )
        )

    def deploy(self, recipe_number):
        deploy(self.home.catalogue, recipe_number, reason="test", actor="test")

    def keep_open(self, *recipes):
        """Let these recipes be on standby, and no other."""
        clear_standby(self.home.catalogue)
        for recipe in recipes:
            keep_on_standby(self.home.catalogue, recipe, until_at="9999", since_at="2026")

    def process(self, **choices):
        process = Process(self, **choices)
        self.opened.append(process)
        return process

    def close(self):
        for process in self.opened:
            process.home.close()
        self.home.close()


class Opener(ReleaseOpener):
    """Opens every recipe with one embedder."""

    def __init__(self, home, embedder):
        super().__init__(home)
        self.embedder = embedder

    def load_embedder(self, recipe):
        return self.embedder


class Process:
    """What an API process has of a home: a pool, a live layer, an embedder; the test is its thread."""

    def __init__(self, fresh, is_open=True, on_change=lambda change: None):
        self.home = open_home(fresh.settings)
        self.embedder = Embedder()
        self.clock = Clock()
        self.live = LiveLayer(self.home, bind=fresh.bind, clock=self.clock, on_change=on_change)
        self.opener = Opener(self.home, self.embedder)
        self.pool = ReleasePool(self.home, self.live, opener=self.opener)
        if is_open:
            self.pool.refresh()

    def put(self, *documents, partition=OURS):
        written = write_documents(self.home.catalogue, partition, documents, live=self.live.takes(partition, documents))
        self.live.wrote(partition, [one.id for one in written])
        return written

    def remove(self, *ids, partition=OURS):
        remove_documents(self.home.catalogue, partition, ids)
        self.live.wrote(partition)

    def settle(self):
        while self.live.work():
            pass

    def serving(self, recipe=None):
        """The open release of a recipe, by default of the one in service."""
        return self.pool.current() if recipe is None else self.pool.now().releases[recipe]

    def search(self, query="", *, partition=OURS, mode="hybrid", k=1000, group=True, principals=None, recipe=None):
        pick = None if principals is None else matching(None, principals)
        serving = self.serving(recipe)
        found = RETRIEVER.search(serving, partition, query, k=k, mode=mode, group_by_document=group, matching=pick)
        return [(hit.passage.document_id, hit.passage.text, hit.score) for hit in found.hits]

    def texts(self, partition=OURS, recipe=None):
        """Every document that a search can find, as its passages' texts joined."""
        view = self.serving(recipe).view(partition)
        found = {}
        if view is not None and view.rows:
            hits = sorted(self._all(partition, recipe), key=lambda passage: (passage.document_id, passage.ordinal))
            for passage in hits:
                found[passage.document_id] = f"{found.get(passage.document_id, '')} {passage.text}".strip()
        return found

    def _all(self, partition, recipe):
        result = RETRIEVER.search(
            self.serving(recipe), partition, "anything", k=100_000, mode="dense", group_by_document=False
        )
        return [hit.passage for hit in result.hits]


RETRIEVER = Retriever()


def sentence(name, number):
    """Sixteen words: exactly one passage."""
    return f"The {name} {number}: " + " ".join(f"{name}{number}w{i}" for i in range(12)) + " end."


def article(name, passages=2, salt="", **fields):
    return Document(name, "", " ".join(sentence(f"{name}{salt}", i) for i in range(passages)), **fields)
