"""A shard without some documents is byte for byte the shard that was never given them."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.errors import ArtefactCorrupt, BuildFailed
from indexing.indexes import ivf_index
from indexing.indexes.analyser import Analyser
from indexing.models.embedder import HashingEmbedder
from indexing.records import Document, Partition, Passage
from indexing.retention import shard_rewrite
from indexing.retention.shard_rewrite import held_documents, rewrite_shard, rewritten_name
from indexing.snapshots import shard_writer
from indexing.snapshots.shard import KIND, LISTS_FILE, open_shard
from indexing.snapshots.shard_layout import ShardInput
from indexing.snapshots.shard_writer import write_shard
from indexing.storage.factory import open_storage

EMBEDDER = HashingEmbedder(16)
ANALYSER = Analyser("english")
A, B, C = Partition("a", "x"), Partition("a", "y"), Partition("b", "x")


def item(partition, name, *texts):
    document = Document(name, f"title of {name}", "\n".join(texts), f"https://example.org/{name}", {"of": name})
    passages = [Passage(name, n, n, n + 1, text, ("Top", name), f"{name}\n{text}") for n, text in enumerate(texts)]
    return ShardInput(partition, document, passages)


def vectors_of(inputs):
    return EMBEDDER.encode_passages([passage.encoder_input for one in inputs for passage in one.passages])


def publish(storage, name, inputs, **options):
    with storage.publish(KIND, name) as draft:
        write_shard(draft, inputs, lambda: vectors_of(inputs), ANALYSER, **options)
    return storage.open(KIND, name)


INPUTS = [
    item(A, "a1", "apples and pears", "plums"),
    item(A, "a2", "cherries"),
    item(B, "b1", "apples again", "apples and pears", "grapes"),
    item(B, "b2", "pears", "mangoes and apples"),
    item(C, "a1", "apples once more"),
]
WORDS = st.lists(st.sampled_from(["apple", "pear", "plum", "Äpfel", "𝔘", "the", ""]), max_size=4).map(" ".join)


@settings(max_examples=60)
@given(st.data())
def test_without_some_documents_it_is_the_shard_that_never_had_them(data):
    inputs = [
        item(partition, name, *data.draw(st.lists(WORDS, min_size=1, max_size=3)))
        for partition in (A, B, C)
        for name in sorted(data.draw(st.sets(st.sampled_from(["p", "q", "ü", "s"]), min_size=1)))
    ]
    partition = data.draw(st.sampled_from([A, B, C]))
    ids = data.draw(st.sets(st.sampled_from(["p", "q", "ü", "s", "nowhere"])))
    rest = [one for one in inputs if one.partition != partition or one.document.id not in ids]
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(Path(folder))
        rewritten = rewrite_shard(storage, publish(storage, "old", inputs), partition, ids)
        if not rest:
            assert rewritten is None
            return
        fresh = publish(storage, "fresh", rest)
        assert rewritten.files == fresh.files
        assert rewritten.info == fresh.info


def test_the_old_shard_stays_as_it_was_until_somebody_deletes_it(tmp_path):
    storage = open_storage(tmp_path)
    old = publish(storage, "old", INPUTS)
    rewrite_shard(storage, old, A, {"a1"})
    assert storage.verify(KIND, "old") == old


def test_only_the_documents_of_the_partition_are_meant(tmp_path):
    storage = open_storage(tmp_path)
    old = publish(storage, "old", INPUTS)
    assert list(held_documents(old, A)) == ["a1", "a2"]
    assert list(held_documents(old, C)) == ["a1"]
    assert held_documents(old, Partition("b", "y")) == {}
    new = rewrite_shard(storage, old, A, {"a1", "b1"})
    assert [list(held_documents(new, partition)) for partition in (A, B, C)] == [["a2"], ["b1", "b2"], ["a1"]]


def test_the_name_follows_from_the_old_name_and_what_was_taken_out(tmp_path):
    storage = open_storage(tmp_path)
    old = publish(storage, "old", INPUTS)
    new = rewrite_shard(storage, old, A, {"a1", "not in it"})
    assert new.name == rewritten_name("old", A, ["a1"])
    assert len({new.name, rewritten_name("old", C, ["a1"]), rewritten_name("new", A, ["a1"])}) == 3


def test_a_rewritten_shard_that_is_stored_is_used_and_a_broken_one_made_again(tmp_path):
    storage = open_storage(tmp_path)
    old = publish(storage, "old", INPUTS)
    new = rewrite_shard(storage, old, B, {"b1"})
    inode = (new.path / "manifest.json").stat().st_ino
    assert rewrite_shard(storage, old, B, {"b1"}) == new
    assert (new.path / "manifest.json").stat().st_ino == inode
    (new.path / "lexical.safetensors").write_bytes(b"x" * new.files["lexical.safetensors"]["size_bytes"])
    assert rewrite_shard(storage, old, B, {"b1"}).files == new.files
    storage.verify(KIND, new.name)


def test_a_shard_that_cannot_be_read_is_not_taken_for_one_that_holds_nothing(tmp_path):
    storage = open_storage(tmp_path)
    old = publish(storage, "old", INPUTS)
    file = old.path / "passages.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ArtefactCorrupt):
        held_documents(old, A)


@pytest.fixture(scope="module")
def large_once(tmp_path_factory):
    """The folder of a store with the shard of many documents, and these."""
    inputs = [item(A, f"d{n:03}", f"word{n} apples", f"pears word{n % 7}") for n in range(300)]
    folder = tmp_path_factory.mktemp("large")
    publish(open_storage(folder), "old", inputs, min_recall=0.5)
    return folder, inputs


@pytest.fixture
def large(large_once, tmp_path):
    """A shard with an approximate index, and its inputs."""
    folder, inputs = large_once
    shutil.copytree(folder, tmp_path / "store")
    storage = open_storage(tmp_path / "store")
    return storage, storage.open(KIND, "old"), inputs


def test_an_approximate_index_is_made_anew_of_what_remains(large):
    storage, old, inputs = large
    assert LISTS_FILE in old.files
    rewritten = rewrite_shard(storage, old, A, {"d007", "d123"})
    rest = [one for one in inputs if one.document.id not in {"d007", "d123"}]
    fresh = publish(storage, "fresh", rest, min_recall=0.5)
    assert LISTS_FILE in rewritten.files
    assert (rewritten.files, rewritten.info) == (fresh.files, fresh.info)
    assert open_shard(rewritten).search(A, vectors_of(rest)[0], 3)[0][0] == 0


def test_too_few_rows_for_an_approximate_index_are_searched_exactly(large):
    storage, old, inputs = large
    gone = {one.document.id for one in inputs[: 300 - ivf_index.MIN_ROWS // 4]}
    rewritten = rewrite_shard(storage, old, A, gone)
    assert LISTS_FILE not in rewritten.files
    assert "lists" not in json.loads((rewritten.path / "manifest.json").read_bytes())["info"]


def test_an_approximate_index_that_finds_too_little_gives_way_to_exact_search(large, monkeypatch):
    storage, old, _ = large

    def too_little(path, vectors, *, min_recall):
        path.write_bytes(b"lists that find nothing")
        raise BuildFailed("its approximate index finds nothing")

    monkeypatch.setattr(shard_writer, "write_ivf_lists", too_little)
    rewritten = rewrite_shard(storage, old, A, {"d007"})
    assert LISTS_FILE not in rewritten.files
    assert open_shard(rewritten).search(A, np.eye(16, dtype=np.float32)[0], 3)[0].size == 3
    assert shard_rewrite.open_shard(rewritten).lists is None
