import pytest

from app.retrieval.retriever import Retriever
from app.retrieval.snapshot_pool import SnapshotPool
from indexing.errors import GroundworkError, NotReady
from indexing.records import Document, Partition
from indexing.shards import KIND
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
