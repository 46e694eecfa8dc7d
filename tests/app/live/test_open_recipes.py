"""Several recipes open at once: a rollback changes the recipe and never the content."""

import gc
import threading
import weakref
from itertools import count

import pytest

from indexing.catalogue.build_requests import open_requests
from indexing.catalogue.database import utc_now
from indexing.catalogue.erasures import begin_erasure, finish_erasure, forget_ids
from indexing.errors import ReleaseBehind
from indexing.features.embedding_store import FEATURES
from indexing.records import Document
from indexing.releases.behind import documents_behind, require_caught_up
from indexing.releases.overview import standings
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_VECTORS, OURS, RECIPE, FreshHome, article
from tests.support.home_copies import built_once, fresh_copy

SECOND = pytest.mark.parametrize("recipe", [OTHER_LANGUAGE, OTHER_VECTORS], ids=["same vectors", "other vectors"])


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a home with four documents, built once. Take copies; leave it be."""

    def fill(made):
        made.put(*(article(f"doc{i}") for i in range(4)), live=False)
        made.build()

    return built_once(tmp_path_factory.mktemp("recipes") / "home", fill)


@pytest.fixture
def fresh(built, tmp_path):
    with fresh_copy(built, tmp_path / "home") as opened:
        yield opened


def text(name, passages=2, salt=""):
    return article(name, passages, salt).text


BUILT = {f"doc{i}": text(f"doc{i}") for i in range(4)}


def with_second(fresh, recipe=OTHER_LANGUAGE):
    """A process that serves recipe 1 and has recipe 2 open on standby."""
    fresh.build(recipe)
    fresh.keep_open(2)
    return fresh.process()


def promote(fresh, recipe, standby):
    fresh.deploy(recipe)
    fresh.keep_open(standby)


@SECOND
def test_every_write_and_delete_reaches_every_open_recipe(fresh, recipe):
    process = with_second(fresh, recipe)
    (written,) = process.put(article("new"), article("doc1", salt="x"))[:1]
    process.remove("doc2")
    assert "doc2" not in process.texts(recipe=1)
    assert "doc2" not in process.texts(recipe=2)
    process.settle()
    expected = BUILT | {"new": text("new"), "doc1": text("doc1", salt="x")}
    del expected["doc2"]
    assert process.texts(recipe=1) == process.texts(recipe=2) == expected
    for number in (1, 2):
        serving = process.serving(number)
        assert process.live.has_reached(serving, OURS, written.seq)
        assert process.live.finds(serving, OURS, "new", written.seq, is_live=True)
        assert process.live.reached(serving, OURS) == fresh.home.catalogue.sequence()


def test_recipes_that_share_a_model_share_the_vectors_of_a_write(fresh):
    process = with_second(fresh)
    process.put(article("new", 3))
    process.settle()
    assert len(process.embedder.texts) == 3
    assert process.search("new0w3", mode="lexical", recipe=2)[0][0] == "new"


def test_another_model_encodes_a_write_once_and_after_the_one_in_service(fresh):
    process = with_second(fresh, OTHER_VECTORS)
    process.put(article("new", 3))
    process.live.work()
    assert process.embedder.texts == 2 * process.embedder.texts[:3]
    process.settle()
    assert len(process.embedder.texts) == 6


def test_the_recipe_in_service_finds_a_write_while_the_other_still_encodes_it(fresh):
    process = with_second(fresh, OTHER_VECTORS)
    (written,) = process.put(article("new"))
    encode = process.embedder.encode_passages

    def second_waits(texts, on_progress=None):
        if process.embedder.texts:
            process.embedder.gate.clear()
        return encode(texts, on_progress)

    process.embedder.encode_passages = second_waits
    process.embedder.reached.clear()
    working = threading.Thread(target=process.settle)
    working.start()
    while process.embedder.gate.is_set():
        assert process.embedder.reached.wait(20)
    assert process.texts(recipe=1)["new"] == text("new")
    assert "new" not in process.texts(recipe=2)
    assert process.live.has_reached(process.serving(1), OURS, written.seq)
    assert not process.live.has_reached(process.serving(2), OURS, written.seq)
    assert process.live.is_to_come(process.serving(2), OURS, written.seq)
    process.embedder.gate.set()
    working.join(20)
    assert process.texts(recipe=2)["new"] == text("new")


@SECOND
def test_promoting_and_rolling_back_bring_nothing_deleted_back_and_lose_nothing_new(fresh, recipe):
    process = with_second(fresh, recipe)
    process.put(article("before"))
    process.settle()
    promote(fresh, 2, standby=1)
    process.pool.follow_plan()
    assert process.pool.current().release.number == "2.1"
    process.put(article("after"), article("doc0", salt="v"))
    process.remove("doc1", "before")
    process.settle()
    expected = BUILT | {"after": text("after"), "doc0": text("doc0", salt="v")}
    del expected["doc1"]
    assert process.texts() == expected
    promote(fresh, 1, standby=2)
    process.pool.follow_plan()
    assert process.pool.current().release.number == "1.1"
    assert process.texts() == expected
    process.remove("after")
    promote(fresh, 2, standby=1)
    process.pool.follow_plan()
    del expected["after"]
    assert process.texts() == expected


@SECOND
def test_a_rollback_after_builds_keeps_the_content_of_bulk_writes(fresh, recipe):
    process = with_second(fresh, recipe)
    promote(fresh, 2, standby=1)
    process.pool.refresh()
    process.put(article("small"), article("gone"))
    process.remove("doc3", "gone")
    (large,) = process.put(article("large", 60))
    assert not large.is_live
    process.settle()
    for one in (recipe, RECIPE):  # as the builder does, the recipe in service first
        fresh.build(one)
    process.pool.refresh()
    assert [process.serving(number).release.number for number in (1, 2)] == ["1.2", "2.2"]
    expected = BUILT | {"small": text("small"), "large": text("large", 60)}
    del expected["doc3"]
    assert process.texts() == expected
    promote(fresh, 1, standby=2)
    process.pool.follow_plan()
    assert process.texts() == expected
    assert process.live.has_reached(process.pool.current(), OURS, large.seq)


def test_what_only_one_recipe_has_built_waits_for_a_build_on_the_other_and_is_said_so(fresh):
    process = with_second(fresh)
    (large,) = process.put(article("large", 60))
    fresh.build()
    process.pool.refresh()
    assert process.live.has_reached(process.serving(1), OURS, large.seq)
    assert not process.live.has_reached(process.serving(2), OURS, large.seq)
    assert process.live.waits_for_build(process.serving(2), OURS, large.seq)
    assert not process.live.finds(process.serving(2), OURS, "large", large.seq, is_live=False)


def test_a_delete_of_another_process_reaches_every_recipe(fresh):
    process = with_second(fresh)
    fresh.remove("doc1")
    process.live.work()
    assert "doc1" not in {**process.texts(recipe=1), **process.texts(recipe=2)}


def test_a_write_during_a_build_of_the_second_recipe_is_neither_lost_nor_doubled(fresh):
    process = with_second(fresh)
    fresh.put(article("more", 4), live=False)
    once = iter([None])

    def write_meanwhile(stage, done, total):
        if stage == "shards" and next(once, "done") is None:
            process.put(article("doc1", salt="z"), article("late"))
            process.remove("doc2")
            process.settle()

    fresh.build()
    fresh.build(OTHER_LANGUAGE, on_progress=write_meanwhile)
    process.pool.refresh()
    process.settle()
    expected = BUILT | {"doc1": text("doc1", salt="z"), "late": text("late"), "more": text("more", 4)}
    del expected["doc2"]
    assert process.texts(recipe=1) == process.texts(recipe=2) == expected


def test_a_write_that_one_open_recipe_would_have_to_cut_too_fine_waits_for_a_build(fresh, monkeypatch):
    process = with_second(fresh)
    second = process.live.queues[2]
    for recipe, queue in process.live.queues.items():
        monkeypatch.setattr(queue, "passage_view", str(recipe))
    spans = second.chunker.spans
    monkeypatch.setattr(second.chunker, "spans", lambda document: 2 * list(spans(document)))
    assert process.live.takes(OURS, [article("few", 25)])
    assert not process.live.takes(OURS, [article("many", 26)])


def test_the_bounds_are_of_all_recipes_together_and_the_one_in_service_keeps_its_part(tmp_path):
    fresh = FreshHome(tmp_path / "home", live_max_passages=20)
    fresh.put(article("doc0"), live=False)
    fresh.build()
    process = with_second(fresh)
    process.put(article("a", 6))
    process.settle()
    assert process.live.passages == 12
    assert sorted(process.live.size_by_recipe()) == [1, 2]
    assert len(open_requests(fresh.home.catalogue)) == 1  # at half of the room
    (refused,) = process.put(article("b", 5))
    assert not refused.is_live  # there is room for one recipe, not for both
    fresh.put(article("c", 5))  # as another process may have had room for it
    process.settle()
    process.clock.now += 10
    process.settle()
    assert process.texts(recipe=1) == {"doc0": text("doc0"), "a": text("a", 6), "c": text("c", 5)}
    assert process.texts(recipe=2) == {"doc0": text("doc0"), "a": text("a", 6)}
    assert process.live.passages <= 20
    fresh.close()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_is_said_to_be_found_at_once_is_put_off_by_no_recipe_and_a_rollback_lacks_nothing(tmp_path, size):
    fresh = FreshHome(tmp_path / "home", live_max_passages=20)
    fresh.put(article("doc0"), live=False)
    fresh.build()
    fresh.build(OTHER_LANGUAGE)
    fresh.build(OTHER_VECTORS)
    fresh.keep_open(2, 3)
    process = fresh.process()
    told = {"doc0": text("doc0")}
    for number in range(9):  # as many as come before any of them is ready, and then after
        (written,) = process.put(article(f"n{number}", size))
        if written.is_live:
            told[written.id] = text(written.id, size)
        if number > 3:
            process.settle()
    assert len(told) == 1 + 6 // size  # each of the others has a third of the room
    for number in (1, 2, 3):
        assert process.texts(recipe=number) == told
        assert not process.live.queues[number].put_off
    before = documents_behind(fresh.home.catalogue, 1)
    assert documents_behind(fresh.home.catalogue, 2) == before == 9 - (len(told) - 1)
    fresh.close()


def test_what_a_recipe_on_standby_had_no_room_for_is_found_once_it_is_back_in_service(tmp_path):
    fresh = FreshHome(tmp_path / "home", live_max_passages=20)
    fresh.put(article("doc0"), live=False)
    fresh.build()
    fresh.put(article("a", 6), article("c", 5))
    fresh.build(OTHER_LANGUAGE)
    promote(fresh, 2, standby=1)
    process = fresh.process()
    process.settle()
    expected = {"doc0": text("doc0"), "a": text("a", 6), "c": text("c", 5)}
    assert process.texts(recipe=2) == expected
    assert process.texts(recipe=1) == {name: expected[name] for name in ("doc0", "a")}  # half of the room is its part
    assert documents_behind(fresh.home.catalogue, 1) == 0
    promote(fresh, 1, standby=2)
    process.pool.refresh()
    process.settle()
    assert process.serving().release.number == "1.1"
    assert process.texts() == expected
    fresh.close()


def test_an_encoder_that_fails_for_one_recipe_keeps_no_other_waiting(fresh, monkeypatch):
    process = with_second(fresh, OTHER_VECTORS)
    monkeypatch.setattr(process.live.queues[2], "advance", lambda **_: 1 / 0)
    process.put(article("new"))
    process.settle()
    assert process.texts(recipe=1) == BUILT | {"new": text("new")}
    assert process.texts(recipe=2) == BUILT


def encoded_for(process, name, like):
    """What must be encoded for a new document with the text of another, where no vector is on the disk."""
    storage, before = process.home.storage, len(process.embedder.texts)
    for kind in storage.kinds(FEATURES):
        for block in storage.list(kind):
            storage.delete(kind, block)
    process.put(Document(name, "", text(like)))
    process.settle()
    return process.embedder.texts[before:]


def test_an_erasure_leaves_no_recipe_anything_in_memory(fresh):
    process = with_second(fresh)
    process.put(article("secret"), article("new"))
    process.settle()
    assert encoded_for(process, "copy", "secret") == []  # what was encoded once is known
    fresh.remove("secret", "copy")
    erasure = begin_erasure(fresh.home.catalogue, OURS, ["secret", "copy"])
    forget_ids(fresh.home.catalogue, erasure)
    finish_erasure(fresh.home.catalogue, erasure)
    process.pool.refresh()
    assert process.texts(recipe=1) == process.texts(recipe=2) == BUILT | {"new": text("new")}
    assert process.live.passages == 4
    assert len(encoded_for(process, "again", "secret")) == 2


def test_a_recipe_that_left_the_plan_takes_no_more_memory(fresh):
    process = with_second(fresh)
    process.put(article("new"))
    process.settle()
    old = process.serving(2)
    fresh.keep_open()
    process.pool.follow_plan()
    assert list(process.pool.now().releases) == [1]
    assert process.live.passages == 2
    assert process.live.reached(old, OURS) == old.release.seq  # a search that still holds it ends with it
    fresh.keep_open(2)
    assert process.pool.follow_plan()  # it must be opened again
    process.pool.refresh()
    assert process.texts(recipe=2) == BUILT | {"new": text("new")}


def test_a_queue_that_asked_for_a_build_is_not_kept_once_its_recipe_is_closed(fresh):
    process = with_second(fresh)
    process.put(article("new"))
    queue = weakref.ref(process.live.queues[2])
    queue().is_behind = True
    process.live.work()
    assert len(open_requests(fresh.home.catalogue)) == 1
    fresh.keep_open()
    process.pool.follow_plan()
    gc.collect()
    assert queue() is None


def test_what_an_encoder_failed_on_is_known_as_lacking_after_a_restart_and_until_a_process_finds_it(fresh, monkeypatch):
    process = with_second(fresh, OTHER_VECTORS)
    encode, calls = process.embedder.encode_passages, count()
    # The queue of the recipe in service comes first, and its own is the next call.
    monkeypatch.setattr(process.embedder, "encode_passages", lambda texts: encode(texts) if not next(calls) else 1 / 0)
    process.put(article("new"))
    process.settle()
    assert process.texts(recipe=1) == BUILT | {"new": text("new")}
    assert process.texts(recipe=2) == BUILT

    def behind():
        return {one.recipe: one.documents_behind for one in standings(fresh.home.catalogue, utc_now())}

    assert behind() == {1: 0, 2: 1}
    process.home.close()
    assert behind() == {1: 0, 2: 1}
    with pytest.raises(ReleaseBehind, match=r"Release 2\.1 lacks 1 documents"):
        require_caught_up(fresh.home.catalogue, 2, anyway=False)
    restarted = fresh.process()
    restarted.settle()
    assert restarted.texts(recipe=2) == BUILT | {"new": text("new")}
    assert behind() == {1: 0, 2: 0}


@pytest.mark.parametrize("end", ["delete", "build"])
def test_what_is_deleted_or_built_is_lacking_no_more(fresh, monkeypatch, end):
    process = with_second(fresh, OTHER_VECTORS)
    with monkeypatch.context() as patch:
        patch.setattr(process.embedder, "encode_passages", lambda texts: 1 / 0)
        process.put(article("new"))
        process.settle()
    assert [documents_behind(fresh.home.catalogue, number) for number in (1, 2)] == [1, 1]
    if end == "delete":
        process.remove("new")
    else:
        fresh.build(OTHER_VECTORS)
    assert documents_behind(fresh.home.catalogue, 2) == 0
