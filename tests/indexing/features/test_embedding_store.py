"""Vectors come back bit for bit under what they were computed from, and a broken block is simply computed again."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from indexing.errors import ArtefactMissing, ModelMismatch
from indexing.features.embedding_store import (
    SMALL_BLOCK,
    FeatureStore,
    block_name,
    drop_vectors,
    feature_kind,
    merge_small_blocks,
    vector_key,
)
from indexing.models.embedder import HashingEmbedder
from indexing.storage.factory import open_storage
from indexing.storage.local import LocalStorage

VIEW, OTHER_VIEW = "a" * 64, "b" * 64
EMBEDDER = HashingEmbedder(16)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_storage(tmp_path)


def keys_of(*texts: str, view: str = VIEW) -> list[bytes]:
    return [vector_key(view, text) for text in texts]


def blocks(storage: LocalStorage, view: str = VIEW) -> list[Path]:
    return sorted(storage.root.glob(f"features/{view[:32]}/*/block.safetensors"))


def test_a_key_follows_from_the_view_and_the_exact_input() -> None:
    assert vector_key(VIEW, "text") == vector_key(VIEW, "text")
    assert len(vector_key(VIEW, "text")) == 32
    different = {vector_key(view, text) for view in (VIEW, OTHER_VIEW) for text in ("text", "Text", "text ", "")}
    assert len(different) == 8
    assert len(vector_key(VIEW, "lone \ud800")) == 32


def test_a_blocks_name_follows_from_its_keys_and_their_order() -> None:
    one, other = keys_of("a", "b"), keys_of("b", "a")
    assert block_name(one) == block_name(list(one))
    assert len({block_name(one), block_name(other), block_name(one[:1])}) == 3


def test_vectors_come_back_bit_for_bit_in_the_order_asked_for(storage: LocalStorage) -> None:
    store = FeatureStore(storage, VIEW)
    keys, vectors = keys_of("a", "b", "c"), EMBEDDER.encode_passages(["a", "b", "c"])
    store.put(keys, vectors)
    order = [2, 0, 2, 1]
    for reader in (store, FeatureStore(storage, VIEW)):
        found = reader.vectors([keys[i] for i in order])
        assert found.dtype == np.float32
        assert found.tobytes() == vectors[order].tobytes()
        assert len(reader) == 3


def test_missing_gives_each_unknown_key_once_in_order(storage: LocalStorage) -> None:
    store = FeatureStore(storage, VIEW)
    a, b, c = keys_of("a", "b", "c")
    assert store.missing([c, a, c, b]) == [c, a, b]
    store.put([a], EMBEDDER.encode_passages(["a"]))
    assert store.missing(iter([c, a, c, b])) == [c, b]
    assert a in store
    assert b not in store


def test_a_key_without_a_vector_is_named(storage: LocalStorage) -> None:
    store = FeatureStore(storage, VIEW)
    (key,) = keys_of("a")
    with pytest.raises(ArtefactMissing, match=f"holds no vector {key.hex()[:16]}"):
        store.vectors([key])
    assert len(store.vectors([])) == 0


def test_the_same_block_twice_keeps_the_first(storage: LocalStorage) -> None:
    keys, vectors = keys_of("a", "b"), EMBEDDER.encode_passages(["a", "b"])
    first, second = FeatureStore(storage, VIEW), FeatureStore(storage, VIEW)
    first.put(keys, vectors)
    second.put(keys, -vectors)
    first.put(keys, -vectors)
    assert len(blocks(storage)) == 1
    for store in (first, second, FeatureStore(storage, VIEW)):
        assert store.vectors(keys).tobytes() == vectors.tobytes()
        assert len(store) == 2


def test_a_reader_sees_the_blocks_that_were_there_when_it_was_made(storage: LocalStorage) -> None:
    early = FeatureStore(storage, VIEW)
    FeatureStore(storage, VIEW).put(keys_of("a"), EMBEDDER.encode_passages(["a"]))
    assert early.missing(keys_of("a")) == keys_of("a")
    assert FeatureStore(storage, VIEW).missing(keys_of("a")) == []


def test_the_vectors_of_two_views_never_mix(storage: LocalStorage) -> None:
    FeatureStore(storage, VIEW).put(keys_of("a"), EMBEDDER.encode_passages(["a"]))
    other = FeatureStore(storage, OTHER_VIEW)
    assert len(other) == 0
    assert other.missing(keys_of("a", view=OTHER_VIEW)) == keys_of("a", view=OTHER_VIEW)
    other.put(keys_of("a", view=OTHER_VIEW), EMBEDDER.encode_passages(["z"]))
    stored = FeatureStore(storage, VIEW).vectors(keys_of("a"))
    assert stored.tobytes() == EMBEDDER.encode_passages(["a"]).tobytes()


@pytest.mark.parametrize("damage", ["changed", "truncated", "gone"])
def test_a_broken_block_is_dropped_and_can_be_computed_again(storage: LocalStorage, damage: str) -> None:
    keys, vectors = keys_of("a", "b", "c"), EMBEDDER.encode_passages(["a", "b", "c"])
    store = FeatureStore(storage, VIEW)
    store.put(keys[:2], vectors[:2])
    store.put(keys[2:], vectors[2:])
    (hurt,) = (path for path in blocks(storage) if path.parent.name == block_name(keys[:2]))
    content = hurt.read_bytes()
    # Replaced, never written to: the file may be mapped.
    hurt.unlink()
    if damage != "gone":
        hurt.write_bytes(content[:-1] + b"\x55" if damage == "changed" else content[:-8])
    left = blocks(storage)
    again = FeatureStore(storage, VIEW)
    assert again.missing(keys) == keys[:2]
    assert blocks(storage) == left  # reading deletes nothing: only a new block takes the broken one's place
    again.put(keys[:2], vectors[:2])
    assert FeatureStore(storage, VIEW).vectors(keys).tobytes() == vectors.tobytes()


def test_blocks_that_are_merged_while_a_store_opens_them_are_found_in_the_merged_one(tmp_path: Path) -> None:
    class Merging(LocalStorage):
        """Merges what it lists right after the first listing, as a build beside an API process may."""

        has_merged = False

        def list(self, kind: str) -> list[str]:
            names = super().list(kind)
            if not self.has_merged:
                self.has_merged = True
                assert merge_small_blocks(self, kind, names) == SMALL_BLOCK
            return names

    texts = [f"text {number}" for number in range(SMALL_BLOCK)]
    keys, vectors = keys_of(*texts), EMBEDDER.encode_passages(texts)
    store = FeatureStore(open_storage(tmp_path), VIEW, blocks=[])
    for row in range(SMALL_BLOCK):
        store.put(keys[row : row + 1], vectors[row : row + 1])
    found = FeatureStore(Merging(tmp_path), VIEW)
    assert found.missing(keys) == []
    assert found.vectors(keys).tobytes() == vectors.tobytes()


def test_vectors_stay_readable_when_their_block_is_deleted(storage: LocalStorage) -> None:
    keys, vectors = keys_of("a", "b"), EMBEDDER.encode_passages(["a", "b"])
    store = FeatureStore(storage, VIEW)
    store.put(keys, vectors)
    storage.delete(f"features/{VIEW[:32]}", block_name(keys))
    assert store.vectors(keys).tobytes() == vectors.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_block_with_a_value_that_is_no_number_is_refused_whole(storage: LocalStorage, value: float) -> None:
    keys, vectors = keys_of("a", "b"), EMBEDDER.encode_passages(["a", "b"])
    vectors[1, 3] = value
    store = FeatureStore(storage, VIEW)
    with pytest.raises(ModelMismatch, match="not finite"):
        store.put(keys, vectors)
    assert store.missing(keys) == keys
    assert blocks(storage) == []


@pytest.mark.parametrize("rows", [1, 3])
def test_a_block_needs_one_vector_a_key(storage: LocalStorage, rows: int) -> None:
    with pytest.raises(ValueError, match=f"{rows} vectors for 2 keys"):
        FeatureStore(storage, VIEW).put(keys_of("a", "b"), EMBEDDER.encode_passages(["x"] * rows))
    assert blocks(storage) == []


def test_vectors_are_dropped_by_replacing_their_block(storage: LocalStorage) -> None:
    keys, vectors = keys_of("a", "b", "c"), EMBEDDER.encode_passages(["a", "b", "c"])
    store = FeatureStore(storage, VIEW)
    store.put(keys, vectors)
    kind = feature_kind(VIEW)
    drop_vectors(storage, kind, block_name(keys), [keys[0], keys[2]])
    assert storage.list(kind) == [block_name([keys[0], keys[2]])]
    after = FeatureStore(storage, VIEW)
    assert after.missing(keys) == [keys[1]]
    assert np.array_equal(after.vectors([keys[2], keys[0]]), vectors[[2, 0]])
    drop_vectors(storage, kind, block_name([keys[0], keys[2]]), [])
    assert storage.list(kind) == []


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStorage]:
    root, numbers = tmp_path_factory.mktemp("stores"), itertools.count()
    return (open_storage(root / str(number)) for number in numbers)


@examples(max_examples=30)
@given(
    batches=st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=5, unique=True), max_size=4),
    asked=st.lists(st.text(max_size=3), max_size=5),
)
def test_whatever_was_put_is_found_and_everything_else_is_missing(
    stores: Iterator[LocalStorage], batches: list[list[str]], asked: list[str]
) -> None:
    storage = next(stores)
    store = FeatureStore(storage, VIEW)
    for batch in batches:
        store.put(keys_of(*batch), EMBEDDER.encode_passages(batch))
    known = [text for batch in batches for text in batch]
    for reader in (store, FeatureStore(storage, VIEW)):
        assert len(reader) == len(set(known))
        assert reader.missing(keys_of(*asked)) == list(dict.fromkeys(keys_of(*(t for t in asked if t not in known))))
        if known:
            assert reader.vectors(keys_of(*known)).tobytes() == EMBEDDER.encode_passages(known).tobytes()
