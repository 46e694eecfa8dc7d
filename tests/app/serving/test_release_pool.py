from functools import partial
from types import SimpleNamespace

import pytest

from app.retrieval.retriever import Retriever
from app.serving import release_pool
from app.serving.query_cache import QueryCache
from app.serving.release_opening import ReleaseOpener
from app.serving.release_pool import REPAIRS, ReleasePool
from indexing.catalogue.document_writes import put_documents
from indexing.errors import GroundworkError, NotReady
from indexing.records import Document, Partition
from indexing.retention.document_locations import find_documents
from indexing.retention.erasure import erase
from indexing.retention.reachability import needed_vectors
from indexing.snapshots.manifest import KIND as SNAPSHOTS
from indexing.snapshots.shard import KIND, VECTORS_FILE
from tests.app.conftest import ARTICLES, release

HELPDESK = Partition("default", "helpdesk")


def test_nothing_is_given_out_before_something_is_released(home):
    pool = ReleasePool(home)
    with pytest.raises(NotReady):
        pool.current()
    with pytest.raises(NotReady, match="build"):
        pool.refresh()


def test_a_new_release_takes_over_and_the_old_one_serves_its_last_reader(served_home):
    pool = ReleasePool(served_home)
    before = pool.refresh()
    put_documents(served_home.catalogue, HELPDESK, [Document("new", "Voice calls", "Ring a customer from the inbox.")])
    release(served_home)
    after = pool.refresh()
    assert (before.release.number, after.release.number) == ("1.1", "1.2")
    assert pool.current() is after
    for name in served_home.storage.list(KIND):
        served_home.storage.delete(KIND, name)
    old = Retriever().search(before, HELPDESK, "ring a customer", k=10)
    new = Retriever().search(after, HELPDESK, "ring a customer", k=10)
    assert "new" not in {hit.passage.document_id for hit in old.hits}
    assert new.hits[0].passage.document_id == "new"


def test_refreshing_without_a_new_release_changes_nothing(served_home):
    pool = ReleasePool(served_home)
    assert pool.refresh() is pool.refresh()


def test_a_release_that_cannot_be_opened_leaves_the_old_one_serving(served_home):
    pool = ReleasePool(served_home)
    before = pool.refresh()
    put_documents(served_home.catalogue, HELPDESK, [Document("new", "Voice", "Ring.")])
    report = release(served_home)
    (served_home.path / SNAPSHOTS / report.release.snapshot / "snapshot.json").write_bytes(b"{}")
    with pytest.raises(GroundworkError):
        pool.refresh()
    assert pool.current() is before


def test_a_search_gives_the_same_bits_every_time(served_home):
    first, second = (
        Retriever().search(ReleasePool(served_home).refresh(), HELPDESK, "forgot my password", k=3) for _ in range(2)
    )
    assert first.hits == second.hits


def test_a_release_that_an_erasure_gave_another_snapshot_takes_over_under_its_number(served_home):
    pool = ReleasePool(served_home)
    before = pool.refresh()
    found = find_documents(served_home, HELPDESK, frozenset({"password"}))
    erase(served_home, found, partial(needed_vectors, served_home), wait=lambda seconds: None)
    old = Retriever().search(before, HELPDESK, "forgot my password", k=10).hits
    after = pool.refresh()
    assert after.release.number == before.release.number
    assert after.snapshot.id != before.snapshot.id
    assert after.embedder is before.embedder
    new = Retriever().search(after, HELPDESK, "forgot my password", k=10).hits
    assert {hit.passage.document_id for hit in old} - {hit.passage.document_id for hit in new} == {"password"}
    assert pool.refresh() is after


@pytest.fixture
def clock(monkeypatch):
    """The pool's clock, which stands still until a test moves ``now``."""
    moved = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(release_pool, "time", SimpleNamespace(monotonic=lambda: moved.now))
    return moved


def break_a_shard(home):
    """Replace a shard's vectors, never write into them: the file may be mapped."""
    name, *_ = home.storage.list(KIND)
    file = home.path / KIND / name / VECTORS_FILE
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 0xFF]))
    return name


def test_a_shard_that_a_build_restored_is_served_again_after_a_while(sharded_home, clock):
    name = break_a_shard(sharded_home)
    pool = ReleasePool(sharded_home)
    broken = pool.refresh()
    assert list(broken.snapshot.broken) == [name]
    assert release(sharded_home, shard_rows=2).is_new is False  # the same release over the same snapshot, whole again
    clock.now += REPAIRS.first_seconds - 0.1
    assert pool.refresh() is broken
    clock.now += 0.1
    repaired = pool.refresh()
    assert repaired.release == broken.release
    assert repaired.snapshot.broken == {}
    found = Retriever().search(repaired, HELPDESK, "anything", k=10).hits
    assert {hit.passage.document_id for hit in found} == set(ARTICLES)


def test_a_shard_that_nobody_restored_is_looked_at_again_after_growing_pauses(sharded_home, clock):
    name = break_a_shard(sharded_home)
    pool = ReleasePool(sharded_home)
    seen = [pool.refresh()]
    for pause in (REPAIRS.first_seconds, 2 * REPAIRS.first_seconds, 4 * REPAIRS.first_seconds):
        clock.now += pause - 0.1
        assert pool.refresh() is seen[-1]
        clock.now += 0.1
        seen.append(pool.refresh())
    assert len({id(serving) for serving in seen}) == 4
    assert all(list(serving.snapshot.broken) == [name] for serving in seen)


def break_all(home):
    for name in home.storage.list(KIND):
        path = home.path / KIND / name / "lexical.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"\xff")


def test_a_release_without_a_searchable_shard_is_not_put_in_service(served_home):
    break_all(served_home)
    pool = ReleasePool(served_home)
    with pytest.raises(NotReady, match="no shard that can be searched"):
        pool.refresh()
    with pytest.raises(NotReady):
        pool.current()


def test_a_wholly_broken_release_does_not_replace_a_healthy_one(served_home):
    pool = ReleasePool(served_home)
    before = pool.refresh()
    put_documents(served_home.catalogue, HELPDESK, [Document("new", "Voice", "Ring.")])
    release(served_home)
    break_all(served_home)
    with pytest.raises(NotReady):
        pool.refresh()
    assert pool.current() is before


def test_a_whole_snapshot_is_never_opened_again(served_home, clock):
    pool = ReleasePool(served_home)
    serving = pool.refresh()
    clock.now += 1000 * REPAIRS.first_seconds
    assert pool.refresh() is serving


def test_a_release_proves_its_encoder_and_not_the_cache(served_home):
    queries, outcomes = QueryCache(1 << 20), []
    queries.on_lookup = outcomes.append
    pool = ReleasePool(served_home, None, queries)
    serving = pool.refresh()
    again = ReleaseOpener(served_home, queries).open(serving.release)
    assert outcomes == []
    bare = ReleasePool(served_home).refresh().embedder
    for cached in (serving.embedder, again.embedder):
        assert cached.encode_query("forgot it").tobytes() == bare.encode_query("forgot it").tobytes()
    assert outcomes == ["miss", "process"]
