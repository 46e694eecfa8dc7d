from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from app.live.overlay import MAX_RUN_ROWS, Fresh, Overlay
from app.live.view_numbers import ReleaseViews, ViewNumbers
from indexing.indexes.analyser import Analyser
from indexing.records import Document, Partition, Passage
from indexing.snapshots.shard_layout import ShardInput

OURS = Partition("a", "articles")


class NoSnapshot:
    def __init__(self):
        self.broken = {}

    def view(self, partition):
        return None


def fresh(name, passages=1, word="apple"):
    made = [Passage(name, n, 0, 5, f"{word} {name} {n}", (), f"{word} {name} {n}") for n in range(passages)]
    vectors = np.random.default_rng(abs(hash((name, word))) % 2**32).standard_normal((passages, 8)).astype(np.float32)
    return Fresh(ShardInput(OURS, Document(name, "", f"{word} {name}"), made), vectors)


@pytest.fixture
def overlay():
    return Overlay(NoSnapshot(), Analyser("none"))


def runs(overlay):
    return [shard.rows for shard in overlay.view(OURS).shards]


def ids(overlay):
    view = overlay.view(OURS)
    allowed = view.allowed()
    found = []
    for number, shard in enumerate(view.shards):
        rows = range(shard.rows) if allowed[number] is None else np.flatnonzero(allowed[number]).tolist()
        found += [view.passage(number, row).document_id for row in rows]
    return sorted(found)


def test_nothing_is_there_before_something_is_added(overlay):
    assert overlay.view(OURS) is None
    overlay.remove(OURS, ["a"])
    assert overlay.view(OURS).rows == 0


def test_runs_stay_few_and_every_document_is_in_one(overlay):
    for n in range(200):
        overlay.add(OURS, [fresh(f"d{n:03}")])
        while overlay.merge(nullcontext()):
            pass
    assert len(runs(overlay)) <= 10
    assert ids(overlay) == [f"d{n:03}" for n in range(200)]
    assert overlay.passages == 200


def test_no_run_is_merged_beyond_the_bound(overlay):
    for n in range(3):
        overlay.add(OURS, [fresh(f"d{n}", MAX_RUN_ROWS // 2 + 1)])
    assert not overlay.merge(nullcontext())


def test_what_is_gone_leaves_memory_once_it_is_half_of_a_run(overlay):
    overlay.add(OURS, [fresh(name) for name in "abcd"])
    overlay.remove(OURS, ["a", "b"])
    assert (ids(overlay), overlay.passages) == (["c", "d"], 4)
    overlay.remove(OURS, ["c"])
    assert overlay.merge(nullcontext())
    assert (ids(overlay), overlay.passages) == (["d"], 1)
    overlay.remove(OURS, ["d"])
    assert (ids(overlay), overlay.passages, overlay.size_bytes) == ([], 0, 0)


def test_what_is_removed_while_runs_are_merged_stays_gone(overlay):
    overlay.add(OURS, [fresh("a")])
    overlay.add(OURS, [fresh("b")])

    class Meanwhile(nullcontext):
        def __enter__(self):
            overlay.remove(OURS, ["a"])

    assert overlay.merge(Meanwhile())
    assert ids(overlay) == ["b"]


def test_a_view_that_a_search_holds_never_changes(overlay):
    overlay.add(OURS, [fresh("a"), fresh("b")])
    before = overlay.view(OURS)
    overlay.add(OURS, [fresh("a", word="pear")])
    overlay.remove(OURS, ["b"])
    assert before.rows == 2
    assert before.passage(0, 0).text == "apple a 0"
    assert ids(overlay) == ["a"]


def test_a_document_without_passages_only_takes_the_old_one_away(overlay):
    overlay.add(OURS, [fresh("a")])
    overlay.add(OURS, [fresh("a", 0)])
    assert overlay.view(OURS).rows == 0


def test_vectors_are_known_by_what_the_encoder_reads(overlay):
    one = fresh("a", 3)
    overlay.add(OURS, [one])
    changed = ShardInput(OURS, one.item.document, [one.item.passages[2], *fresh("a", 1, "pear").item.passages])
    first, second = overlay.known_vectors(changed)
    assert np.array_equal(first, one.vectors[2])
    assert second is None
    renamed = ShardInput(OURS, Document("a", "Another title", ""), one.item.passages)
    assert overlay.known_vectors(renamed) == [None] * 3
    below = [replace(passage, table_heading="| name |") for passage in one.item.passages]
    assert overlay.known_vectors(ShardInput(OURS, one.item.document, below)) == [None] * 3


def test_each_change_has_a_number_and_is_told_before_it_can_be_seen_and_merging_is_none():
    told, seen_when_told = [], []
    numbers = ViewNumbers(lambda change: (told.append(change), seen_when_told.append(overlay and ids_now())))
    overlay = None

    def ids_now():
        return [] if overlay.view(OURS) is None else ids(overlay)

    overlay = Overlay(NoSnapshot(), Analyser("none"), ReleaseViews(numbers, "1.1", "s", "x"))
    assert overlay.number_of(overlay.view(OURS)) == 1
    for name in ("a", "b"):
        overlay.add(OURS, [replace(fresh(name), seq=7)])
    assert overlay.merge(nullcontext())
    merged = overlay.view(OURS)
    overlay.remove(OURS, ["a"])
    other = Overlay(NoSnapshot(), Analyser("none"), ReleaseViews(numbers, "1.2"))
    assert (overlay.number_of(merged), overlay.number_of(overlay.view(OURS))) == (3, 4)
    assert other.number_of(other.view(OURS)) == 5
    assert [(one.number, one.before, one.added, one.removed) for one in told] == [
        (1, 1, (), ()),
        (2, 1, (("a", 7),), ()),
        (3, 2, (("b", 7),), ()),
        (4, 3, (), ("a",)),
        (5, 5, (), ()),
    ]
    assert (told[0].snapshot, told[0].arithmetic, told[3].partition) == ("s", "x", OURS)
    assert seen_when_told[1:4] == [[], ["a"], ["a", "b"]]
