import threading
from types import SimpleNamespace

import numpy as np
import pytest

from app.serving import redis_vectors
from app.serving.query_cache import QueryCache, query_cache_for
from indexing.lru_cache import ENTRY_BYTES
from indexing.models.embedder import HashingEmbedder
from indexing.settings import Settings


class CountingEmbedder(HashingEmbedder):
    """Tells what it had to encode."""

    def __init__(self, dimension=16):
        super().__init__(dimension)
        self.encoded = []

    def encode_query(self, text):
        self.encoded.append(text)
        return super().encode_query(text)


class Shelf:
    """A second level in a dictionary, which can be lost."""

    def __init__(self):
        self.kept, self.asked, self.is_lost, self.is_closed = {}, 0, False, False

    def get(self, key):
        self.asked += 1
        if self.is_lost:
            raise ConnectionError("gone")
        return self.kept.get(key)

    def put_soon(self, key, value):
        self.kept[key] = value

    def close(self):
        self.is_closed = True


@pytest.fixture
def clock():
    moved = SimpleNamespace(now=0.0)
    moved.read = lambda: moved.now
    return moved


def make(shared=None, max_bytes=1 << 20, identity="model", dimension=16, **options):
    bare = CountingEmbedder(dimension)
    cache = QueryCache(max_bytes, shared, **options)
    outcomes = []
    cache.on_lookup = outcomes.append
    cached = cache.over(bare, identity)
    bare.encoded.clear()
    return SimpleNamespace(bare=bare, cache=cache, cached=cached, outcomes=outcomes)


def test_a_text_is_encoded_once_and_given_bit_for_bit_afterwards():
    made = make()
    fresh = HashingEmbedder(16).encode_query("forgot my password")
    given = [made.cached.encode_query("forgot my password") for _ in range(3)]
    assert made.bare.encoded == ["forgot my password"]
    assert all(vector.tobytes() == fresh.tobytes() and vector.dtype == np.float32 for vector in given)
    assert made.outcomes == ["miss", "process", "process"]


def test_nobody_can_change_a_vector_that_others_get_as_well():
    made = make(Shelf())
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            made.cached.encode_query("a")[0] = 1.0


def test_another_process_finds_in_the_second_level_what_the_first_encoded():
    shelf = Shelf()
    first, second = make(shelf), make(shelf)
    vector = first.cached.encode_query("forgot my password")
    again = second.cached.encode_query("forgot my password")
    assert (second.bare.encoded, second.outcomes) == ([], ["redis"])
    assert again.tobytes() == vector.tobytes()
    assert not again.flags.writeable
    second.cached.encode_query("forgot my password")
    assert second.outcomes == ["redis", "process"]


def test_the_second_level_holds_hashes_and_vectors_and_no_text():
    shelf = Shelf()
    made = make(shelf)
    made.cached.encode_query("a very private question")
    ((key, value),) = shelf.kept.items()
    assert len(key) == 32
    assert len(value) == 4 * 16
    assert b"private" not in key + value


def test_models_machines_and_texts_never_share_a_key():
    shelf = Shelf()
    keys = {
        make(shelf).cached.key("a"),
        make(shelf, identity="another model").cached.key("a"),
        make(shelf, dimension=8).cached.key("a"),  # another arithmetic gives the probe other bits
        make(shelf).cached.key("b"),
        make(shelf).cached.key(""),
        make(shelf).cached.key("\ud800"),
    }
    assert len(keys) == 6
    assert make(shelf).cached.key("a") in keys


def test_what_the_second_level_holds_in_another_size_is_not_believed():
    shelf = Shelf()
    made = make(shelf)
    shelf.kept[made.cached.key("a")] = b"123"
    vector = made.cached.encode_query("a")
    assert vector.tobytes() == HashingEmbedder(16).encode_query("a").tobytes()
    assert made.outcomes == ["miss"]


def test_a_lost_second_level_is_left_alone_for_growing_pauses_and_found_again(clock):
    shelf = Shelf()
    made = make(shelf, clock=clock.read)
    shelf.is_lost = True
    texts = iter(f"text {number}" for number in range(100))

    def asked():
        before = shelf.asked
        made.cached.encode_query(next(texts))
        made.cached.encode_query(next(texts))
        return shelf.asked - before

    assert asked() == 1
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        clock.now += pause - 0.01
        assert asked() == 0
        clock.now += 0.01
        assert asked() == 1
    shelf.is_lost = False
    clock.now += 30.0
    assert asked() == 2
    assert set(made.outcomes) == {"miss"}
    shelf.is_lost = True
    assert asked() == 1
    clock.now += 1.0
    assert asked() == 1


def test_what_was_not_used_for_longest_gives_way_when_the_memory_is_full():
    room_for_two = 2 * (64 + ENTRY_BYTES)
    made = make(max_bytes=room_for_two)
    for text in ("a", "b", "a", "c", "a", "b"):
        made.cached.encode_query(text)
    assert made.bare.encoded == ["a", "b", "c", "b"]


def test_without_memory_nothing_is_kept():
    made = make(max_bytes=0)
    made.cached.encode_query("a")
    made.cached.encode_query("a")
    assert made.bare.encoded == ["a", "a"]


def test_many_searches_for_one_text_at_once_encode_it_once():
    made = make()
    begun, go_on = threading.Event(), threading.Event()
    encode = made.bare.encode_query

    def slow(text):
        begun.set()
        assert go_on.wait(10)
        return encode(text)

    made.bare.encode_query = slow
    given = []
    searches = [threading.Thread(target=lambda: given.append(made.cached.encode_query("a"))) for _ in range(8)]
    searches[0].start()
    assert begun.wait(10)
    for search in searches[1:]:
        search.start()
    go_on.set()
    for search in searches:
        search.join()
    assert made.bare.encoded == ["a"]
    assert sorted(made.outcomes) == ["miss"] + ["process"] * 7
    assert len({vector.tobytes() for vector in given}) == 1


def test_a_failure_reaches_the_search_that_met_it_and_is_not_kept():
    made = make()
    encode, made.bare.encode_query = made.bare.encode_query, lambda text: 1 / 0
    with pytest.raises(ZeroDivisionError):
        made.cached.encode_query("a")
    made.bare.encode_query = encode
    assert made.cached.encode_query("a").tobytes() == HashingEmbedder(16).encode_query("a").tobytes()


def test_passages_are_encoded_as_without_a_cache():
    made = make()
    vectors = made.cached.encode_passages(["a", "b"])
    assert vectors.tobytes() == HashingEmbedder(16).encode_passages(["a", "b"]).tobytes()
    assert made.cached.count_tokens("a b") == made.bare.count_tokens("a b")
    assert made.outcomes == []


@pytest.mark.parametrize(
    ("settings", "is_shared"),
    [
        ({}, False),
        ({"redis_url": "redis://127.0.0.1:1/0"}, True),
        ({"redis_url": "redis://127.0.0.1:1/0", "query_cache_seconds": 0}, False),
    ],
)
def test_redis_is_used_where_it_is_configured_and_wanted(monkeypatch, settings, is_shared):
    shelves = []

    def connect(url, ttl_seconds):
        shelves.append(Shelf())
        return shelves[-1]

    monkeypatch.setattr(redis_vectors, "RedisVectors", connect)
    cache = query_cache_for(Settings(**settings))
    cache.over(CountingEmbedder(), "model").encode_query("a")
    assert [shelf.asked > 0 for shelf in shelves] == [True] * is_shared
    cache.close()


def test_closing_lets_go_of_the_second_level():
    shelf = Shelf()
    make(shelf).cache.close()
    assert shelf.is_closed
