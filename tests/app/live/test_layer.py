import threading
from itertools import pairwise, product

import pytest

from app.live import write_queue
from app.live.write_queue import OTHERS_SECONDS
from app.retrieval.retriever import Retriever
from indexing.catalogue.build_requests import open_requests
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.documents import load_document
from indexing.catalogue.erasures import begin_erasure, finish_erasure, forget_ids
from indexing.errors import CatalogueBusy
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_VECTORS, OURS, THEIRS, FreshHome, article
from tests.support.home_copies import built_once, fresh_copy


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a home with ten documents, built once. Take copies; leave it be."""

    def fill(made):
        made.put(*(article(f"doc{i}") for i in range(10)), live=False)
        made.build()

    return built_once(tmp_path_factory.mktemp("layer") / "home", fill)


@pytest.fixture
def fresh(built, tmp_path):
    with fresh_copy(built, tmp_path / "home") as opened:
        yield opened


def text(name, passages=2, salt=""):
    return article(name, passages, salt).text


BUILT = {f"doc{i}": text(f"doc{i}") for i in range(10)}


def test_a_write_is_found_as_soon_as_it_is_embedded(fresh):
    process = fresh.process()
    (written,) = process.put(article("new"))
    serving = process.pool.current()
    assert written.is_live
    assert not process.live.has_reached(serving, OURS, written.seq)
    process.settle()
    assert process.texts() == BUILT | {"new": text("new")}
    assert process.live.has_reached(serving, OURS, written.seq)
    assert process.search("new0w3", mode="lexical")[0][0] == "new"


def test_a_search_says_how_many_of_its_hits_no_snapshot_holds(fresh):
    process = fresh.process()
    retriever = Retriever()
    assert "live_share" not in retriever.search(process.serving(), OURS, "doc30w3", k=4).features
    process.put(article("doc3", salt="x"))
    process.settle()
    assert retriever.search(process.serving(), OURS, "doc30w3", k=4).features["live_share"] in (0.0, 0.25)
    assert retriever.search(process.serving(), OURS, "doc3x0w3", k=10).features["live_share"] == 0.1


def test_a_write_into_a_partition_that_no_build_knows_is_found(fresh):
    process = fresh.process()
    process.put(article("first"), partition=THEIRS)
    process.settle()
    assert process.texts(THEIRS) == {"first": text("first")}
    assert process.texts() == BUILT


def test_the_old_version_answers_until_the_new_one_is_ready(fresh):
    process = fresh.process()
    process.put(article("doc3", salt="x"))
    process.embedder.gate.clear()
    working = threading.Thread(target=process.settle)
    working.start()
    assert process.embedder.reached.wait(20)
    assert process.texts() == BUILT
    process.embedder.gate.set()
    working.join(20)
    assert process.texts() == BUILT | {"doc3": text("doc3", salt="x")}


def test_a_delete_hides_at_once_even_while_a_write_is_being_embedded(fresh):
    process = fresh.process()
    process.put(article("slow"))
    process.embedder.gate.clear()
    working = threading.Thread(target=process.settle)
    working.start()
    assert process.embedder.reached.wait(20)
    process.remove("doc1", "slow")
    assert set(process.texts()) == BUILT.keys() - {"doc1"}
    process.embedder.gate.set()
    working.join(20)
    assert set(process.texts()) == BUILT.keys() - {"doc1"}  # what was in hand does not come back


def test_another_process_reads_the_vectors_and_encodes_nothing(fresh):
    writer, reader = fresh.process(), fresh.process()
    (written,) = writer.put(article("new", 5))
    reader.settle()
    assert "new" not in reader.texts()  # it waits for who took the write
    writer.settle()
    reader.settle()
    assert reader.texts() == writer.texts() == BUILT | {"new": text("new", 5)}
    assert (len(writer.embedder.texts), reader.embedder.texts) == (5, [])
    assert reader.live.has_reached(reader.pool.current(), OURS, written.seq)


def test_another_process_computes_what_nobody_else_does_in_time(fresh):
    reader = fresh.process()
    fresh.put(article("new"))
    reader.settle()
    assert "new" not in reader.texts()
    reader.clock.now += 2 * OTHERS_SECONDS
    reader.settle()
    assert reader.texts()["new"] == text("new")


def test_a_process_that_is_killed_loses_no_acknowledged_write(fresh):
    killed = fresh.process()
    killed.put(article("ready"))
    killed.settle()
    killed.put(article("waiting"))
    killed.remove("doc0")
    successor = fresh.process()
    expected = BUILT | {"ready": text("ready"), "waiting": text("waiting")}
    del expected["doc0"]
    assert successor.texts() == expected
    assert len(successor.embedder.texts) == 2  # those of the one that nobody had embedded


def test_what_the_encoder_does_not_read_costs_no_embedding(fresh):
    process = fresh.process()
    process.put(article("doc4", metadata={"a": 1}, allow=("boss",)))
    process.settle()
    assert process.embedder.texts == []
    assert "doc4" not in {name for name, _, _ in process.search("doc40w1", principals=[])}
    assert "doc4" in {name for name, _, _ in process.search("doc40w1", principals=["boss"])}


def test_a_change_embeds_only_the_passages_that_changed(fresh):
    process = fresh.process()
    old = article("doc5", 2)
    process.put(type(old)("doc5", "", f"{old.text} {article('extra', 1).text}"))
    process.settle()
    assert process.embedder.texts == [article("extra", 1).text]


def test_the_next_build_folds_the_live_layer_in_and_embeds_nothing_again(fresh):
    process = fresh.process()
    process.put(article("new", 3), article("doc2", salt="y"))
    process.remove("doc9")
    process.settle()
    before = process.texts()
    report = fresh.build()
    assert report.embeddings_computed == 0
    process.pool.refresh()
    assert process.live.passages == 0
    assert process.texts() == before


def test_a_write_during_a_build_is_neither_lost_nor_doubled(fresh):
    process = fresh.process()
    fresh.put(article("more", 4), live=False)
    once = iter([None])

    def write_meanwhile(stage, done, total):
        if stage == "shards" and next(once, "done") is None:
            process.put(article("doc1", salt="z"), article("late"))
            process.remove("doc2")
            process.settle()
            assert "doc2" not in process.texts()

    fresh.build(on_progress=write_meanwhile)
    process.pool.refresh()
    expected = BUILT | {"doc1": text("doc1", salt="z"), "late": text("late"), "more": text("more", 4)}
    del expected["doc2"]
    assert process.texts() == expected
    fresh.build()
    process.pool.refresh()
    assert process.texts() == expected


@pytest.mark.parametrize("recipe", [OTHER_LANGUAGE, OTHER_VECTORS], ids=["language", "vectors"])
def test_rolling_back_brings_nothing_deleted_back_and_loses_nothing_new(fresh, recipe):
    process = fresh.process()
    process.put(article("before"))
    process.settle()
    second = fresh.build(recipe).release.recipe
    fresh.deploy(second)
    process.pool.refresh()
    process.put(article("after"), article("doc0", salt="v"))
    process.remove("doc1", "before")
    process.settle()
    fresh.build(recipe)
    process.pool.refresh()
    expected = process.texts()
    assert {"after", "doc0"} <= expected.keys()
    assert not {"doc1", "before"} & expected.keys()
    fresh.deploy(1)
    process.pool.refresh()
    assert process.pool.current().release.number == "1.1"
    assert process.texts() == expected


def test_rolling_back_finds_what_later_builds_hold_if_it_has_vectors(fresh):
    second = fresh.build(OTHER_LANGUAGE).release.recipe
    fresh.deploy(second)
    fresh.put(article("ingested", 60), live=False)
    fresh.build(OTHER_LANGUAGE)
    fresh.deploy(1)
    process = fresh.process()
    assert process.texts() == BUILT | {"ingested": text("ingested", 60)}
    assert process.embedder.texts == []


def test_rolling_back_asks_for_a_build_where_vectors_are_missing(fresh):
    second = fresh.build(OTHER_VECTORS).release.recipe
    fresh.deploy(second)
    fresh.put(article("ingested", 60), live=False)
    fresh.build(OTHER_VECTORS)
    fresh.deploy(1)
    process = fresh.process()
    process.settle()
    assert process.texts() == BUILT
    assert [one.reason for one in open_requests(fresh.home.catalogue)] == ["the live layer fills up"]
    fresh.build()
    process.pool.refresh()
    assert process.texts() == BUILT | {"ingested": text("ingested", 60)}
    assert open_requests(fresh.home.catalogue) == []


def test_live_and_rebuilt_rankings_are_the_same(fresh, subtests):
    process = fresh.process()
    for i in range(0, 10, 2):
        process.put(article(f"doc{i}", 3, salt="n"), article(f"more{i}", i + 1))
        process.settle()
    process.remove("doc1", "more4", "doc2")
    process.put(article("doc3"))
    process.settle()
    queries = ["the more6 2 more62w5 end", "doc0n0w1 doc30w2 doc51w5", "doc10w1", "more00w0 the end of doc8n"]
    asked = list(product(("hybrid", "dense", "lexical"), (True, False), queries))
    live = [process.search(query, mode=mode, group=group) for mode, group, query in asked]
    assert process.pool.current().release.number == "1.1"
    fresh.build()
    process.pool.refresh()
    assert process.pool.current().release.number == "1.2"
    for (mode, group, query), before in zip(asked, live, strict=True):
        with subtests.test(mode=mode, group=group, query=query):
            after = process.search(query, mode=mode, group=group)
            scores = {(name, passage): score for name, passage, score in after}
            assert {(name, passage): pytest.approx(score, abs=1e-6) for name, passage, score in before} == scores
            distinct = [a for a, b in pairwise(after) if abs(a[2] - b[2]) > 1e-6]
            order = [(name, passage) for name, passage, _ in before]
            places = [order.index(one[:2]) for one in distinct]
            assert places == sorted(places)  # only equal scores may stand in another order


def test_a_write_of_more_than_fifty_passages_waits_for_a_build(fresh):
    process = fresh.process()
    (written,) = process.put(article("doc1", 51, salt="l"))
    process.settle()
    assert not written.is_live
    assert process.texts() == BUILT
    assert process.live.waits_for_build(process.pool.current(), OURS, written.seq)
    assert not process.live.has_reached(process.pool.current(), OURS, written.seq)
    (later,) = process.put(article("small"))
    process.settle()
    assert process.live.has_reached(process.pool.current(), OURS, later.seq)
    fresh.build()
    process.pool.refresh()
    assert process.texts() == BUILT | {"doc1": text("doc1", 51, salt="l"), "small": text("small")}
    assert process.live.has_reached(process.pool.current(), OURS, written.seq)


def test_a_large_document_whose_content_stays_needs_no_build(fresh):
    fresh.put(article("large", 60), live=False)
    fresh.build()
    process = fresh.process()
    (written,) = process.put(article("large", 60, allow=("boss",)))
    process.settle()
    assert written.is_live
    assert process.embedder.texts == []
    assert "large" not in {name for name, _, _ in process.search("large0w1", principals=[])}


def test_memory_is_bounded_and_a_build_is_asked_for_at_half_of_it(tmp_path):
    fresh = FreshHome(tmp_path / "home", live_max_passages=20)
    fresh.put(article("doc0"), live=False)
    fresh.build()
    process = fresh.process()
    process.put(article("a", 9))
    process.settle()
    assert open_requests(fresh.home.catalogue) == []
    process.put(article("b", 2))
    process.settle()
    assert len(open_requests(fresh.home.catalogue)) == 1
    (written,) = process.put(article("c", 10))
    process.settle()
    assert not written.is_live
    assert process.live.passages == 11
    assert set(process.texts()) == {"doc0", "a", "b"}
    assert load_document(fresh.home.catalogue, OURS, "c").text == text("c", 10)  # never lost
    fresh.build()
    process.pool.refresh()
    assert set(process.texts()) == {"doc0", "a", "b", "c"}
    fresh.close()


def test_a_process_with_less_room_lets_the_rest_wait_and_finds_it_after_a_build(tmp_path):
    fresh = FreshHome(tmp_path / "home", live_max_passages=20)
    fresh.put(article("doc0"), live=False)
    fresh.build()
    fresh.put(article("a", 15), article("b", 15))
    process = fresh.process()
    process.settle()
    assert set(process.texts()) == {"doc0", "a"}
    assert len(open_requests(fresh.home.catalogue)) == 1
    fresh.build()
    process.pool.refresh()
    assert set(process.texts()) == {"doc0", "a", "b"}
    fresh.close()


def test_an_encoder_that_fails_holds_nobody_else_up(fresh):
    process = fresh.process()
    encode = process.embedder.encode_passages
    process.embedder.encode_passages = lambda texts, on_progress=None: 1 / 0
    (written,) = process.put(article("bad"))
    process.settle()
    assert process.live.waits_for_build(process.pool.current(), OURS, written.seq)
    process.embedder.encode_passages = encode
    process.put(article("good"))
    process.settle()
    assert process.texts() == BUILT | {"good": text("good")}


def test_a_build_that_changes_nothing_searched_frees_the_live_layer(fresh):
    process = fresh.process()
    put_documents(fresh.home.catalogue, OURS, [article("doc1")], source="other", live=True)
    process.clock.now += 2 * OTHERS_SECONDS
    process.settle()
    assert process.live.passages == 2
    assert not fresh.build().is_new
    process.pool.refresh()
    assert process.live.passages == 0
    assert process.texts() == BUILT


def test_an_erasure_leaves_nothing_in_memory(fresh):
    process = fresh.process()
    process.put(article("secret"), article("new"))
    process.settle()
    fresh.remove("secret")
    erasure = begin_erasure(fresh.home.catalogue, OURS, ["secret"])
    forget_ids(fresh.home.catalogue, erasure)
    finish_erasure(fresh.home.catalogue, erasure)
    process.pool.refresh()
    assert process.texts() == BUILT | {"new": text("new")}
    assert process.live.passages == 2


def test_lag_is_the_age_of_the_oldest_write_in_line(fresh):
    process = fresh.process()
    assert process.live.lag_seconds == 0
    process.put(article("new"))
    process.clock.now += 3
    assert process.live.lag_seconds == 3
    process.settle()
    assert process.live.lag_seconds == 0
    assert process.live.size_bytes > 0


def test_the_thread_finds_writes_of_others_and_ends_when_told(fresh):
    process = fresh.process()
    stop = threading.Event()
    following = threading.Thread(target=process.live.run, args=(stop,))
    following.start()
    process.put(article("new"))
    while "new" not in process.texts():
        stop.wait(0.01)
    stop.set()
    process.live.wake()
    following.join(20)
    assert not following.is_alive()


def test_a_deleted_document_that_is_written_again_for_a_build_stays_away_until_then(fresh):
    remover, other = fresh.process(), fresh.process()
    remover.remove("doc1")
    fresh.put(article("doc1", 3, salt="again"), live=False)
    other.settle()
    for process in (remover, other, fresh.process()):
        assert process.texts() == {name: one for name, one in BUILT.items() if name != "doc1"}
    fresh.build()
    other.pool.refresh()
    assert other.texts() == BUILT | {"doc1": text("doc1", 3, salt="again")}


def test_the_last_live_version_answers_everywhere_until_a_larger_one_is_built(fresh):
    writer, late = fresh.process(), fresh.process()
    writer.put(article("new", salt="small"))
    writer.settle()
    writer.put(article("new", 60, salt="large"))
    small = BUILT | {"new": text("new", salt="small")}
    for process in (writer, late, fresh.process()):
        process.clock.now += 2 * OTHERS_SECONDS
        process.settle()
        assert process.texts() == small
    fresh.build()
    late.pool.refresh()
    assert late.texts() == BUILT | {"new": text("new", 60, salt="large")}
    assert late.live.passages == 0
    for gone in ("delete", "again"):
        writer.put(article(gone))
        writer.put(article(gone, 60, salt="large"))
    writer.remove("delete")
    writer.put(article("again", salt="small"))
    after = fresh.process()
    assert after.texts() == late.texts() | {"again": text("again", salt="small")}


@pytest.mark.parametrize(
    ("before", "after", "is_hidden"),
    [
        (None, ("boss",), True),
        (("boss", "me"), ("boss",), True),
        (("boss",), ("boss", "me"), False),
        (("me",), None, False),
    ],
)
def test_an_old_version_that_somebody_may_no_longer_see_does_not_wait_for_a_build(fresh, before, after, is_hidden):
    fresh.put(article("doc2", allow=before), live=False)
    fresh.build()
    process = fresh.process()
    fresh.put(article("doc2", 3, allow=after), live=False)
    process.settle()
    for one in (process, fresh.process()):
        found = {name for name, _, _ in one.search("doc20w1", principals=["me", "boss"])}
        assert ("doc2" in found) != is_hidden
    fresh.build()
    process.pool.refresh()
    assert "doc2" in {name for name, _, _ in process.search("doc20w1", principals=["boss", "me"])}


def test_an_old_version_that_somebody_may_no_longer_see_does_not_wait_for_the_encoder(fresh):
    fresh.put(article("doc3", allow=("boss", "me")), live=False)
    fresh.build()
    process, other = fresh.process(), fresh.process()

    def seen_by(*principals):
        return {name for name, _, _ in process.search("end", principals=principals)}

    assert {"doc2", "doc3"} <= seen_by("me")
    process.put(article("doc2", 5, salt="new", allow=("boss",)))
    process.put(article("doc3", 5, salt="new", allow=("boss",)))
    process.put(article("doc4", 5, salt="new", allow=None))
    other.live.work()
    for one in (process, other):
        found = {name for name, _, _ in one.search("end", principals=["me", "boss"])}
        assert "doc4" in found  # nobody loses it, so its old version answers
        assert not found & {"doc2", "doc3"}
    process.settle()
    assert {"doc2", "doc3", "doc4"} <= seen_by("boss")
    assert not seen_by("me") & {"doc2", "doc3"}
    process.put(article("doc3", 5, salt="newer", allow=("boss", "me")))
    assert "doc3" in seen_by("boss")  # more may see it than before: the old version answers
    late = fresh.process()
    assert {"doc2", "doc3", "doc4"} <= {name for name, _, _ in late.search("end", principals=["boss"])}


def test_one_document_that_cannot_be_added_waits_for_a_build_alone(fresh, monkeypatch):
    process = fresh.process()
    add = process.live.queues[1].overlay.add

    def fail(partition, documents):
        if any(one.item.document.id == "bad" for one in documents):
            raise MemoryError
        add(partition, documents)

    monkeypatch.setattr(process.live.queues[1].overlay, "add", fail)
    bad, good = process.put(article("bad"), article("good"))
    process.settle()
    assert process.texts() == BUILT | {"good": text("good")}
    assert process.live.waits_for_build(process.pool.current(), OURS, bad.seq)
    assert process.live.has_reached(process.pool.current(), OURS, good.seq)


def test_what_has_no_room_but_names_who_may_see_it_is_hidden_until_a_build(tmp_path):
    fresh = FreshHome(tmp_path / "home", live_max_passages=3)
    fresh.put(*(article(f"doc{i}") for i in range(4)), live=False)
    fresh.build()
    process, other = fresh.process(), fresh.process()
    fresh.put(article("doc1", metadata={"a": 1}), article("doc2", allow=("boss",)), article("doc3", allow=("boss",)))
    for one in (process, other):
        one.settle()
        found = {name for name, _, _ in one.search("doc0w1 doc10w1 doc20w1 doc30w1", principals=[])}
        assert found == {"doc0", "doc1"}
    fresh.close()


def test_a_write_that_comes_while_a_release_takes_over_is_found_after_it(fresh):
    process = fresh.process()
    fresh.build(OTHER_VECTORS)
    process.put(article("new"))
    process.settle()
    fresh.deploy(2)
    process.embedder.reached.clear()
    process.embedder.gate.clear()
    taking_over = threading.Thread(target=process.pool.refresh)
    taking_over.start()
    assert process.embedder.reached.wait(20)
    process.put(article("doc4", allow=("boss",)))
    process.settle()  # it has its vectors already, and is found by the old release
    assert "doc4" not in {name for name, _, _ in process.search("doc40w1", principals=[])}
    process.embedder.gate.set()
    taking_over.join(20)
    assert process.pool.current().release.recipe == 2
    assert "doc4" not in {name for name, _, _ in process.search("doc40w1", principals=[])}
    assert "doc4" in {name for name, _, _ in process.search("doc40w1", principals=["boss"])}


def test_a_document_that_cannot_be_read_for_a_moment_is_not_lost(fresh, monkeypatch):
    process = fresh.process()
    read, failures = write_queue.read_version, iter([CatalogueBusy("busy"), None])

    def fail_once(*arguments):
        if (error := next(failures, None)) is not None:
            raise error
        return read(*arguments)

    monkeypatch.setattr(write_queue, "read_version", fail_once)
    (written,) = process.put(article("new"))
    process.settle()
    assert not process.live.has_reached(process.pool.current(), OURS, written.seq)
    process.clock.now += write_queue.RETRIES.first_seconds
    process.settle()
    assert process.texts()["new"] == text("new")


def test_a_document_that_can_never_be_read_waits_for_a_build_and_holds_nobody_up(fresh, monkeypatch):
    process = fresh.process()
    read = write_queue.read_version

    def fail(catalogue, change):
        if change.id == "bad":
            raise MemoryError
        return read(catalogue, change)

    monkeypatch.setattr(write_queue, "read_version", fail)
    bad, good = process.put(article("bad"), article("good"))
    for _ in range(5):
        process.settle()
        process.clock.now += 5 * write_queue.RETRIES.first_seconds
    serving = process.pool.current()
    assert process.texts() == BUILT | {"good": text("good")}
    assert process.live.waits_for_build(process.pool.current(), OURS, bad.seq)
    assert process.live.has_reached(serving, OURS, good.seq)
    assert open_requests(fresh.home.catalogue)


def test_another_tenants_write_that_waits_for_a_build_is_nobody_elses_business(tmp_path):
    fresh = FreshHome(tmp_path / "home", live_max_passages=2)
    fresh.put(article("doc0"), live=False)
    fresh.build()
    process = fresh.process()
    (theirs,) = fresh.put(article("large", 4), partition=THEIRS)
    process.settle()
    assert process.live.waits_for_build(process.pool.current(), THEIRS, theirs.seq)
    assert process.live.has_reached(process.pool.current(), OURS, theirs.seq)
    fresh.close()


def test_others_wait_for_a_process_that_works_through_many_writes(fresh):
    writer, reader = fresh.process(), fresh.process()
    for number in range(4):
        writer.put(article(f"many{number}", 40))
    for _ in range(4):
        reader.clock.now += 2.5  # each takes the writer that long; a document's own time is 3 s
        reader.settle()
        writer.live.work()
        reader.settle()
    assert reader.embedder.texts == []
    assert reader.texts() == writer.texts() == BUILT | {f"many{i}": text(f"many{i}", 40) for i in range(4)}


def test_merging_keeps_what_is_said_of_documents(fresh):
    process = fresh.process()
    for number in range(4):
        process.put(article(f"new{number}", metadata={"number": number}, url=f"https://x.example/{number}"))
        process.put(article(f"secret{number}", allow=("boss",)))
        process.settle()
    view = process.pool.current().view(OURS)
    documents = {one.id: one for shard in view.shards for one in map(shard.document, range(_documents(shard)))}
    assert [documents[f"new{n}"].metadata for n in range(4)] == [{"number": n} for n in range(4)]
    assert documents["new3"].url == "https://x.example/3"
    assert not {name for name, _, _ in process.search("end", principals=[]) if name.startswith("secret")}
    assert len({name for name, _, _ in process.search("end", principals=["boss"]) if name.startswith("secret")}) == 4


def _documents(shard):
    return int(shard.passage_documents[-1]) + 1


def is_found(process, written, partition=OURS):
    return process.live.finds(process.pool.current(), partition, written.id, written.seq, is_live=written.is_live)


def test_a_write_counts_as_found_from_the_moment_on_when_searches_find_it(fresh):
    process = fresh.process()
    (before,) = fresh.put(article("doc3"), live=False)
    assert is_found(process, before)  # unchanged: the snapshot holds it
    (written,) = process.put(article("doc3", salt="x"))
    assert not is_found(process, written)
    process.settle()
    assert process.texts() == BUILT | {"doc3": text("doc3", salt="x")}
    assert is_found(process, written)
    assert process.live.count_waiting() == 0


def test_what_no_process_has_taken_yet_is_not_found(fresh):
    process = fresh.process()
    (written,) = fresh.put(article("elsewhere"))
    assert not is_found(process, written)
    process.settle()
    assert not is_found(process, written)  # the process that took it may be encoding it
    process.clock.now += 10
    process.settle()
    assert is_found(process, written)


def test_a_document_that_waits_for_a_build_is_counted_until_one_is_in_service(fresh):
    process = fresh.process()
    (ours,) = fresh.put(article("ours", 60), live=False)
    fresh.put(article("theirs", 60), partition=THEIRS, live=False)
    assert not is_found(process, ours)
    assert [process.live.count_waiting(tenant) for tenant in (None, "a", "b", "c")] == [2, 1, 1, 0]
    (again,) = process.put(article("ours", salt="short"))
    process.settle()
    assert is_found(process, again)
    assert process.live.count_waiting() == 1
    fresh.build()
    assert process.live.count_waiting() == 1  # built, and not in service here
    process.pool.refresh()
    assert process.live.count_waiting() == 0
    assert is_found(process, again)


def test_where_nothing_is_in_service_everything_waits(fresh):
    process = fresh.process(is_open=False)
    fresh.put(article("new"), live=False)
    assert process.live.count_waiting() == len(BUILT) + 1
    assert not process.live.takes(OURS, [article("new")])


def test_after_a_rollback_what_later_builds_hold_does_not_wait(fresh):
    second = fresh.build(OTHER_LANGUAGE).release.recipe
    fresh.deploy(second)
    (held,) = fresh.put(article("ingested", 60), live=False)
    fresh.build(OTHER_LANGUAGE)
    fresh.deploy(1)
    process = fresh.process()
    assert process.texts() == BUILT | {"ingested": text("ingested", 60)}
    assert is_found(process, held)
    assert process.live.count_waiting() == 0
    (changed,) = fresh.put(article("ingested", 60, salt="x"), live=False)
    assert not is_found(process, changed)
    assert process.live.count_waiting() == 1


def test_after_a_rollback_what_has_no_vectors_waits(fresh):
    second = fresh.build(OTHER_VECTORS).release.recipe
    fresh.deploy(second)
    (lost,) = fresh.put(article("ingested", 60), live=False)
    fresh.build(OTHER_VECTORS)
    fresh.deploy(1)
    process = fresh.process()
    process.settle()
    assert process.texts() == BUILT
    assert not is_found(process, lost)
    assert process.live.count_waiting() == 1


def test_a_live_write_that_finds_no_room_waits_for_a_build(tmp_path):
    small = FreshHome(tmp_path / "small", live_max_passages=3)
    small.put(article("built"), live=False)
    small.build()
    process = small.process()
    process.put(article("one"))
    (second,) = small.put(article("two"))  # as another process may have had room for it
    process.settle()
    assert not is_found(process, second)
    assert process.live.count_waiting() == process.live.count_waiting("a") == 1
    assert process.live.count_waiting("b") == 0
    small.close()
