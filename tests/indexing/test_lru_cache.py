"""What was used last is kept, within its bytes."""

from indexing.lru_cache import ENTRY_BYTES, LruCache


def test_the_bytes_that_are_counted_are_those_of_what_is_there() -> None:
    recent: LruCache[int, str] = LruCache(10 * (64 + ENTRY_BYTES))
    for number in range(100):
        for _ in range(2):
            recent.put(number, "value", 64)
    assert len(recent) == 10
    assert recent.size_bytes == 10 * (64 + ENTRY_BYTES)
    assert 99 in recent
    assert 0 not in recent


def test_what_was_not_used_for_longest_gives_way() -> None:
    recent: LruCache[str, str] = LruCache(2 * ENTRY_BYTES)
    recent.put("a", "A", 0)
    recent.put("b", "B", 0)
    assert recent.get("a") == "A"
    recent.put("c", "C", 0)
    assert [recent.get(key) for key in "abc"] == ["A", None, "C"]


def test_what_does_not_fit_at_all_is_not_kept() -> None:
    recent: LruCache[str, str] = LruCache(ENTRY_BYTES)
    recent.put("large", "value", 1)
    assert len(recent) == recent.size_bytes == 0
