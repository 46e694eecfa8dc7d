import pytest

from indexing.catalogue.build_requests import count_open_requests, open_requests, request_build
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.documents import count_waiting_for_build
from indexing.records import Document, Partition
from tests.support.migrated_catalogue import place_catalogue


@pytest.fixture
def catalogue(tmp_path):
    database = Database(place_catalogue(tmp_path / "catalogue.db"))
    yield database
    database.close()


def put(catalogue, tenant, *names, live=False):
    put_documents(catalogue, Partition(tenant, "c"), [Document(name, "", "text") for name in names], live=live)


def test_each_tenants_writes_ask_for_themselves_and_the_installation_for_itself(catalogue):
    put(catalogue, "a", "one")
    ours, theirs = (request_build(catalogue, "large", tenant=tenant) for tenant in ("a", "b"))
    own = request_build(catalogue, "large")
    assert len({ours.id, theirs.id, own.id}) == 3
    assert request_build(catalogue, "large", tenant="a") == ours
    assert request_build(catalogue, "large") == own
    assert open_requests(catalogue, tenant="a") == [ours]
    assert open_requests(catalogue) == [ours, theirs, own]
    assert count_open_requests(catalogue) == 3


def test_open_requests_come_in_pages(catalogue):
    made = []
    for number in range(5):
        put(catalogue, "a", f"d{number}")
        made.append(request_build(catalogue, "large", tenant="a"))
    assert open_requests(catalogue, limit=2) == made[:2]
    assert open_requests(catalogue, after=made[1].id, limit=2) == made[2:4]
    assert open_requests(catalogue, after=made[3].id, limit=2) == made[4:]


def test_what_waits_is_counted_by_tenant_and_by_the_write_it_waits_since(catalogue):
    put(catalogue, "a", "one", "two", "three")
    put(catalogue, "b", "four")
    put(catalogue, "b", "live", live=True)
    assert count_waiting_for_build(catalogue, -1) == 4
    assert count_waiting_for_build(catalogue, 2) == 2
    assert count_waiting_for_build(catalogue, 2, tenant="a") == 1
    assert count_waiting_for_build(catalogue, 4) == 0


def test_counting_what_waits_looks_at_nothing_that_a_build_holds(catalogue):
    sql = "EXPLAIN QUERY PLAN SELECT count(*) FROM documents WHERE live = 0 AND seq > 5"
    assert [row["detail"] for row in catalogue.rows(sql)] == ["SEARCH documents USING INDEX documents_waiting (seq>?)"]


def test_a_request_from_before_tenants_were_noted_is_the_installations(catalogue):
    with catalogue.write() as db:
        db.conn.execute("INSERT INTO build_requests (reason, seq, created_at) VALUES ('old', 3, 'then')")
    (request,) = open_requests(catalogue)
    assert (request.reason, request.tenant) == ("old", None)
    assert open_requests(catalogue, tenant="a") == []
