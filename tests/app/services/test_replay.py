"""Replay: what was answered then is answered again from the files of the home, to the bit, or it is said why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zlib import crc32

import numpy as np
import pytest

from app.retrieval.reranking import SecondPass
from app.services.replay import NotReplayable, Replayed
from app.serving.loaded_models import LoadedModels
from indexing.catalogue.document_features import ids_in_features
from indexing.catalogue.document_versions import forget_versions
from indexing.catalogue.releases import retire_releases
from indexing.features.boosts import Boost
from indexing.features.materialise import Push, push
from indexing.ledger.day_file import DayFile
from indexing.ledger.day_list import list_days
from indexing.records import Document
from indexing.releases.release import list_releases
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import erase
from indexing.retention.garbage import collect
from tests.support.document_features import CLICKS
from tests.support.fresh_home import OTHER_LANGUAGE, OTHER_VECTORS, OURS, RECIPE, THEIRS, Embedder, article
from tests.support.recorded_home import RecordedHome, body_by, document_of

LIVE_IDS = [f"live-{n:02}" for n in range(12)]


@pytest.fixture
def recorded(tmp_path):
    home = RecordedHome(tmp_path / "home")
    yield home
    home.close()


def replayed(recorded, rows=None):
    replayer = recorded.replayer()
    return [replayer.replay(row) for row in (recorded.rows if rows is None else rows)]


def reason(recorded, row):
    (found,) = replayed(recorded, [row])
    assert isinstance(found, NotReplayable), found
    return found.reason


class Life:
    """Any order of what happens to a home, by a seed."""

    def __init__(self, recorded, seed):
        self.recorded, self.chance = recorded, np.random.default_rng(seed)
        recorded.put(*(document_of(self.chance, f"bulk-{n:02}") for n in range(20)), live=False)
        recorded.put(document_of(self.chance, "theirs"), partition=THEIRS, live=False)
        self.next_bulk = 20
        self.recipes = [recorded.build(recipe).release.recipe for recipe in (RECIPE, OTHER_VECTORS)]
        self.process = recorded.recording_process()

    def step(self):
        name = self.chance.choice(["search", "put", "work", "rare"], p=[0.4, 0.3, 0.25, 0.05])
        if name == "rare":
            name = self.chance.choice(["remove", "write_bulk", "build", "deploy", "restart", "settle"])
        getattr(self, str(name))()

    def search(self):
        partition = THEIRS if self.chance.integers(8) == 0 else OURS
        self.recorded.ask(self.process, partition=partition, **body_by(self.chance))

    def put(self):
        self.process.put(document_of(self.chance, str(self.chance.choice(LIVE_IDS))))

    def work(self):
        self.process.live.work()

    def settle(self):
        self.process.settle()

    def remove(self):
        self.process.remove(*self.chance.choice(LIVE_IDS, 2).tolist())

    def write_bulk(self):
        self.recorded.put(document_of(self.chance, f"bulk-{self.next_bulk}"), live=False)
        self.next_bulk += 1

    def build(self):
        self.recorded.build(RECIPE)
        self.recorded.build(OTHER_VECTORS)
        self.process.pool.refresh()

    def deploy(self):
        self.recorded.deploy(int(self.chance.choice(self.recipes)))
        self.process.pool.refresh()

    def restart(self):
        self.process = self.recorded.recording_process()


@pytest.mark.parametrize("seed", range(2))
def test_every_search_of_a_long_life_is_replayed_to_the_bit(recorded, seed):
    life = Life(recorded, seed)
    for step in range(240):
        life.step()
        if step % 60 == 59:  # rare steps, each at least once in a while
            for name in ("remove", "write_bulk", "build", "deploy"):
                getattr(life, name)()
    found = replayed(recorded)
    assert len(found) > 80
    assert [one for one in found if not (isinstance(one, Replayed) and one.is_identical)] == []
    assert sum(len(row.hits) for row in recorded.rows) > 300
    assert recorded.replay_embedder.texts == []  # every vector was stored


def small_life(recorded):
    """One release, and a live write over it that is replaced; the row saw the first version."""
    recorded.put(article("built", 3), live=False)
    recorded.build()
    process = recorded.recording_process()
    process.put(article("fresh", 2))
    process.settle()
    row = recorded.ask(process, query="fresh0w1")
    assert "fresh" in {hit.document_id for hit in row.hits}
    process.put(article("fresh", 2, salt="new"))
    process.settle()
    recorded.ask(process, query="freshnew0w1")
    return process, row


def test_a_release_that_is_not_in_service_any_more_is_replayed_with_what_lay_over_it(recorded):
    process, _ = small_life(recorded)
    other = recorded.build(OTHER_LANGUAGE).release
    recorded.deploy(other.recipe)
    process.pool.refresh()
    process.remove("fresh")
    assert [one.is_identical for one in replayed(recorded)] == [True, True]


def test_a_tampered_row_differs_and_says_where(recorded):
    _, row = small_life(recorded)
    first = row.hits[0]
    changed = replace(first, score=float(np.nextafter(np.float32(first.score), np.float32(0))))
    (found,) = replayed(recorded, [replace(row, hits=(changed, *row.hits[1:]))])
    assert not found.is_identical
    assert found.differences[0].startswith("hit 1 was fresh[")
    (shorter,) = replayed(recorded, [replace(row, hits=row.hits[:1])])
    assert shorter.differences == (f"there were 1 hits, and are {len(row.hits)}.",)


def test_what_stands_in_the_way_is_said(recorded):
    _, row = small_life(recorded)
    assert reason(recorded, replace(row, query=None)) == "query_not_kept"
    assert reason(recorded, replace(row, is_whole=False)) == "query_not_kept"
    assert reason(recorded, replace(row, kind="model_call")) == "not_a_search"
    assert reason(recorded, replace(row, status=503, error="Overloaded")) == "not_answered"
    assert reason(recorded, replace(row, is_erased=True)) == "erased"
    assert reason(recorded, replace(row, view=0)) == "view_change_missing"
    assert reason(recorded, replace(row, process="other")) == "view_change_missing"
    assert reason(recorded, replace(row, warnings=("not searched: shard x",))) == "shard_damaged"


def test_a_change_that_was_dropped_is_missed_by_every_request_after_it_until_the_next_takeover(recorded):
    process, row = small_life(recorded)
    recorded.replayer()
    (day,) = list_days(recorded.home.ledger.folder)
    file = DayFile(day.database, busy_timeout_seconds=1.0)
    file.execute("DELETE FROM view_changes WHERE number = ?", (row.view,))
    file.close()
    recorded.build()
    process.pool.refresh()
    recorded.ask(process, query="freshnew0w1")
    first, second, after_takeover = replayed(recorded)
    assert (first.reason, second.reason) == ("view_change_missing", "view_change_missing")
    assert after_takeover.is_identical


def test_a_version_that_gc_forgot_and_a_release_that_it_freed_are_said(recorded):
    _, row = small_life(recorded)
    with recorded.home.catalogue.write() as db:
        forget_versions(db, recorded.home.catalogue.sequence())
    assert reason(recorded, row) == "version_freed"
    first = list_releases(recorded.home.catalogue)[0]
    retire_releases(recorded.home.catalogue, [(first.recipe, first.build)])
    assert reason(recorded, row) == "release_freed"


class OtherEmbedder(Embedder):
    """One whose last bit is another."""

    def encode_query(self, text):
        return np.nextafter(super().encode_query(text), np.float32(1), dtype=np.float32)


def test_another_arithmetic_is_said_where_it_gives_other_hits(recorded):
    _, row = small_life(recorded)
    replayer = recorded.replayer(OtherEmbedder())
    assert replayer.replay(row).reason == "other_arithmetic"


class AnyOrder:
    """A reranker with an order of its own."""

    def score(self, question, passage):
        return float(crc32(passage.encode()) % 997)


class InTime:
    def score(self, reranker, question, passages, budget_ms):
        return SecondPass(np.array([reranker.score(question, passage) for passage in passages], np.float32))


class Late:
    def score(self, reranker, question, passages, budget_ms):
        return SecondPass(None, "late")


def test_a_second_pass_is_done_or_skipped_as_it_was_then(recorded, monkeypatch):
    monkeypatch.setattr(LoadedModels, "reranker", lambda self, recipe: AnyOrder())
    recorded.put(*(article(f"d{n}", n + 1) for n in range(4)), live=False)
    recorded.build()
    process = recorded.recording_process()
    done = recorded.ask(process, query="d10w1", reranker=InTime(), group_by_document=False)
    skipped = recorded.ask(process, query="d10w1", reranker=Late(), group_by_document=False)
    assert (done.is_reranked, skipped.is_reranked) == (True, False)
    assert [hit.document_id for hit in done.hits] != [hit.document_id for hit in skipped.hits]
    first, second = replayed(recorded)
    assert first.is_identical
    assert first.notes == ()
    assert second.is_identical
    assert second.notes == ("the second pass was skipped then, and so it is here",)


def click(recorded, event, known_at, **clicks):
    rows = [Push(name, event.isoformat(), {"clicks": count}) for name, count in clicks.items()]
    push(recorded.home.catalogue, CLICKS, OURS, rows, now=lambda: known_at)


def test_boosts_use_what_was_known_then(recorded):
    boost = Boost("clicks:clicks", 5.0, 10.0)
    retrieval = replace(RECIPE.retrieval, boosts=(boost,))
    recorded.put(*(article(name) for name in ("a", "b", "c")), live=False)
    recorded.build(replace(RECIPE, retrieval=retrieval, document_views=(CLICKS,)))
    process = recorded.recording_process()
    now = datetime.now(UTC)
    click(recorded, now - timedelta(seconds=60), now - timedelta(seconds=60), c=40)
    row = recorded.ask(process, query="a0w1")
    assert row.hits[0].document_id == "c"
    click(recorded, now - timedelta(seconds=40), now + timedelta(seconds=60), b=1000)  # became known after it
    later = recorded.ask(process, query="a0w1")
    assert later.hits[0].document_id == "b"
    (then,) = replayed(recorded, [row])
    assert then.is_identical


def test_values_of_a_document_that_was_deleted_stay_for_replays_while_a_release_holds_it(recorded):
    boost = Boost("clicks:clicks", 5.0, 10.0)
    retrieval = replace(RECIPE.retrieval, boosts=(boost,))
    recorded.put(*(article(name) for name in ("a", "b", "c")), live=False)
    recorded.build(replace(RECIPE, retrieval=retrieval, document_views=(CLICKS,)))
    process = recorded.recording_process()
    moment = datetime.now(UTC) - timedelta(seconds=60)
    click(recorded, moment, moment, c=40)
    row = recorded.ask(process, query="a0w1")
    process.remove("c")
    catalogue = recorded.home.catalogue
    collect(catalogue, recorded.home.storage, list_releases(catalogue), [])
    (then,) = replayed(recorded, [row])
    assert then.is_identical
    recorded.build(replace(RECIPE, retrieval=retrieval, document_views=(CLICKS,)))
    collect(catalogue, recorded.home.storage, list_releases(catalogue)[-1:], [])
    assert ids_in_features(catalogue, OURS) == set()


def test_a_document_without_text_that_replaced_another_hides_it_in_the_replay_too(recorded):
    recorded.put(article("a"), article("b"), live=False)
    recorded.build()
    process = recorded.recording_process()
    process.put(Document("a", "", ""))
    process.settle()
    row = recorded.ask(process, query="a0w1")
    assert {hit.document_id for hit in row.hits} == {"b"}
    assert replayed(recorded)[0].is_identical


@pytest.mark.parametrize("erased", ["fresh", "built"])
def test_what_an_erasure_took_is_said_and_other_collections_are_replayed_on(recorded, erased):
    recorded.put(article("other"), partition=THEIRS, live=False)
    process, row = small_life(recorded)
    theirs = recorded.ask(process, query="other0w1", partition=THEIRS)
    recorded.replayer()  # all that was seen is in the ledger
    found = find_documents(recorded.home, OURS, frozenset({erased}))
    erase(recorded.home, found, lambda leave_out: {}, wait=lambda seconds: None)
    assert reason(recorded, row) == "erased"
    (again,) = replayed(recorded, [theirs])
    assert again.reason == "erased" if erased == "built" else again.is_identical  # the snapshot was written anew
