import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexing.builds.tasks import (
    INPUT_FILE,
    EmbedTask,
    LocalExecutor,
    ShardTask,
    TaskRunner,
    load_task,
    save_task,
    without_documents,
)
from indexing.errors import ArtefactMissing, BuildFailed
from indexing.features.embedding_store import FeatureStore, vector_key
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Partition, Passage
from indexing.snapshots.shard import open_shard
from indexing.snapshots.shard_layout import ShardInput
from indexing.storage.factory import open_storage

VIEW = "f" * 64
texts = st.text(st.characters(), max_size=30)  # lone surrogates too


class Loads:
    """A loader that counts."""

    def __init__(self):
        self.asked = []

    def __call__(self, model, precision):
        self.asked.append((model, precision))
        return HashingEmbedder(8)


@pytest.fixture
def storage(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def runner(storage):
    return TaskRunner(storage, sessions=1, load=Loads())


def embed(*words):
    return EmbedTask("m@1", "int8", VIEW, words)


def shard(words, sources):
    passages = [Passage("d", i, 0, len(word), word, ("H",), word) for i, word in enumerate(words)]
    item = ShardInput(Partition("t", "c"), Document("d", "D", "", "u", {"k": [1, None]}), passages)
    keys = tuple(vector_key(VIEW, word) for word in words)
    return ShardTask("name", VIEW, "english", (item,), keys, tuple(sources))


def whole(block):
    """A block with all its documents in memory, to be compared."""
    return replace(block, inputs=tuple(block.inputs)) if isinstance(block, ShardTask) else block


@given(st.lists(texts, min_size=1, max_size=5), texts)
def test_a_block_comes_back_from_the_store_as_it_was(tmp_path_factory, words, title):
    storage = open_storage(tmp_path_factory.mktemp("work"))
    one = embed(*words)
    other = shard(words, ["a", "b"])
    document = replace(other.inputs[0].document, title=title, metadata={"title": title})
    other = replace(other, inputs=(replace(other.inputs[0], document=document),))
    for block in (one, other):
        name = save_task(storage, "work/1", block)
        assert whole(load_task(storage, "work/1", name)) == block
        assert load_task(storage, "work/1", name).output == block.output


def peak_of(work):
    """What ``work`` gives, and the bytes of Python's memory that it took at once."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_documents_pass_one_by_one_from_the_plan_through_the_store_to_whoever_does_the_block(storage):
    def documents():
        for number in range(200):
            text = f"word{number} " * 2000
            passage = Passage(f"d{number}", 0, 0, len(text), text, (), text)
            yield ShardInput(Partition("t", "c"), Document(f"d{number}", "", text), [passage])

    block = ShardTask("name", VIEW, "english", documents(), (), ())
    name, saving = peak_of(lambda: save_task(storage, "work/1", block))
    file = storage.open("work/1", name).path / INPUT_FILE
    assert len(file.read_bytes().splitlines()) == 201
    count, loading = peak_of(lambda: sum(1 for _ in load_task(storage, "work/1", name).inputs))
    assert count == 200
    assert max(saving, loading) < file.stat().st_size / 10
    assert next(load_task(storage, "work/1", name).inputs).document.text == ""  # a shard stores passages only


def test_a_block_without_its_documents_names_the_same_output():
    block = shard(("red",), [])
    assert without_documents(block) == replace(block, inputs=(), keys=())
    assert without_documents(block).output == block.output
    assert without_documents(embed("red")) == embed("red")


def test_a_withdrawn_block_is_missing(storage):
    name = save_task(storage, "work/1", embed("a"))
    storage.delete("work/1", name)
    with pytest.raises(ArtefactMissing):
        load_task(storage, "work/1", name)


def test_a_block_is_done_once_its_output_exists(storage, runner):
    block = embed("red", "green")
    assert not runner.is_done(block)
    runner.do(block)
    assert runner.is_done(block)
    assert len(FeatureStore(storage, VIEW)) == 2


def test_a_model_is_loaded_once_for_many_blocks(storage):
    loads = Loads()
    runner = TaskRunner(storage, sessions=1, load=loads)
    done = list(LocalExecutor(runner).run(embed(word) for word in "abc"))
    assert [block.texts for block in done] == [("a",), ("b",), ("c",)]
    assert loads.asked == [("m@1", "int8")]


def test_a_shard_is_written_from_the_named_blocks_alone(storage, runner):
    words = ("red", "green", "blue")
    vectors = embed(*words)
    runner.do(vectors)
    block = shard(words, [vectors.name])
    runner.do(block)
    written = open_shard(storage.open(*block.output))
    expected = HashingEmbedder(8).encode_passages(words)
    assert np.array_equal(written.vectors(np.arange(3)), expected)
    with pytest.raises(ArtefactMissing):
        runner.do(replace(shard(words, []), name="other"))


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x"), lambda path: path.unlink()])
def test_a_broken_output_is_made_anew(storage, runner, damage):
    vectors = embed("red")
    block = shard(("red",), [vectors.name])
    for one in (vectors, block):
        runner.do(one)
        folder = storage.open(*one.output).path
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        damage(next(path for path in sorted(folder.iterdir()) if path.name != "manifest.json"))
        assert not runner.is_done(one)
        runner.do(one)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_doing_a_block_twice_changes_nothing(storage, runner):
    block = embed("red")
    assert runner.do(block)
    file = storage.open(*block.output).path / "block.safetensors"
    before = file.stat().st_ino
    assert not runner.do(block)
    assert file.stat().st_ino == before


def test_a_shard_whose_vectors_are_of_other_passages_is_not_written(storage, runner):
    block = embed("one", "two", "three")
    runner.do(block)
    right = shard(["one", "two", "three"], [block.name])
    shuffled = replace(right, keys=right.keys[::-1])
    with pytest.raises(BuildFailed, match="row 0 is passage d#0, and its vector is of another text"):
        runner.do(shuffled)
    assert not runner.is_done(shuffled)
    TaskRunner(storage, sessions=1, load=Loads(), is_checked=False).do(shuffled)  # as it would be without the check
    assert runner.is_done(shuffled)
