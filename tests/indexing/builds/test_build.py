"""A build computes and writes only what is missing, survives whatever stops it, and never disturbs what serves.

Run as a program, this file is the build that a test kills: see ``stalling_build``.
"""

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from indexing.builds.build import BuildReport, build, report_json, require_documents
from indexing.builds.context import BuildContext
from indexing.builds.dry_run import dry_run
from indexing.builds.tasks import LocalExecutor, TaskRunner
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents, remove_documents
from indexing.catalogue.documents import load_document
from indexing.catalogue.jobs import cancel_job, read_job
from indexing.catalogue.releases import stable_recipe
from indexing.catalogue.tenants import change_limits, read_tenant
from indexing.errors import (
    AlreadyRunning,
    BuildCancelled,
    BuildFailed,
    FeatureViewChanged,
    InvalidInput,
    ModelMismatch,
    QuotaExceeded,
)
from indexing.features.embedding_store import SMALL_BLOCK, FeatureStore, vector_key
from indexing.features.views import EMBEDDING_VIEWS, FeatureViews, ModelFiles, PassageView, lexical_view
from indexing.models.embedder import HashingEmbedder
from indexing.passages.chunker import Chunker
from indexing.records import Document, Partition, Vectors
from indexing.releases.deployments import deploy, stable_release
from indexing.releases.recipes import Approximation, Recipe, RetrievalConfig
from indexing.releases.release import list_releases
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.manifest import read_snapshot, verify_snapshot
from indexing.snapshots.shard import KIND as SHARDS
from indexing.snapshots.shard import VECTORS_FILE
from indexing.snapshots.snapshot import Snapshot
from indexing.storage.arrays import map_arrays, write_arrays
from indexing.storage.factory import open_storage
from indexing.storage.local import LocalStorage
from indexing.storage.store import Artefact, Draft
from tests.support.forked_programs import ForkedPopen
from tests.support.migrated_catalogue import place_home
from tests.support.processes import environment

VIEW = PassageView("lines", 1, "headings", 16, overlap_tokens=0, context_tokens=0)
MODEL = ModelFiles("tokenizer", {"int8": "int8", "fp32": "fp32"}, 64, "")
OURS, THEIRS = Partition("a", "articles"), Partition("b", "articles")


def word_tokenizer() -> Tokenizer:
    """Every word is one token."""
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return tokenizer


TOKENIZER = word_tokenizer()


BLOCK_SIZE = 8


class CountingEmbedder(HashingEmbedder):
    """Remembers every text it encoded, and fails when asked for more than ``limit``."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(16)
        self.texts: list[str] = []
        self.limit = limit

    def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        if self.limit is not None and len(self.texts) + len(texts) > self.limit:
            raise RuntimeError("the encoder broke")
        self.texts += texts
        return super().encode_passages(texts, on_progress)


class Bench:
    """A home with what a build needs, and an embedder that counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalogue = Database(place_home(path) / "catalogue.db")
        self.storage = open_storage(path)
        self.embedder = CountingEmbedder()
        self.loads = 0

    def load_embedder(self) -> HashingEmbedder:
        self.loads += 1
        return self.embedder

    def context(
        self,
        *,
        view: PassageView = VIEW,
        language: str = "english",
        precision: str = "int8",
        shard_rows: int = 8,
        approximation: Approximation | None = None,
        load: Callable[[], HashingEmbedder] | None = None,
    ) -> BuildContext:
        load = load or self.load_embedder
        runner = TaskRunner(self.storage, sessions=1, load=lambda model, precision: load())
        lexical, embedding = lexical_view(language), EMBEDDING_VIEWS[precision]
        return BuildContext(
            catalogue=self.catalogue,
            storage=self.storage,
            recipe=Recipe("m@1", view, embedding, lexical, RetrievalConfig(), shard_rows, approximation=approximation),
            views=FeatureViews(view, embedding, lexical, MODEL),
            chunker=Chunker(view, TOKENIZER, MODEL.max_tokens),
            load_embedder=lambda: HashingEmbedder(16),  # for the leg check: what it asks is not counted
            executor_for=lambda job: LocalExecutor(runner),
            executor="local",
            block_size=BLOCK_SIZE,
            ledger_days=30,
        )

    def build(self, **choices: object) -> BuildReport:
        return build(self.context(**choices))

    def put(self, *documents: Document, partition: Partition = OURS) -> None:
        put_documents(self.catalogue, partition, documents)

    def served(self) -> dict[Partition, dict[str, str]]:
        """Every document of the snapshot in service, its passages' texts joined."""
        snapshot = Snapshot(self.storage, stable_release(self.catalogue).snapshot)
        return contents(snapshot)

    def served_shards(self) -> list[str]:
        """The names of the shards of the snapshot in service."""
        manifest = read_snapshot(self.storage, stable_release(self.catalogue).snapshot)
        return [shard.name for shard in manifest.shards]

    def files(self) -> dict[str, bytes]:
        """Every file of every shard and snapshot."""
        found = {}
        for kind in (SHARDS, SNAPSHOTS):
            for name in self.storage.list(kind):
                folder = self.path / kind / name
                found |= {f"{kind}/{name}/{path.name}": path.read_bytes() for path in folder.iterdir()}
        return found

    def blocks(self) -> list[Path]:
        """The files of the feature store."""
        return sorted((self.path / "features").glob("*/*/block.safetensors"))


def contents(snapshot: Snapshot) -> dict[Partition, dict[str, str]]:
    found: dict[Partition, dict[str, str]] = {}
    for partition in snapshot.partitions:
        view = snapshot.view(partition)
        assert view is not None
        texts = found.setdefault(partition, {})
        for number, shard in enumerate(view.shards):
            part = shard.partitions[partition]
            for row in range(part.start, part.stop):
                passage = view.passage(number, row)
                texts[passage.document_id] = f"{texts.get(passage.document_id, '')} {passage.text}".strip()
    assert snapshot.broken == {}
    return found


@contextmanager
def bench_at(path: Path) -> Iterator[Bench]:
    bench = Bench(path)
    try:
        yield bench
    finally:
        bench.catalogue.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_at(tmp_path / "bench") as opened:
        yield opened


def passage(name: str, number: int) -> str:
    """A sentence of sixteen words: exactly one passage."""
    return f"The {name} {number}: " + " ".join(f"{name}{number}w{i}" for i in range(12)) + " end."


def article(name: str, passages: int = 3, **fields: object) -> Document:
    return Document(name, "", " ".join(passage(name, i) for i in range(passages)), **fields)


ARTICLES = [article(f"doc{i}") for i in range(12)]


# What a build computes and writes


def test_the_first_build_computes_everything_and_is_in_service(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.put(article("other", 2), partition=THEIRS)
    report = bench.build()
    assert (report.documents, report.passages, report.embeddings_computed) == (13, 38, 38)
    assert report.shards_written > 4
    assert report.shards_kept == 0
    assert (report.is_new, report.is_deployed, report.release.number) == (True, True, "1.1")
    assert sorted(bench.embedder.texts) == sorted(
        [passage(d.id, i) for d in ARTICLES for i in range(3)] + [passage("other", i) for i in range(2)]
    )
    assert bench.served() == {OURS: {d.id: d.text for d in ARTICLES}, THEIRS: {"other": article("other", 2).text}}


def test_the_second_build_computes_and_writes_nothing_and_is_the_same_release(bench: Bench) -> None:
    bench.put(*ARTICLES)
    first, files = bench.build(), bench.files()
    bench.loads = 0
    second = bench.build()
    assert (second.embeddings_computed, second.shards_written, second.shards_kept) == (0, 0, first.shards_written)
    assert (second.release, second.is_new, second.is_deployed) == (first.release, False, True)
    assert bench.files() == files
    assert bench.loads == 0  # the model is not even loaded
    assert len(list_releases(bench.catalogue)) == 1


def test_one_changed_passage_is_embedded_alone_and_only_its_shard_is_written(bench: Bench) -> None:
    bench.put(*ARTICLES)
    first = bench.build()
    bench.embedder.texts.clear()
    changed = replace(ARTICLES[5], text=ARTICLES[5].text.replace(passage("doc5", 2), passage("new", 2)))
    bench.put(changed)
    second = bench.build()
    assert bench.embedder.texts == [passage("new", 2)]
    assert (second.embeddings_computed, second.shards_written) == (1, 1)
    assert second.shards_kept == first.shards_written - 1
    assert (second.release.number, second.is_new, second.is_deployed) == ("1.2", True, True)
    assert bench.served()[OURS]["doc5"] == changed.text


@pytest.mark.parametrize(
    "fields", [{"metadata": {"tags": ["new"]}}, {"url": "https://example.org/moved"}], ids=["re-tagged", "moved"]
)
def test_what_the_encoder_does_not_read_costs_no_embedding(bench: Bench, fields: dict[str, object]) -> None:
    bench.put(*ARTICLES)
    bench.build()
    bench.loads = 0
    bench.put(replace(ARTICLES[0], **fields))
    report = bench.build()
    assert (report.embeddings_computed, report.shards_written, report.is_new) == (0, 1, True)
    assert bench.loads == 0


def test_a_document_that_moves_to_another_collection_or_tenant_costs_no_embedding(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    remove_documents(bench.catalogue, OURS, ["doc3"])
    bench.put(ARTICLES[3], partition=THEIRS)
    assert bench.build().embeddings_computed == 0
    served = bench.served()
    assert "doc3" not in served[OURS]
    assert served[THEIRS] == {"doc3": ARTICLES[3].text}


def test_a_deleted_document_is_gone_from_the_next_build(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    remove_documents(bench.catalogue, OURS, ["doc7"])
    report = bench.build()
    assert (report.documents, report.embeddings_computed, report.shards_written) == (11, 0, 1)
    assert set(bench.served()[OURS]) == {d.id for d in ARTICLES} - {"doc7"}


def test_a_build_counts_the_passages_of_each_tenant_for_its_quota(bench: Bench) -> None:
    bench.put(article("a", 3), article("b", 2))
    bench.put(article("a", 4), partition=THEIRS)
    report = bench.build()
    ours, theirs = (read_tenant(bench.catalogue, partition.tenant).passages for partition in (OURS, THEIRS))
    assert (ours + theirs, theirs) == (report.passages, 4)
    change_limits(bench.catalogue, OURS.tenant, {"max_passages": ours})
    with pytest.raises(QuotaExceeded):
        bench.put(article("c"))
    remove_documents(bench.catalogue, OURS, ["b"])
    bench.build()
    bench.put(article("c"))


def test_a_home_emptied_later_gives_an_empty_release(bench: Bench) -> None:
    bench.put(article("only"))
    bench.build()
    remove_documents(bench.catalogue, OURS, ["only"])
    report = bench.build()
    assert (report.documents, report.passages, report.is_deployed, report.release.number) == (0, 0, True, "1.2")
    assert bench.served() == {}


def test_the_same_text_in_two_documents_is_embedded_once(bench: Bench) -> None:
    text = passage("same", 0)
    bench.put(Document("one", "", text), Document("two", "", text))
    assert bench.build().embeddings_computed == 1
    assert bench.served()[OURS] == {"one": text, "two": text}


def test_the_same_documents_give_the_same_snapshot_in_whatever_order_they_came(tmp_path: Path) -> None:
    ids = set()
    for name, documents in (("one", ARTICLES), ("two", ARTICLES[::-1])):
        with bench_at(tmp_path / name) as bench:
            for document in documents:
                bench.put(document)
            ids.add(bench.build().release.snapshot)
    assert len(ids) == 1


def test_a_shard_larger_than_a_block_is_embedded_in_blocks(bench: Bench) -> None:
    bench.put(article("long", BLOCK_SIZE + 3))
    report = bench.build(shard_rows=1000)
    assert (report.embeddings_computed, report.shards_written) == (BLOCK_SIZE + 3, 1)
    assert len(bench.blocks()) == 2
    assert bench.served()[OURS]["long"] == article("long", BLOCK_SIZE + 3).text


def test_progress_only_grows_and_ends_at_the_total(bench: Bench) -> None:
    bench.put(*ARTICLES)
    told: list[tuple[str, int, int]] = []
    context = replace(bench.context(), on_progress=lambda stage, done, total: told.append((stage, done, total)))
    build(context)
    for stage, whole in (("passages", 12), ("vectors", 36)):
        steps = [done for name, done, total in told if name == stage and total == whole]
        assert steps == sorted(steps)
        assert steps[-1] == whole
    assert {stage for stage, _, _ in told} == {"passages", "vectors", "shards"}


def test_a_report_is_plain_json_with_the_release_number(bench: Bench) -> None:
    bench.put(article("one"))
    assert dry_run(bench.context()).embeddings == 3
    value = report_json(bench.build())
    assert value["release"]["number"] == "1.1"
    assert value["embeddings_computed"] == 3


WORDS = st.lists(st.sampled_from(["red", "green", "blue"]), max_size=40).map(" ".join)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 5), WORDS),
        st.tuples(st.just("tag"), st.integers(0, 5), WORDS),
        st.tuples(st.just("remove"), st.integers(0, 5), st.just("")),
        st.tuples(st.just("build"), st.just(0), st.just("")),
    ),
    max_size=12,
)


@settings(max_examples=15)
@given(EDITS)
def test_whatever_happened_before_a_build_serves_the_catalogue_and_computes_what_is_new(
    edits: list[tuple[str, int, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, bench_at(Path(folder)) as bench:
        bench.put(article("always"))
        truth = {"always": article("always").text}
        for action, number, text in [*edits, ("build", 0, "")]:
            name = f"doc{number}"
            if action == "put":
                bench.put(Document(name, "", text))
                truth[name] = text
            elif action == "tag" and name in truth:
                bench.put(Document(name, "", truth[name], metadata={"tag": text}))
            elif action == "remove":
                remove_documents(bench.catalogue, OURS, [name])
                truth.pop(name, None)
            elif action == "build":
                foreseen = dry_run(bench.context())
                bench.embedder.texts.clear()
                report = bench.build()
                assert report.embeddings_computed == foreseen.embeddings == len(bench.embedder.texts)
                assert report.shards_written == foreseen.shards
                assert (report.documents, report.passages) == (foreseen.documents, foreseen.passages)
                assert bench.served() == {OURS: {name: text for name, text in truth.items() if text}}


# Dry runs


def test_a_dry_run_foresees_the_build_and_stores_nothing(bench: Bench) -> None:
    bench.put(*ARTICLES)
    foreseen = dry_run(bench.context())
    assert (bench.files(), bench.blocks(), list_releases(bench.catalogue)) == ({}, [], [])
    assert stable_recipe(bench.catalogue) is None
    report = bench.build()
    assert (foreseen.documents, foreseen.passages) == (report.documents, report.passages)
    assert (foreseen.embeddings, foreseen.shards) == (report.embeddings_computed, report.shards_written)
    assert foreseen.seconds > 0
    again = dry_run(bench.context())
    assert (again.embeddings, again.shards, again.seconds) == (0, 0, 0.0)


def test_a_dry_run_of_another_view_changes_nothing_that_serves(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    files, blocks = bench.files(), bench.blocks()
    assert dry_run(bench.context(view=replace(VIEW, name="longer", max_tokens=32))).embeddings > 0
    assert (bench.files(), bench.blocks()) == (files, blocks)
    assert len(list_releases(bench.catalogue)) == 1


def test_a_dry_run_removes_nothing(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    corrupt_vectors(bench.path / SHARDS / bench.storage.list(SHARDS)[0])
    files = bench.files()
    assert dry_run(bench.context()).shards == 1
    assert bench.files() == files


def test_a_dry_run_keeps_a_block_that_is_broken(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    flip_last_byte(bench.blocks()[0])
    files, blocks = bench.files(), {path: path.read_bytes() for path in bench.blocks()}
    assert dry_run(bench.context()).shards == 0
    assert dry_run(bench.context(language="none")).embeddings > 0
    assert (bench.files(), {path: path.read_bytes() for path in bench.blocks()}) == (files, blocks)


class StorageThatWrites(LocalStorage):
    """Calls ``write`` once, when a plan is compared with what is stored."""

    def __init__(self, root: Path, write: Callable[[], None]) -> None:
        super().__init__(root)
        self.write: Callable[[], None] | None = write

    def open(self, kind: str, name: str) -> Artefact:
        write, self.write = self.write, None
        if write is not None:
            write()
        return super().open(kind, name)


def test_a_document_that_changes_during_a_dry_run_does_not_stop_it(bench: Bench) -> None:
    bench.put(*ARTICLES)
    storage = StorageThatWrites(bench.path, lambda: bench.put(replace(ARTICLES[0], text=passage("new", 0))))
    assert dry_run(replace(bench.context(), storage=storage)).documents == 12


def test_a_dry_run_counts_a_text_that_stands_in_two_shards_once(bench: Bench) -> None:
    bench.put(*(Document(f"doc{i}", "", passage("same", 0) + " " + passage(f"own{i}", 0)) for i in range(10)))
    foreseen = dry_run(bench.context(shard_rows=4))
    assert foreseen.shards > 1
    assert foreseen.embeddings == bench.build(shard_rows=4).embeddings_computed == 11


# Recipes and views


def test_another_recipe_is_built_beside_and_waits_for_deployment(bench: Bench) -> None:
    bench.put(*ARTICLES)
    first = bench.build()
    other = replace(VIEW, name="longer", max_tokens=32)
    beside = bench.build(view=other)
    assert (beside.release.number, beside.is_new, beside.is_deployed) == ("2.1", True, False)
    assert stable_release(bench.catalogue) == first.release
    deploy(bench.catalogue, 2, reason="test", actor="test")
    assert stable_release(bench.catalogue) == beside.release
    bench.put(article("later"))
    assert bench.build(view=other).is_deployed
    assert not bench.build().is_deployed
    assert stable_release(bench.catalogue).number == "2.2"


def test_another_language_computes_no_embedding(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    report = bench.build(language="none")
    assert (report.embeddings_computed, report.release.number) == (0, "2.1")
    assert report.shards_written > 0


def test_another_precision_computes_every_embedding(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    assert bench.build(precision="fp32").embeddings_computed == 36


def test_a_view_that_changed_without_a_new_version_is_refused(bench: Bench) -> None:
    bench.put(*ARTICLES)
    first = bench.build()
    bench.put(article("later"))
    with pytest.raises(FeatureViewChanged, match=r"lines@1 was used as .*give the new one version 2"):
        bench.build(view=replace(VIEW, max_tokens=32))
    assert stable_release(bench.catalogue) == first.release
    assert len(list_releases(bench.catalogue)) == 1
    assert bench.build(view=replace(VIEW, max_tokens=32, version=2)).release.number == "2.1"


# Nothing to build


def test_a_home_without_documents_is_refused_and_told_what_to_do(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="nothing to build: ingest documents first"):
        bench.build()
    assert (bench.files(), list_releases(bench.catalogue)) == ({}, [])


def test_documents_without_text_and_title_are_left_out(bench: Bench) -> None:
    bench.put(Document("empty", "", " \n"), Document("titled", "a title", ""), article("full"))
    report = bench.build(view=replace(VIEW, context_tokens=4))
    assert report.documents == 2
    assert bench.served()[OURS] == {"titled": "", "full": article("full").text}


def test_only_empty_documents_give_an_empty_release(bench: Bench) -> None:
    bench.put(Document("empty", "", ""))
    require_documents(bench.catalogue)
    report = bench.build()
    assert (report.documents, report.passages, report.embeddings_computed) == (0, 0, 0)
    assert (report.is_deployed, report.release.number) == (True, "1.1")
    assert bench.served() == {}


def test_documents_are_required_only_before_the_first_release(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="nothing to build"):
        require_documents(bench.catalogue)
    bench.put(article("only"))
    require_documents(bench.catalogue)
    bench.build()
    remove_documents(bench.catalogue, OURS, ["only"])
    require_documents(bench.catalogue)


@pytest.mark.slow
def test_a_document_of_three_megabytes_is_built_like_any_other(bench: Bench) -> None:
    words = " ".join(f"longer-word-{i}" for i in range(58))
    text = " ".join(f"Sentence {i} {words}." for i in range(4_200))
    assert 3_000_000 < len(text) < 4_000_000
    bench.put(Document("huge", "", text), article("small"))
    report = bench.build(view=replace(VIEW, name="wide", max_tokens=64), shard_rows=4096)
    assert report.shards_written == 2  # a document is never cut in two
    assert report.embeddings_computed == report.passages > 4_096
    assert bench.build(view=replace(VIEW, name="wide", max_tokens=64), shard_rows=4096).shards_written == 0
    assert set(bench.served()[OURS]) == {"huge", "small"}


# What goes wrong


def test_a_second_build_at_the_same_time_is_refused_by_the_number_of_the_first(bench: Bench) -> None:
    bench.put(article("one"))
    with (bench.path / "build.lock").open("a+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("4711")
        other.flush()
        with pytest.raises(AlreadyRunning, match="process 4711"):
            bench.build()
    assert bench.build().is_new


def test_a_lock_file_left_behind_does_not_stop_a_build(bench: Bench) -> None:
    bench.put(article("one"))
    (bench.path / "build.lock").write_text("4711")
    assert bench.build().is_new
    assert (bench.path / "build.lock").read_text() == str(os.getpid())


def test_an_encoder_that_breaks_leaves_the_release_and_the_next_build_computes_the_rest(bench: Bench) -> None:
    bench.put(*ARTICLES[:4])
    first = bench.build()
    bench.put(*ARTICLES)
    bench.embedder = CountingEmbedder(limit=10)
    with pytest.raises(RuntimeError, match="the encoder broke"):
        bench.build()
    done = list(bench.embedder.texts)
    assert 0 < len(done) < 24
    assert stable_release(bench.catalogue) == first.release
    assert set(bench.served()[OURS]) == {d.id for d in ARTICLES[:4]}
    bench.embedder = CountingEmbedder()
    assert bench.build().embeddings_computed == 24 - len(done)
    assert not set(done) & set(bench.embedder.texts)
    assert bench.served()[OURS] == {d.id: d.text for d in ARTICLES}


def test_a_job_that_is_cancelled_at_the_last_moment_makes_no_release(bench: Bench) -> None:
    class StorageThatCancels(LocalStorage):
        @contextmanager
        def publish(self, kind: str, name: str) -> Iterator[Draft]:
            with super().publish(kind, name) as draft:
                yield draft
            if kind == SNAPSHOTS:
                cancel_job(bench.catalogue, 1)

    bench.put(*ARTICLES)
    context = replace(bench.context(), storage=StorageThatCancels(bench.path), executor="workers")
    with pytest.raises(BuildCancelled, match="Job 1 was cancelled"):
        build(context)
    assert list_releases(bench.catalogue) == []
    assert stable_recipe(bench.catalogue) is None
    assert read_job(bench.catalogue, 1).state == "cancelled"
    report = bench.build()
    assert (report.release.number, report.embeddings_computed, report.shards_written) == ("1.1", 0, 0)
    assert read_job(bench.catalogue, report.job).state == "done"


def test_a_build_that_fails_at_once_holds_no_lock(bench: Bench) -> None:
    bench.put(article("one"))
    bench.embedder.limit = 0
    with pytest.raises(RuntimeError, match="broke"):
        bench.build()
    bench.embedder.limit = None
    assert bench.build().is_deployed


def test_documents_that_change_meanwhile_are_planned_again_and_built_as_they_are_now(bench: Bench) -> None:
    bench.put(*ARTICLES)

    def change_all() -> HashingEmbedder:
        bench.put(*(replace(one, text=f"changed {one.text}") for one in ARTICLES))
        return bench.embedder

    report = build(bench.context(load=change_all))
    assert (report.documents, report.release.number, report.is_deployed) == (12, "1.1", True)
    assert report.release.seq == bench.catalogue.sequence()  # nothing is left to build
    assert report.embeddings_computed == len(bench.embedder.texts)
    assert bench.served()[OURS] == {d.id: f"changed {d.text}" for d in ARTICLES}
    assert bench.build().is_new is False


def test_documents_that_are_deleted_meanwhile_are_left_out(bench: Bench) -> None:
    bench.put(*ARTICLES)

    def delete_most() -> HashingEmbedder:
        remove_documents(bench.catalogue, OURS, [one.id for one in ARTICLES[2:]])
        return bench.embedder

    report = build(bench.context(load=delete_most))
    assert (report.documents, report.passages) == (2, 6)
    assert report.release.seq == bench.catalogue.sequence()
    assert bench.served()[OURS] == {d.id: d.text for d in ARTICLES[:2]}


def test_documents_that_never_stay_the_same_are_built_as_of_one_moment(bench: Bench) -> None:
    bench.put(*ARTICLES)
    bench.build()
    versions: dict[int, dict[str, str]] = {}

    def change_all() -> None:
        bench.put(*(replace(one, text=f"changed {len(versions)} {one.text}") for one in ARTICLES))
        bench.put(article(f"late{len(versions)}"))
        versions[bench.catalogue.sequence()] = {
            one.id: load_document(bench.catalogue, OURS, one.id).text for one in ARTICLES
        }

    class Changing(HashingEmbedder):
        def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
            change_all()
            return super().encode_passages(texts, on_progress)

    change_all()
    report = build(bench.context(load=lambda: Changing(bench.embedder.dimension)))
    served = bench.served()[OURS]
    assert len(versions) > 4  # it was disturbed in each attempt
    assert {one.id: served[one.id] for one in ARTICLES} == versions[report.release.seq]
    assert sum(name.startswith("late") for name in served) == list(versions).index(report.release.seq) + 1
    assert bench.build().release.seq == bench.catalogue.sequence()


def test_many_small_blocks_are_merged_and_no_vector_is_computed_again(bench: Bench) -> None:
    store = FeatureStore(bench.storage, bench.context().views.embedding_fingerprint)
    texts = [passage("small", i) for i in range(SMALL_BLOCK)]
    for text in texts:
        key = vector_key(bench.context().views.embedding_fingerprint, text)
        store.put([key], bench.embedder.encode_passages([text]))
    bench.put(Document("small", "", " ".join(texts)))
    assert bench.build().embeddings_computed == 0
    assert len(bench.blocks()) == 1
    bench.put(Document("small", "", " ".join(reversed(texts))))
    assert bench.build().embeddings_computed == 0


def test_a_report_counts_the_shards_of_its_release_alone(bench: Bench) -> None:
    bench.put(*ARTICLES)

    def change_all() -> HashingEmbedder:
        bench.put(*(replace(one, text=f"changed {one.text}") for one in ARTICLES))
        return bench.embedder

    report = build(bench.context(load=change_all))
    assert report.shards_kept >= 0
    assert report.shards_written + report.shards_kept == len(bench.served_shards())


def test_a_document_that_is_added_meanwhile_waits_for_the_next_build(bench: Bench) -> None:
    bench.put(*ARTICLES)

    def add_one() -> HashingEmbedder:
        bench.put(article("late"))
        return bench.embedder

    report = build(bench.context(load=add_one))
    assert report.documents == 12
    assert report.release.seq < bench.catalogue.sequence()  # so that the write is not taken for built
    assert "late" not in bench.served()[OURS]
    bench.build()
    assert "late" in bench.served()[OURS]


def artefact_of(file: Path) -> tuple[str, str]:
    """Kind and name of the feature block that ``file`` belongs to."""
    return "/".join(file.parts[-4:-2]), file.parent.name


def flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    path.write_bytes(data)


def lose_vectors(shard: Path) -> None:
    (shard / VECTORS_FILE).unlink()


def corrupt_vectors(shard: Path) -> None:
    flip_last_byte(shard / VECTORS_FILE)


def corrupt_manifest(shard: Path) -> None:
    (shard / "manifest.json").write_bytes(b"\0" * 20)


def lose_manifest(shard: Path) -> None:
    (shard / "manifest.json").unlink()


@pytest.mark.parametrize(
    "breakage",
    [
        corrupt_vectors,
        lose_vectors,
        corrupt_manifest,
        lose_manifest,
    ],
)
def test_a_broken_shard_is_written_again_without_any_embedding(bench: Bench, breakage: Callable[[Path], None]) -> None:
    bench.put(*ARTICLES)
    first, files = bench.build(), bench.files()
    breakage(bench.path / SHARDS / bench.storage.list(SHARDS)[1])
    second = bench.build()
    assert (second.embeddings_computed, second.shards_written) == (0, 1)
    assert (second.release, second.is_new) == (first.release, False)
    assert bench.files() == files


@pytest.mark.parametrize(
    "breakage",
    [
        flip_last_byte,
        Path.unlink,
        pytest.param(lambda path: corrupt_manifest(path.parent), id="corrupt_manifest"),
        pytest.param(lambda path: lose_manifest(path.parent), id="lose_manifest"),
    ],
)
def test_a_broken_block_of_vectors_is_computed_again(bench: Bench, breakage: Callable[[Path], None]) -> None:
    bench.put(*ARTICLES)
    bench.build()
    files, blocks = bench.files(), bench.blocks()
    count = bench.storage.open(*artefact_of(blocks[0])).info["count"]
    breakage(blocks[0])
    for name in bench.storage.list(SHARDS):
        bench.storage.delete(SHARDS, name)
    assert bench.build().embeddings_computed == count < 36
    assert (bench.files(), bench.blocks()) == (files, blocks)


@pytest.mark.parametrize(
    "breakage",
    [
        pytest.param(lambda folder: flip_last_byte(folder / "snapshot.json"), id="corrupt_content"),
        corrupt_manifest,
        lose_manifest,
    ],
)
def test_a_broken_snapshot_is_written_again(bench: Bench, breakage: Callable[[Path], None]) -> None:
    bench.put(*ARTICLES)
    first, files = bench.build(), bench.files()
    breakage(bench.path / SNAPSHOTS / first.release.snapshot)
    assert bench.build().release == first.release
    assert bench.files() == files
    assert set(bench.served()[OURS]) == {one.id for one in ARTICLES}


def test_vectors_that_are_not_numbers_never_reach_a_release(bench: Bench) -> None:
    class BrokenEmbedder(HashingEmbedder):
        def encode_passages(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
            return super().encode_passages(texts, on_progress) * float("nan")

    bench.put(article("one"))
    broken = bench.context(load=BrokenEmbedder)
    for _ in range(2):
        with pytest.raises(ModelMismatch, match="not finite"):
            build(broken)
    assert (bench.files(), bench.blocks(), list_releases(bench.catalogue)) == ({}, [], [])
    assert bench.build().is_deployed


def test_a_shard_that_does_not_find_its_own_rows_is_never_published(bench: Bench) -> None:
    bench.put(article("one"))
    first = bench.build()
    (block,) = bench.blocks()
    arrays = {name: np.array(array) for name, array in map_arrays(block).items()}
    arrays["vectors"][:] = np.nan  # whole by its checksum, as a block of an earlier version may be
    bench.storage.delete(*artefact_of(block))
    with bench.storage.publish(*artefact_of(block)) as draft:
        write_arrays(draft.path / block.name, arrays)
    for name in bench.storage.list(SHARDS):
        bench.storage.delete(SHARDS, name)
    for _ in range(2):
        with pytest.raises(BuildFailed, match="does not find its own row 0: the release is not made"):
            bench.build()
    assert bench.storage.list(SHARDS) == []
    assert list_releases(bench.catalogue) == [first.release]


# Kill -9


class StallingStorage(LocalStorage):
    """Stops for ever at the ``nth`` artefact of a kind, all its files written and nothing of it published."""

    def __init__(self, root: Path, kind: str, nth: int) -> None:
        super().__init__(root)
        self.kind, self.left = kind, nth

    @contextmanager
    def publish(self, kind: str, name: str) -> Iterator[Draft]:
        with super().publish(kind, name) as draft:
            yield draft
            self.left -= kind.startswith(self.kind)
            if self.left == 0:
                print("stalled", flush=True)  # noqa: T201 (the test waits for it)
                sys.stdin.read()


def stalling_build(path: Path, kind: str, nth: int) -> None:
    with bench_at(path) as bench:
        bench.storage = StallingStorage(path, kind, nth)
        bench.build()


@pytest.mark.parametrize(("kind", "nth"), [("features", 3), ("shards", 1), ("shards", 4), ("snapshots", 1)])
def test_a_build_killed_in_the_middle_goes_on_to_the_very_same_files(tmp_path: Path, kind: str, nth: int) -> None:
    with bench_at(tmp_path / "calm") as calm, bench_at(tmp_path / "killed") as killed:
        for one in (calm, killed):
            one.put(*ARTICLES)
        undisturbed = calm.build()
        command = [sys.executable, __file__, str(killed.path), kind, str(nth)]
        with ForkedPopen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"stalled\n"
            with pytest.raises(AlreadyRunning, match=f"process {process.pid}"):
                killed.build()
            process.kill()
        assert list_releases(killed.catalogue) == []
        assert killed.storage.list(SNAPSHOTS) == []
        left = dry_run(killed.context())
        assert left.embeddings < 36
        report = killed.build()
        assert (report.embeddings_computed, report.shards_written) == (left.embeddings, left.shards)
        assert report.release.snapshot == undisturbed.release.snapshot
        assert killed.files() == calm.files()


if __name__ == "__main__":
    stalling_build(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))


# Large partitions

LARGE = [Document(f"large{i}", f"Subject {i}", f"Something about subject {i} and group {i % 9}.") for i in range(700)]


def put_large(bench: Bench) -> None:
    bench.put(*LARGE)
    bench.put(*ARTICLES[:3], partition=THEIRS)


def test_a_partition_above_the_threshold_gets_an_approximate_index_with_its_recall(bench: Bench) -> None:
    put_large(bench)
    report = bench.build(approximation=Approximation(above_rows=300, shard_rows=600, min_recall=0.5))
    manifest = read_snapshot(bench.storage, report.release.snapshot)
    approximate = [shard for shard in manifest.shards if shard.facts.lists is not None]
    assert {part.collection for shard in approximate for part in shard.facts.partitions} == {OURS.collection}
    assert sum(shard.rows for shard in approximate) == report.passages - sum(
        shard.rows for shard in manifest.shards if shard not in approximate
    )
    assert all("lists.faiss" in shard.files for shard in approximate)
    assert report.recall_at_10 == min(shard.facts.lists.recall_at_10 for shard in approximate)
    assert 0.5 <= report.recall_at_10 <= 1.0
    assert verify_snapshot(bench.storage, manifest) == {}


def test_a_large_partition_can_be_searched_both_ways(bench: Bench) -> None:
    put_large(bench)
    bench.build(approximation=Approximation(above_rows=300, min_recall=0.5))
    view = Snapshot(bench.storage, stable_release(bench.catalogue).snapshot).view(OURS)
    assert view is not None
    query = bench.embedder.encode_query("subject 5 group 5")
    exact = view.search(query, 10, exact=True)
    approximate = view.search(query, 10)
    assert len(exact[1]) == len(approximate[1]) == 10
    assert len(set(exact[1]) & set(approximate[1])) >= 5
    assert (np.diff(exact[2]) <= 0).all()


def test_without_an_approximation_a_large_partition_is_searched_exactly(bench: Bench) -> None:
    put_large(bench)
    report = bench.build()
    assert report.recall_at_10 is None
    assert not any(shard.facts.lists for shard in read_snapshot(bench.storage, report.release.snapshot).shards)


def test_too_little_recall_fails_the_build_by_name_and_the_release_stays(bench: Bench) -> None:
    put_large(bench)
    first = bench.build()
    with pytest.raises(BuildFailed, match=rf"shard \w+ of {OURS}: .*expected at least 1.1.*--approximate-above 0"):
        bench.build(approximation=Approximation(above_rows=300, min_recall=1.1))
    assert stable_release(bench.catalogue).snapshot == first.release.snapshot
    states = [row["state"] for row in bench.catalogue.rows("SELECT state FROM jobs ORDER BY id")]
    assert states == ["done", "failed"]


def test_a_second_build_of_a_large_partition_writes_nothing(bench: Bench) -> None:
    put_large(bench)
    approximation = Approximation(above_rows=300, min_recall=0.5)
    first = bench.build(approximation=approximation)
    before = bench.files()
    second = bench.build(approximation=approximation)
    assert (second.shards_written, second.embeddings_computed) == (0, 0)
    assert (second.release, second.recall_at_10) == (first.release, first.recall_at_10)
    assert bench.files() == before


def test_a_large_partition_comes_out_the_same_from_an_empty_home(bench: Bench, tmp_path: Path) -> None:
    approximation = Approximation(above_rows=300, min_recall=0.5)
    put_large(bench)
    bench.build(approximation=approximation)
    with bench_at(tmp_path / "other") as other:
        put_large(other)
        other.build(approximation=approximation)
        assert other.files() == bench.files()
