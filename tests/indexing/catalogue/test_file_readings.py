"""Files and their readings in the catalogue: whose they are, whose turn it is, and what became of them."""

from dataclasses import replace

import pytest

from indexing.catalogue.collections import create_collection, remove_collection
from indexing.catalogue.database import Database
from indexing.catalogue.document_writes import put_documents
from indexing.catalogue.file_readings import (
    Attachment,
    attach_files,
    count_readings,
    list_readings,
    own_documents,
    read_reading,
    readings_of_file,
)
from indexing.catalogue.files import (
    begin_file,
    file_of_document,
    finish_file,
    known_files,
    list_files,
    read_file,
    remove_file,
)
from indexing.catalogue.pages import Page
from indexing.catalogue.reading_turns import (
    cancel_reading,
    claim_reading,
    complete_reading,
    fail_reading,
    give_back,
    list_indexing,
    record_documents,
    renew_reading,
)
from indexing.catalogue.vector_stores import create_vector_store, list_vector_stores, read_vector_store
from indexing.errors import NotFound, QuotaExceeded
from indexing.records import Document, Partition
from tests.support.migrated_catalogue import place_catalogue

HELPDESK = Partition("acme", "helpdesk")
GUIDE = Document("guide", "Guide", "Reset it.")


@pytest.fixture
def catalogue(tmp_path):
    database = Database(place_catalogue(tmp_path / "catalogue.db"))
    yield database
    database.close()


def add(database, tenant="acme", name="guide.md", collection=None):
    file_id = begin_file(database, tenant, name, 10, "assistants", most_bytes=1000, collection=collection)
    return finish_file(database, tenant, file_id, "0" * 64).id


def attach(database, partition, *files, batch=None):
    create_collection(database, partition)
    return attach_files(database, partition, [Attachment(one, {}, {"type": "auto"}, {}) for one in files], batch=batch)


def claim(database, holder="a", most=10, lease_seconds=10.0):
    return claim_reading(database, holder, most=most, lease_seconds=lease_seconds)


def finish(database, reading, *documents):
    with database.write():
        put_documents(database, reading.partition, documents)
        record_documents(database, reading, "a", documents, [])
    assert complete_reading(database, reading)


def test_a_file_is_seen_by_its_tenant_alone_and_only_once_its_bytes_are_durable(catalogue):
    file_id = begin_file(catalogue, "acme", "a.md", 10, "assistants", most_bytes=100)
    assert list_files(catalogue, "acme", Page(10)).rows == []
    assert known_files(catalogue) == {file_id}
    with pytest.raises(NotFound):
        read_file(catalogue, "acme", file_id)
    finish_file(catalogue, "acme", file_id, "0" * 64)
    assert read_file(catalogue, "acme", file_id).filename == "a.md"
    with pytest.raises(NotFound):
        read_file(catalogue, "rival", file_id)
    with pytest.raises(NotFound):
        remove_file(catalogue, "rival", file_id)


def test_files_beyond_what_a_tenant_may_hold_are_refused(catalogue):
    begin_file(catalogue, "acme", "a.md", 60, "assistants", most_bytes=100)
    with pytest.raises(QuotaExceeded, match="has 60 and would get 41 more"):
        begin_file(catalogue, "acme", "b.md", 41, "assistants", most_bytes=100)
    begin_file(catalogue, "rival", "b.md", 41, "assistants", most_bytes=100)


def test_files_are_paged_in_both_orders(catalogue):
    first, second, third = (add(catalogue, name=f"{n}.md") for n in range(3))
    assert [one.id for one in list_files(catalogue, "acme", Page(2)).rows] == [third, second]
    assert [one.id for one in list_files(catalogue, "acme", Page(2, after=second)).rows] == [first]
    assert [one.id for one in list_files(catalogue, "acme", Page(9, after=first, is_ascending=True)).rows] == [
        second,
        third,
    ]


def test_a_document_names_its_file_as_long_as_it_has_the_content_that_the_file_gave(catalogue):
    file_id = add(catalogue)
    attach(catalogue, HELPDESK, file_id)
    finish(catalogue, claim(catalogue), GUIDE)
    assert file_of_document(catalogue, HELPDESK, "guide") == (file_id, "guide.md")
    assert file_of_document(catalogue, Partition("rival", "helpdesk"), "guide") is None
    put_documents(catalogue, HELPDESK, [replace(GUIDE, metadata={"team": "a"})])
    assert file_of_document(catalogue, HELPDESK, "guide") == (file_id, "guide.md")
    put_documents(catalogue, HELPDESK, [replace(GUIDE, text="Another text.")])
    assert file_of_document(catalogue, HELPDESK, "guide") is None
    assert own_documents(catalogue, read_reading(catalogue, HELPDESK, file_id)) == []


def test_tenants_take_turns_however_many_files_one_of_them_brings(catalogue):
    many = [add(catalogue) for _ in range(3)]
    attach(catalogue, HELPDESK, *many)
    attach(catalogue, Partition("rival", "b"), add(catalogue, "rival"))
    taken = [claim(catalogue) for _ in range(4)]
    assert [one.tenant for one in taken] == ["acme", "rival", "acme", "acme"]
    assert [one.file for one in taken if one.tenant == "acme"] == many
    assert claim(catalogue) is None


def test_no_more_readings_are_taken_at_once_than_may_be(catalogue):
    attach(catalogue, HELPDESK, add(catalogue), add(catalogue))
    first = claim(catalogue, most=1)
    assert claim(catalogue, "b", most=1) is None
    finish(catalogue, first, GUIDE)
    assert claim(catalogue, "b", most=1) is not None


def test_a_reading_whose_holder_is_silent_is_taken_by_another_and_is_no_longer_its_own(catalogue):
    attach(catalogue, HELPDESK, add(catalogue))
    first = claim(catalogue, "a")
    assert claim(catalogue, "b") is None
    again = claim(catalogue, "b", lease_seconds=-1.0)
    assert (again.number, again.attempts) == (first.number, 2)
    assert not renew_reading(catalogue, first, "a")
    assert renew_reading(catalogue, again, "b")
    give_back(catalogue, "b")
    assert claim(catalogue, "c").attempts == 2


def test_a_reading_ends_once_and_is_counted_where_it_ended(catalogue):
    attach(catalogue, HELPDESK, *(add(catalogue) for _ in range(3)))
    done, failed, cancelled = (claim(catalogue) for _ in range(3))
    finish(catalogue, done, GUIDE)
    assert fail_reading(catalogue, failed, "invalid_file", "it is broken", ["line 1"])
    assert cancel_reading(catalogue, cancelled)
    assert not fail_reading(catalogue, done, "server_error", "late")
    assert not complete_reading(catalogue, cancelled)
    counts = count_readings(catalogue, HELPDESK)
    assert (counts.completed, counts.failed, counts.cancelled, counts.in_progress) == (1, 1, 1, 0)
    assert read_reading(catalogue, HELPDESK, failed.file).error_message == "it is broken"
    assert read_reading(catalogue, HELPDESK, done.file).documents == ("guide",)
    assert [one.file for one in list_readings(catalogue, HELPDESK, Page(9), state="failed").rows] == [failed.file]


def test_what_is_stored_and_not_yet_found_is_known_and_can_be_cancelled_no_more(catalogue):
    attach(catalogue, HELPDESK, add(catalogue))
    reading = claim(catalogue)
    with catalogue.write():
        put_documents(catalogue, HELPDESK, [GUIDE])
        record_documents(catalogue, reading, "a", [GUIDE], ["line 2: broken"])
    assert not cancel_reading(catalogue, reading)
    (waiting,) = list_indexing(catalogue)
    assert (waiting.state, waiting.step, waiting.rejects) == ("in_progress", "indexing", ["line 2: broken"])
    assert waiting.usage_bytes == len(GUIDE.text)


def test_readings_page_forwards_and_backwards(catalogue):
    files = [add(catalogue) for _ in range(4)]
    attach(catalogue, HELPDESK, *files)

    def page(**options):
        return [files.index(one.file) for one in list_readings(catalogue, HELPDESK, Page(2, **options)).rows]

    assert page() == [3, 2]
    assert page(after=files[2]) == [1, 0]
    assert page(before=files[1]) == [3, 2]
    assert page(is_ascending=True, before=files[3]) == [1, 2]
    with pytest.raises(NotFound):
        page(after="file-unknown")


def test_what_was_brought_to_a_collection_goes_with_it_and_other_files_stay(catalogue):
    own, others = add(catalogue, collection="helpdesk"), add(catalogue)
    attach(catalogue, HELPDESK, own, others)
    remove_collection(catalogue, HELPDESK)
    assert [one.id for one in list_files(catalogue, "acme", Page(9)).rows] == [others]
    assert readings_of_file(catalogue, "acme", others) == []


def test_every_collection_is_a_vector_store_and_a_made_one_has_a_name_beside_its_id(catalogue):
    create_collection(catalogue, HELPDESK)
    store = create_vector_store(catalogue, "acme", name="Support FAQ", metadata={"a": "b"}, expires_days=2)
    assert store.id.startswith("vs_")
    assert store.name == "Support FAQ"
    assert not store.is_expired(store.created_at)
    assert store.is_expired("2999-01-01T00:00:00.000+00:00")
    assert read_vector_store(catalogue, HELPDESK).name == "helpdesk"
    found = [one.id for one in list_vector_stores(catalogue, "acme", Page(9)).rows]
    assert sorted(found) == sorted([store.id, "helpdesk"])
    assert [one.id for one in list_vector_stores(catalogue, "acme", Page(9, after=found[0])).rows] == found[1:]
    assert [one.id for one in list_vector_stores(catalogue, "acme", Page(9, before=found[1])).rows] == found[:1]
    with pytest.raises(NotFound):
        read_vector_store(catalogue, Partition("rival", store.id))
