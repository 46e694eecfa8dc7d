from types import SimpleNamespace

import pytest

from app.retrieval import snapshot_pool
from app.retrieval.retriever import Retriever
from app.retrieval.snapshot_pool import REPAIR_SECONDS, SnapshotPool
from indexing.errors import GroundworkError, NotReady
from indexing.records import Document, Partition
from indexing.shards import KIND, VECTORS_FILE
from indexing.snapshot import KIND as SNAPSHOTS
from tests.app.conftest import release

pytestmark = pytest.mark.model
HELPDESK = Partition("default", "helpdesk")


def test_nothing_is_given_out_before_something_is_released(home):
    pool = SnapshotPool(home)
    with pytest.raises(NotReady):
        pool.current()
    with pytest.raises(NotReady, match="build"):
        pool.refresh()


def test_a_new_release_takes_over_and_the_old_one_serves_its_last_reader(served_home):
    pool = SnapshotPool(served_home)
    before = pool.refresh()
    served_home.catalogue.put_documents(HELPDESK, [Document("new", "Voice calls", "Ring a customer from the inbox.")])
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
    pool = SnapshotPool(served_home)
    assert pool.refresh() is pool.refresh()


def test_a_release_that_cannot_be_opened_leaves_the_old_one_serving(served_home):
    pool = SnapshotPool(served_home)
    before = pool.refresh()
    served_home.catalogue.put_documents(HELPDESK, [Document("new", "Voice", "Ring.")])
    report = release(served_home)
    (served_home.path / SNAPSHOTS / report.release.snapshot / "snapshot.json").write_bytes(b"{}")
    with pytest.raises(GroundworkError):
        pool.refresh()
    assert pool.current() is before


def test_a_search_gives_the_same_bits_every_time(served_home):
    first, second = (
        Retriever().search(SnapshotPool(served_home).refresh(), HELPDESK, "forgot my password", k=3) for _ in range(2)
    )
    assert first.hits == second.hits


@pytest.fixture
def clock(monkeypatch):
    """The pool's clock, which stands still until a test moves ``now``."""
    moved = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(snapshot_pool, "time", SimpleNamespace(monotonic=lambda: moved.now))
    return moved


def break_a_shard(home):
    """Replace a shard's vectors, never write into them: the file may be mapped."""
    (name,) = home.storage.list(KIND)
    file = home.path / KIND / name / VECTORS_FILE
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 0xFF]))
    return name


def test_a_shard_that_a_build_restored_is_served_again_after_a_while(served_home, clock):
    name = break_a_shard(served_home)
    pool = SnapshotPool(served_home)
    broken = pool.refresh()
    assert list(broken.snapshot.broken) == [name]
    assert Retriever().search(broken, HELPDESK, "forgot my password", k=3).hits == []
    assert release(served_home).is_new is False  # the same release over the same snapshot, whole again
    clock.now += REPAIR_SECONDS - 0.1
    assert pool.refresh() is broken
    clock.now += 0.1
    repaired = pool.refresh()
    assert repaired.release == broken.release
    assert repaired.snapshot.broken == {}
    assert Retriever().search(repaired, HELPDESK, "forgot my password", k=3).hits[0].passage.document_id == "password"


def test_a_shard_that_nobody_restored_is_looked_at_again_and_again(served_home, clock):
    name = break_a_shard(served_home)
    pool = SnapshotPool(served_home)
    seen = [pool.refresh()]
    for _ in range(2):
        clock.now += REPAIR_SECONDS
        seen.append(pool.refresh())
        assert pool.refresh() is seen[-1]
    assert len({id(serving) for serving in seen}) == 3
    assert all(list(serving.snapshot.broken) == [name] for serving in seen)


def test_a_whole_snapshot_is_never_opened_again(served_home, clock):
    pool = SnapshotPool(served_home)
    serving = pool.refresh()
    clock.now += 1000 * REPAIR_SECONDS
    assert pool.refresh() is serving
